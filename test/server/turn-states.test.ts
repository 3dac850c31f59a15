// Turns as a state machine: whatever clients do in whatever order, the log
// and the rows stay in order.
import assert from "node:assert/strict";
import fc from "fast-check";
import { ChatError } from "../../server/errors.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { collect, FINISH, type Script, say, stall, text, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";

/** Does what the newest message says. */
const OBEY: Script = async function* ({ messages }, signal) {
  const last = messages.at(-1);
  const asked = last?.role === "user" ? last.content : "";
  yield text("so far ");
  if (asked.includes("tool")) {
    yield { type: "tool_call", call_id: "c", tool_name: "count_words", arguments: { text: "a b" } };
  }
  if (asked.includes("hang")) await stall(signal);
  if (asked.includes("fail")) throw new ChatError("upstream_cut", "cut");
  yield FINISH;
};

const action = fc.constantFrom(
  "say plain",
  "say hang",
  "say tool",
  "say fail",
  "approve",
  "reject",
  "cancel",
  "replace",
  "switch",
);

for (const engine of ENGINES) {
  it(`turns on ${engine.engine} stay in order whatever is done`, () =>
    withChat(engine, OBEY, async ({ chat, database, deps: { turns } }) => {
      await fc.assert(
        fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 8 }), async (actions) => {
          const { id: session_id } = await chat.createSession({});
          let turnId: string | undefined;
          for (const name of actions) {
            await act(name);
            await new Promise((resolve) => setImmediate(resolve));
          }
          await turns.cancel(session_id);
          await settled(session_id);

          const log = await collect(chat, session_id, { after: 0, until: "turn_end" });
          assert.deepEqual(
            log.map((chunk) => chunk.seq),
            log.map((_, index) => index + 1),
          );
          await checkTurns(session_id, log);

          async function act(name: string): Promise<void> {
            try {
              if (name.startsWith("say")) turnId = (await say(chat, name, { session_id })).turn_id;
              else if (name === "cancel") await chat.cancelTurn(session_id);
              else if (name === "replace" && turnId !== undefined) {
                const turn = await say(chat, "say plain", { session_id, replaces_turn_id: turnId });
                turnId = turn.turn_id;
              } else if (name === "switch") {
                const message = { type: "switch_agent", agent_type: "coder" } as const;
                await chat.startTurn({ session_id, message });
              } else if (name === "approve" || name === "reject") {
                const [call] = (await chat.listPending(session_id)).pending;
                if (!call) return;
                const message = {
                  type: "tool_decision",
                  call_id: call.call_id,
                  decision: name,
                } as const;
                await chat.startTurn({ session_id, message });
              }
            } catch (thrown) {
              assert.ok(thrown instanceof ChatError, String(thrown));
              assert.ok(["session_busy", "not_waiting"].includes(thrown.code), thrown.code);
            }
          }
        }),
        { numRuns: engine.engine === "sqlite" ? 60 : 15 },
      );

      async function settled(sessionId: string): Promise<void> {
        while (turns.isRunning(sessionId)) await new Promise((resolve) => setTimeout(resolve, 1));
        await chat.cancelTurn(sessionId);
      }

      async function checkTurns(sessionId: string, log: readonly StreamChunk[]): Promise<void> {
        const rows = await database.reader
          .selectFrom("turns")
          .select(["id", "status"])
          .where("session_id", "=", sessionId)
          .execute();
        for (const { id, status } of rows) {
          const finals = log.filter((chunk) => chunk.turn_id === id && chunk.is_final);
          assert.equal(finals.length, 1, `turn ${id} ends once`);
          assert.equal(finals[0]?.type, status);
          const last = log.findLast((chunk) => chunk.turn_id === id);
          assert.equal(last, finals[0], "nothing comes after the end of a turn");
        }
        assert.deepEqual((await chat.listPending(sessionId)).pending, []);
      }
    })).timeout(60_000);
}
