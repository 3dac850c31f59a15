// Tool calls as transactions: asked, decided and answered once, across restarts.
import assert from "node:assert/strict";
import type { Chat } from "../../server/chat/chat.ts";
import { ChatError } from "../../server/errors.ts";
import type { ClientMessage } from "../../server/protocol/requests.ts";
import type { ProviderEvent } from "../../server/providers/provider.ts";
import {
  FINISH,
  openChat,
  read,
  type Script,
  say,
  text,
  transcript,
  withChat,
} from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";

const call = (tool_name: string, call_id = "call_1"): ProviderEvent => ({
  type: "tool_call",
  call_id,
  tool_name,
  arguments: { text: "one two three" },
});

/** Asks for a tool, and once it has the result says what it read. */
const asking =
  (...calls: ProviderEvent[]): Script =>
  ({ messages }) => {
    const results = messages.filter((message) => message.role === "tool");
    if (results.length === 0) return [text("Let me see."), ...calls, FINISH];
    return [text(results.map((result) => result.content).join(" | ")), FINISH];
  };

const COUNT = asking(call("count_words"));

const answer = (chat: Chat, session_id: string, message: ClientMessage) =>
  chat.startTurn({ session_id, message });
const decide = (decision: "approve" | "edit" | "reject", more = {}): ClientMessage => ({
  type: "tool_decision",
  call_id: "call_1",
  decision,
  ...more,
});

const isCode = (code: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof ChatError, String(thrown));
  assert.equal(thrown.code, code);
  return true;
};

for (const engine of ENGINES) {
  describe(`tool calls on ${engine.engine}`, () => {
    it("pauses for a decision, holding nothing, and goes on with it", () =>
      withChat(engine, COUNT, async ({ chat }) => {
        const turn = await say(chat, "count");
        const { session_id } = turn;
        const asked = await read(chat, turn);
        assert.deepEqual(transcript(asked).slice(2), [
          "assistant_message Let me see.",
          "tool_call count_words",
          "status waiting",
        ]);
        assert.deepEqual((await chat.listPending(session_id)).pending, [
          {
            call_id: "call_1",
            turn_id: turn.turn_id,
            tool_name: "count_words",
            arguments: { text: "one two three" },
            waits_for: "tool_decision",
            kind: "other",
          },
        ]);
        assert.equal(chat.runningTurns(), 0);
        const listed = async () => (await chat.listSessions({})).sessions[0]?.turn;
        const asking = { id: turn.turn_id, status: "waiting", asks: true };
        assert.deepEqual(
          [await listed(), (await chat.getSession(session_id)).turn],
          [asking, asking],
        );
        const rest = await read(chat, await answer(chat, session_id, decide("approve")));
        assert.deepEqual(transcript(rest), ["tool_result 3", "assistant_message 3", "done"]);
        assert.deepEqual((await chat.listPending(session_id)).pending, []);
        assert.deepEqual(await listed(), { id: turn.turn_id, status: "done" });
      }));

    it("runs with the arguments as edited, and tells the model of a rejection", () =>
      withChat(engine, COUNT, async ({ chat }) => {
        const first = await say(chat, "count");
        await read(chat, first);
        const edit = decide("edit", { modified_arguments: { text: "one two" } });
        const edited = await read(chat, await answer(chat, first.session_id, edit));
        assert.deepEqual(transcript(edited)[0], "tool_result 2");

        const second = await say(chat, "count");
        await read(chat, second);
        const reject = decide("reject", { feedback: "not now" });
        const rejected = await read(chat, await answer(chat, second.session_id, reject));
        assert.deepEqual(transcript(rejected).slice(1), [
          "assistant_message The user rejected this call: not now",
          "done",
        ]);
      }));

    it("takes a decision once, and gives the stored outcome again", () =>
      withChat(engine, COUNT, async ({ chat, requests }) => {
        const { session_id, turn_id, after } = await say(chat, "count");
        await read(chat, { session_id, turn_id, after });
        const both = await Promise.all([
          answer(chat, session_id, decide("approve")),
          answer(chat, session_id, decide("reject")),
        ]);
        const streams = await Promise.all(both.map((turn) => read(chat, turn)));
        assert.deepEqual(streams[0], streams[1]);
        assert.equal(requests.length, 2, "the model went on once");
      }));

    it("waits for a client's result after a restart, takes it once, and refuses what it did not ask for", async () => {
      const database = await engine.create();
      const before = await openChat(database.source, asking(call("read_file")));
      const turn = await say(before.chat, "read");
      const { session_id } = turn;
      await read(before.chat, turn);
      await before.crash();

      const { chat, requests, close } = await openChat(database.source, asking(call("read_file")));
      const result = { type: "tool_result", call_id: "call_1", result: "content" } as const;
      assert.equal((await chat.listPending(session_id)).pending[0]?.waits_for, "tool_result");
      const rest = await read(chat, await answer(chat, session_id, result));
      assert.deepEqual(transcript(rest), [
        "tool_result content",
        "assistant_message content",
        "done",
      ]);
      const again = await read(
        chat,
        await answer(chat, session_id, { ...result, result: "other" }),
      );
      assert.deepEqual(again, rest);
      assert.equal(requests.length, 1);
      await assert.rejects(
        answer(chat, session_id, { ...result, call_id: "nobody" }),
        isCode("not_found"),
      );
      await close();
      await database.remove();
    });

    it("refuses a result for a call that nobody has approved", () =>
      withChat(engine, COUNT, async ({ chat }) => {
        const turn = await say(chat, "count");
        await read(chat, turn);
        const result = { type: "tool_result", call_id: "call_1", result: "3" } as const;
        await assert.rejects(answer(chat, turn.session_id, result), isCode("not_waiting"));
      }));

    it("asks for each of several calls", () =>
      withChat(
        engine,
        asking(call("count_words", "a"), call("count_words", "b")),
        async ({ chat }) => {
          const turn = await say(chat, "go");
          const { session_id } = turn;
          const asked = await read(chat, turn);
          assert.ok(
            asked.filter((chunk) => chunk.type === "tool_call").every((c) => c.requires_approval),
          );
          const one = await answer(chat, session_id, {
            ...decide("approve"),
            call_id: "b",
          } as ClientMessage);
          assert.deepEqual(transcript(await read(chat, one)), ["tool_result 3", "status waiting"]);
          const two = await answer(chat, session_id, {
            ...decide("reject"),
            call_id: "a",
          } as ClientMessage);
          assert.equal(transcript(await read(chat, two)).at(-1), "done");
        },
      ));

    it("closes waiting calls when the user goes on, with a valid history", () =>
      withChat(engine, COUNT, async ({ chat, requests }) => {
        const turn = await say(chat, "count");
        const { session_id } = turn;
        await read(chat, turn);
        await read(chat, await say(chat, "never mind", { session_id }));
        const roles = requests.at(-1)?.messages.map((message) => message.role);
        assert.deepEqual(roles, ["user", "assistant", "tool", "user"]);
      }));

    it("cancels a turn that waits", () =>
      withChat(engine, COUNT, async ({ chat }) => {
        const turn = await say(chat, "count");
        await read(chat, turn);
        assert.deepEqual(await chat.cancelTurn(turn.session_id), { turn_id: turn.turn_id });
        assert.deepEqual((await chat.listPending(turn.session_id)).pending, []);
        await assert.rejects(
          chat.cancelTurn("00000000-0000-7000-8000-000000000000"),
          isCode("not_found"),
        );
      }));
  });
}
