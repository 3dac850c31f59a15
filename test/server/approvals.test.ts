// What a person lets run without asking: rules of a workspace, levels of a chat.
import assert from "node:assert/strict";
import type { Chat } from "../../server/chat/chat.ts";
import type { ApprovalLevel, RuleText } from "../../server/protocol/approvals.ts";
import type { Environment, OfferedTool } from "../../server/protocol/offers.ts";
import type { MessageRequest } from "../../server/protocol/requests.ts";
import type { ProviderEvent } from "../../server/providers/provider.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { collect, FINISH, openChat, read, type Script, stall, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";
import { ask, calling, calls, isCode, send, TOOLS } from "../support/tools.ts";

const ENVIRONMENT: Environment = { os: "Linux", shell: "bash", folders: ["project"] };
const NPM_TEST: RuleText = { type: "command_prefix", pattern: "npm test" };
const run = (command: string, args: Record<string, unknown> = {}) =>
  calls("execute_command", { command, ...args });

/** Of the only call of a turn: whether it asks and why, or by what it runs. */
async function callOf(chat: Chat, turn: Awaited<ReturnType<typeof ask>>): Promise<unknown> {
  const chunks = await read(chat, turn);
  const call = chunks.find(({ type }) => type === "tool_call");
  const { asks_because, allowed_by } = metadataOf(call);
  assert.equal(call?.requires_approval, asks_because !== undefined);
  return asks_because ?? allowed_by ?? "its tool need not ask";
}

const asking = (chat: Chat, more: Partial<MessageRequest> = {}) =>
  ask(chat, "do it", { environment: ENVIRONMENT, ...more });

/** Makes the call that it is told of. */
const asTold: Script = ({ messages }) => {
  const question = messages.findLast(({ role }) => role === "user")?.content ?? "";
  return [JSON.parse(question) as ProviderEvent, FINISH];
};

const telling = (chat: Chat, call: ProviderEvent, more: Partial<MessageRequest>) =>
  ask(chat, JSON.stringify(call), { environment: ENVIRONMENT, ...more });

async function chatAt(chat: Chat, level: ApprovalLevel, workspace = "/project"): Promise<string> {
  const { id } = await chat.createSession({});
  const session = await chat.setApprovalLevel(id, { level, workspace });
  assert.equal(session.approval_level, level);
  return id;
}

const approve = (remember: "session" | RuleText, call_id = "call") =>
  ({ type: "tool_decision", call_id, decision: "approve", remember }) as const;

const byRule = (...rules: RuleText[]) => ({ by: "rule", rules });
const byLevel = (level: ApprovalLevel) => ({ by: "level", level });

for (const engine of ENGINES) {
  describe(`approvals on ${engine.engine}`, () => {
    it("are made of a call by a person, hold in every chat of the workspace, and are told with each call", () =>
      withChat(engine, calling(run("npm test -- --grep a")), async ({ chat }) => {
        const turn = await asking(chat);
        assert.equal(await callOf(chat, turn), "not_allowed");
        const { choices } = await chat.ruleChoices(turn.session_id, "call");
        assert.deepEqual(choices, [{ type: "command", pattern: "npm test -- --grep a" }, NPM_TEST]);
        const approved = await read(chat, await send(chat, turn.session_id, approve(NPM_TEST)));
        const { rule_type, pattern } = metadataOf(
          approved.find((chunk) => metadataOf(chunk).state === "rule_allowed"),
        );
        assert.deepEqual({ type: rule_type, pattern }, NPM_TEST);
        assert.deepEqual(await callOf(chat, await asking(chat)), byRule(NPM_TEST));
        assert.equal(
          await callOf(chat, await asking(chat, { workspace: "/other" })),
          "not_allowed",
        );
        const untrusted = await read(chat, await asking(chat, { workspace_trusted: false }));
        assert.match(untrusted.find(({ error }) => error)?.error ?? "", /not trusted/);

        const { rules } = await chat.approvalRules("/project");
        assert.deepEqual((await chat.approvalRules("/other")).rules, []);
        assert.deepEqual(
          rules.map(({ type, pattern, workspace }) => ({ type, pattern, workspace })),
          [{ ...NPM_TEST, workspace: "/project" }],
        );
        const id = rules[0]?.id ?? "";
        await Promise.all([1, 2].map(() => chat.removeApprovalRule(id)));
        assert.equal(await callOf(chat, await asking(chat)), "not_allowed");
      }));

    it("are stored once, with the decision, and outlive a crash", async () => {
      const database = await engine.create();
      try {
        const script = calling(run("npm test"), run("npm test -- --again"));
        const before = await openChat(database.source, script);
        const turn = await asking(before.chat);
        await read(before.chat, turn);
        const decision = approve(NPM_TEST);
        await Promise.all([1, 2, 3].map(() => send(before.chat, turn.session_id, decision)));
        await before.crash();
        const after = await openChat(database.source, script);
        const { chat } = after;
        assert.equal((await chat.approvalRules(undefined)).rules.length, 1);
        await send(chat, turn.session_id, decision);
        const result = { type: "tool_result", call_id: "call", result: "ok" } as const;
        const next = await read(chat, await send(chat, turn.session_id, result));
        const second = next.find(({ type }) => type === "tool_call");
        assert.deepEqual(metadataOf(second).allowed_by, byRule(NPM_TEST));
        await chat.cancelTurn(turn.session_id);
        const all = await collect(chat, turn.session_id, { after: 0, until: "turn_end" });
        const states = all.map((chunk) => metadataOf(chunk).state);
        assert.equal(states.filter((state) => state === "rule_allowed").length, 1);
        assert.equal(all.filter((chunk) => metadataOf(chunk).allowed_by).length, 1);
        await after.close();
      } finally {
        await database.remove();
      }
    });

    it("that would not have allowed the call are refused, and the call waits on", () =>
      withChat(engine, calling(run("npm test && touch x")), async ({ chat }) => {
        const turn = await asking(chat);
        await read(chat, turn);
        for (const rule of [
          NPM_TEST,
          { type: "command_prefix", pattern: "npm" },
          { type: "command", pattern: "npm test" },
          { type: "path", pattern: "**" },
        ] as const) {
          const sent = send(chat, turn.session_id, approve(rule));
          await assert.rejects(sent, isCode("invalid_request", /does not cover/));
        }
        assert.deepEqual((await chat.approvalRules(undefined)).rules, []);
        const edited = {
          ...approve(NPM_TEST),
          decision: "edit",
          modified_arguments: { command: "npm test" },
        } as const;
        await send(chat, turn.session_id, edited);
        assert.equal((await chat.approvalRules("/project")).rules.length, 1);
        assert.equal(await callOf(chat, await asking(chat)), "not_allowed");
      }));

    it("count nothing for what is dangerous: not a rule, a level, a chat's or the user's own", () => {
      const script = calling(run("npm test; rm -rf ."));
      return withChat(engine, script, async ({ chat }) => {
        const allowed: OfferedTool[] = TOOLS.map((tool) => ({ ...tool, rule: "allow" }));
        const turn = await asking(chat, { tools: allowed });
        assert.equal(await callOf(chat, turn), "dangerous");
        const { session_id } = turn;
        assert.deepEqual(await chat.ruleChoices(session_id, "call"), { choices: [] });
        const exact = { type: "command", pattern: "npm test; rm -rf ." } as const;
        const sent = send(chat, session_id, approve(exact));
        await assert.rejects(sent, isCode("invalid_request", /whatever a rule says/));
        await read(chat, await send(chat, session_id, approve("session")));
        await chat.setApprovalLevel(session_id, { level: "all" });
        assert.equal(await callOf(chat, await asking(chat, { session_id })), "dangerous");
      });
    });

    it("have levels in a chat: nothing, reading, edits, all", () => {
      const free = "its tool need not ask";
      const no = "not_allowed";
      const expected: Record<ApprovalLevel, [look: unknown, write: unknown, run: unknown]> = {
        ask: [no, no, no],
        read: [free, no, no],
        edit: [free, byLevel("edit"), no],
        all: [free, byLevel("all"), byLevel("all")],
      };
      return withChat(engine, asTold, async ({ chat }) => {
        for (const [name, verdicts] of Object.entries(expected)) {
          const level = name as ApprovalLevel;
          const made = [
            calls("look", { path: "a.ts" }),
            calls("write_file", { path: "a.ts" }),
            run("npm test > out.txt"),
          ];
          for (const [at, call] of made.entries()) {
            const session_id = await chatAt(chat, level);
            const turn = await telling(chat, call, { session_id });
            assert.deepEqual(await callOf(chat, turn), verdicts[at], `${at} ${level}`);
          }
        }
      });
    });

    it("let nothing of unknown effect run, whatever the level", () =>
      withChat(engine, asTold, async ({ chat }) => {
        const asked = [
          ...["bash x.sh", "node -e 1", "X=1; $X", "alias a=b", "npm 'test"].map((one) => run(one)),
          calls("write_file", { path: ".env" }),
          calls("write_file", { path: "src/../.vscode/tasks.json" }),
        ];
        for (const call of asked) {
          const turn = await telling(chat, call, { session_id: await chatAt(chat, "all") });
          const verdict = String(await callOf(chat, turn));
          assert.match(verdict, /^(?:unclear_command|dangerous|\w+_path)$/, JSON.stringify(call));
        }
        const pwsh: Environment = { os: "Windows", shell: "pwsh.exe", folders: ["project"] };
        const session_id = await chatAt(chat, "all");
        const more = { session_id, environment: pwsh };
        const turn = await telling(chat, run("npm test; evil"), more);
        assert.equal(await callOf(chat, turn), "unclear_command");
      }));

    it("of a level count where they were given; less counts everywhere", () =>
      withChat(engine, asTold, async ({ chat }) => {
        const write = calls("write_file", { path: "a.ts" });
        const inOther = async (level: ApprovalLevel, where: string): Promise<unknown> => {
          const session_id = await chatAt(chat, level, where);
          const call = level === "ask" ? calls("look", { path: "a" }) : write;
          return await callOf(chat, await telling(chat, call, { session_id, workspace: "/other" }));
        };
        assert.equal(await inOther("all", "/project"), "not_allowed");
        assert.deepEqual(await inOther("all", "/other"), byLevel("all"));
        assert.equal(await inOther("ask", "/project"), "not_allowed");
        const sent = chat.setApprovalLevel("none", { level: "all" });
        await assert.rejects(sent, isCode("not_found"));
      }));

    it("change under a running answer from its next call on, and are told once where they can be", () => {
      let goOn = (): void => undefined;
      const waits = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const script = calling(calls("write_file", { path: "a.ts" }));
      return withChat(
        engine,
        async function* (request, signal) {
          await Promise.race([waits, stall(signal)]);
          yield* script(request, signal);
        },
        async ({ chat }) => {
          const turn = await asking(chat);
          const { session_id } = turn;
          await chat.setApprovalLevel(session_id, { level: "edit" });
          goOn();
          const chunks = await read(chat, turn);
          const call = chunks.find(({ type }) => type === "tool_call");
          assert.deepEqual(metadataOf(call).allowed_by, byLevel("edit"));
          await chat.setApprovalLevel(session_id, { level: "read" });
          await chat.setApprovalLevel(session_id, { level: "read" });
          await chat.cancelTurn(session_id);
          const all = await collect(chat, session_id, { after: 0, until: "turn_end" });
          const told = all.map((chunk) => metadataOf(chunk).level).filter(Boolean);
          assert.deepEqual(told, ["read"]);
        },
      );
    });

    it("for files hold below the workspace, for all tools that edit", () =>
      withChat(engine, calling(calls("write_file", { path: "src/a/b.ts" })), async ({ chat }) => {
        const turn = await asking(chat);
        await read(chat, turn);
        const rule = { type: "path", pattern: "src/**" } as const;
        assert.ok(
          (await chat.ruleChoices(turn.session_id, "call")).choices.some(
            ({ pattern }) => pattern === rule.pattern,
          ),
        );
        await send(chat, turn.session_id, approve(rule));
        assert.deepEqual(await callOf(chat, await asking(chat)), byRule(rule));
      }));
  });
}
