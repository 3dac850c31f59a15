// Plans: proposed by a model, decided by a person, carried out in the order of
// their dependencies, resumed.
import assert from "node:assert/strict";
import { ChatError } from "../../server/errors.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { metadataOf } from "../support/any-chunk.ts";
import {
  FINISH,
  openChat,
  read,
  type Script,
  stall,
  type TestChat,
  text,
  transcript,
  withChat,
} from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";
import { ask, calls } from "../support/tools.ts";

const subtask = (id: string, agent_type: string, ...depends_on: string[]) => ({
  id,
  title: `Do ${id}`,
  description: `All about ${id}`,
  agent_type,
  depends_on,
});

/** Given in an order in which it cannot be carried out. */
const FIVE = {
  summary: "Five steps",
  subtasks: [
    subtask("e", "ask", "d"),
    subtask("b", "coder", "a"),
    subtask("a", "architect"),
    subtask("c", "debug", "a", "b"),
    subtask("d", "coder", "c"),
  ],
};

const asksForPlan = (plan: Record<string, unknown>): Script =>
  async function* ({ messages }, signal) {
    const last = messages.at(-1);
    if (last?.role === "user" && last.content.startsWith("Subtask")) {
      const title = /Do \w+/.exec(last.content)?.[0] ?? "";
      if (stalled.has(title)) await stall(signal);
      yield text(`${title} is done.`);
    } else if (last?.role === "tool") {
      yield text(`So be it: ${last.content}`);
    } else yield calls("create_plan", plan);
    yield FINISH;
  };
/** Titles of the subtasks in whose middle the model is silent. */
const stalled = new Set<string>();

const decide = (
  { chat }: TestChat,
  session_id: string,
  decision: "approve" | "edit" | "reject",
  more: { feedback?: string; modified_arguments?: Record<string, unknown> } = {},
) =>
  chat.startTurn({
    session_id,
    message: { type: "tool_decision", call_id: "call", decision, ...more },
  });

const plansOf = (chunks: readonly StreamChunk[]) =>
  chunks.filter(({ type }) => type === "plan_created");
const titles = (chunk: StreamChunk | undefined) =>
  ((metadataOf(chunk).subtasks ?? []) as { id: string }[]).map(({ id }) => id).join("");
const completed = (chunks: readonly StreamChunk[]) =>
  chunks.filter(({ type }) => type === "subtask_completed").map(({ content }) => content);

for (const engine of ENGINES) {
  describe(`plans on ${engine.engine}`, () => {
    afterEach(() => stalled.clear());

    it("are shown, approved and carried out in the order of their dependencies", () =>
      withChat(engine, asksForPlan(FIVE), async (open) => {
        const { chat, requests } = open;
        const turn = await ask(chat, "plan it", { agent_type: "architect" });
        const asked = await read(chat, turn);
        assert.deepEqual(
          asked.slice(-4).map(({ type }) => type),
          ["tool_call", "plan_created", "plan_approval_required", "status"],
        );
        assert.equal(titles(asked.at(-3)), "abcde");
        assert.equal(asked.at(-2)?.approval_request_id, "call");
        assert.equal(
          (await chat.listPending(turn.session_id)).pending[0]?.tool_name,
          "create_plan",
        );

        const rest = await read(chat, await decide(open, turn.session_id, "approve"));
        assert.deepEqual(transcript(rest).slice(0, 5), [
          "tool_result The user approved the plan.",
          "status subtask",
          "assistant_message Do a is done.",
          "subtask_completed Do a",
          "agent_switched coder",
        ]);
        assert.deepEqual(completed(rest), ["Do a", "Do b", "Do c", "Do d", "Do e"]);
        assert.deepEqual(transcript(rest).slice(-2), ["execution_completed", "done"]);
        const prompts = requests.slice(1).map(({ system }) => system.slice(0, 14));
        assert.deepEqual(prompts, [
          "You design sof",
          "You write and ",
          "You find the c",
          "You write and ",
          "You explain co",
        ]);
        assert.ok(
          !requests[1]?.tools.some(({ name }) => name === "create_plan"),
          "no plan in a plan",
        );
        assert.equal((await chat.getSession(turn.session_id)).agent_type, "architect");
      }));

    it("are resumed where they were after their companion died in the middle of the third subtask", async () => {
      stalled.add("Do c");
      const database = await engine.create();
      const before = await openChat(database.source, asksForPlan(FIVE));
      const turn = await ask(before.chat, "plan it");
      await read(before.chat, turn);
      const approved = await decide(before, turn.session_id, "approve");
      const until = { after: approved.after, until: "left" } as const;
      let seen: StreamChunk[] = [];
      for await (const frames of before.chat.stream(
        turn.session_id,
        until,
        AbortSignal.timeout(9_000),
      )) {
        seen = [...seen, ...frames.map(({ chunk }) => chunk)];
        if (seen.filter((chunk) => metadataOf(chunk).state === "subtask").length === 3) break;
      }
      const planId = seen.find(({ plan_id }) => plan_id)?.plan_id ?? "";
      await before.crash();

      stalled.clear();
      const after = await openChat(database.source, asksForPlan(FIVE));
      // As if the dead one's lease had run out.
      const uow = after.deps.newUnitOfWork();
      await uow.commit("renew_lease", (trx) =>
        trx.updateTable("sessions").set({ lease_expires_at: 1 }).execute(),
      );
      uow.close();
      const message = {
        type: "user_message",
        content: "Go on",
        resume_plan_id: planId,
      } as const;
      const request = { session_id: turn.session_id, message };
      const resumed = await read(after.chat, await after.chat.startTurn(request));
      assert.deepEqual(completed(resumed), ["Do c", "Do d", "Do e"]);
      assert.equal(resumed.at(-1)?.type, "done");
      await assert.rejects(after.chat.startTurn(request), (thrown) => {
        assert.ok(thrown instanceof ChatError);
        assert.match(thrown.message, /resume_plan_id: no plan/);
        return true;
      });
      await after.close();
      await database.remove();
    });

    it("are changed by a person, who is told what is wrong with the change", () =>
      withChat(engine, asksForPlan(FIVE), async (open) => {
        const { chat } = open;
        const turn = await ask(chat, "plan it");
        await read(chat, turn);
        const circle = { ...FIVE, subtasks: [subtask("a", "ask", "b"), subtask("b", "ask", "a")] };
        await assert.rejects(
          decide(open, turn.session_id, "edit", { modified_arguments: circle }),
          /circle/,
        );
        const modified_arguments = { summary: "One step", subtasks: [subtask("z", "ask")] };
        const rest = await read(
          chat,
          await decide(open, turn.session_id, "edit", { modified_arguments }),
        );
        assert.equal(titles(plansOf(rest)[0]), "z");
        assert.deepEqual(completed(rest), ["Do z"]);
      }));

    it("are rejected, or sent back with a word to the model", () =>
      withChat(engine, asksForPlan(FIVE), async (open) => {
        const { chat } = open;
        const first = await ask(chat, "plan it");
        await read(chat, first);
        const rejected = await read(chat, await decide(open, first.session_id, "reject"));
        assert.deepEqual(transcript(rejected).slice(0, 3), [
          "plan_rejected",
          "tool_result The user rejected the plan.",
          "assistant_message So be it: The user rejected the plan.",
        ]);
        const second = await ask(chat, "plan it");
        await read(chat, second);
        const back = await read(
          chat,
          await decide(open, second.session_id, "reject", { feedback: "fewer steps" }),
        );
        assert.equal(transcript(back)[0], "plan_modification_requested fewer steps");
        assert.match(back.find(({ token }) => token)?.token ?? "", /wants the plan changed: fewer/);
      }));

    for (const [fault, plan] of [
      ["depends on x, which is not there", { summary: "s", subtasks: [subtask("a", "ask", "x")] }],
      ["in a circle", { summary: "s", subtasks: [subtask("a", "ask", "a")] }],
      ["nobody", { summary: "s", subtasks: [subtask("a", "nobody")] }],
      ["summary", { subtasks: [subtask("a", "ask")] }],
    ] as const) {
      it(`go back to the model when they cannot be carried out: ${fault}`, () =>
        withChat(engine, asksForPlan(plan), async ({ chat }) => {
          const chunks = await read(chat, await ask(chat, "plan it"));
          const error = chunks.find(({ type }) => type === "tool_result")?.error ?? "";
          assert.ok(error.includes(fault), error);
          assert.equal(chunks.at(-1)?.type, "done");
        }));
    }
  });
}
