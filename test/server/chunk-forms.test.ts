// What is written keeps docs/protocol.md, also where no model was asked; what older
// companions wrote is read as it is.
import assert from "node:assert/strict";
import type { NewChunk } from "../../server/protocol/chunks.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { collect, FINISH, read, say, text, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";

/** The metadata of a `done`; how long it took is up to timing. */
const end = (agent_type: string, context_tokens: number, more: object = {}) => ({
  ...{ model: "scripted/model", agent_type, finish_reason: "stop", elapsed_ms: 0 },
  ...{ context_tokens, ...more },
});

for (const engine of ENGINES) {
  describe(`the end of a turn in which no model was asked on ${engine.engine}`, () => {
    it("says all that an end says: after an import, a switch and a rewind", () =>
      withChat(
        engine,
        () => [text("Yes."), { ...FINISH, usage: { input_tokens: 40, output_tokens: 2 } }],
        async ({ chat }) => {
          const turn = await chat.startConversation(
            "scripted/model",
            [
              { role: "system", content: "Be brief." },
              { role: "user", content: "hi" },
              { role: "assistant", content: "Hello." },
              { role: "user", content: "go on" },
            ],
            null,
          );
          await read(chat, turn);
          const { session_id } = turn;
          const message = { type: "switch_agent", agent_type: "coder" } as const;
          await read(chat, await chat.startTurn({ session_id, message }));
          await chat.rewind(session_id, turn.turn_id);
          const log = await collect(chat, session_id, { after: 0, until: "turn_end" });
          const by = { model: "scripted/model", agent_type: "universal" };
          const imported = log.filter(({ type }) => type === "user_message").slice(0, 2);
          assert.deepEqual(
            imported.map(({ metadata }) => metadata),
            [
              { ...by, role: "system" },
              { ...by, role: "user" },
            ],
          );
          assert.deepEqual(log.find(({ type }) => type === "agent_switched")?.metadata, {
            from_agent: "universal",
            to_agent: "coder",
            reason: "chosen by the user",
            stays: true,
          });
          const ends = log.filter(({ type }) => type === "done");
          const told = ends.map(
            ({ metadata }): Record<string, unknown> => ({ ...metadata, elapsed_ms: 0 }),
          );
          const [first, answered, switched, rewound] = told;
          const tokens = Number(first?.["context_tokens"]);
          assert.ok(tokens > 10 && tokens < 60, `${tokens} tokens were imported`);
          assert.deepEqual(first, end("universal", tokens, { imported: true }));
          assert.equal(answered?.["context_tokens"], 42);
          assert.deepEqual(switched, end("coder", 42));
          assert.deepEqual(rewound, end("coder", tokens));
          for (const one of ends) assert.equal(typeof metadataOf(one).elapsed_ms, "number");
        },
      ));
  });

  describe(`a log of another companion on ${engine.engine}`, () => {
    it("is read as it is: of an older one what breaks the protocol, of a newer one what nobody knows", () =>
      withChat(
        engine,
        () => [text("Yes."), FINISH],
        async ({ chat, deps }) => {
          const turn = await say(chat, "hi");
          const { session_id } = turn;
          await read(chat, turn);
          await deps.write({ operation: "repair", sessionId: session_id }, async ({ append }) => {
            for (const [type, metadata] of OTHERS) await append([{ type, metadata } as NewChunk]);
          });
          const log = await collect(chat, session_id, { after: 0, until: "turn_end" });
          assert.deepEqual(
            log.slice(-OTHERS.length).map(({ type, metadata }) => [type, metadata]),
            OTHERS,
          );
          const next = await say(chat, "and now?", { session_id });
          assert.equal((await read(chat, next)).at(-1)?.type, "done");
        },
      ));
  });
}

const OTHERS = [
  ["agent_switched", { from_agent: "ask", to_agent: "coder", reason: "" }],
  ["done", { finish_reason: "stop" }],
  ["user_message", { role: "user" }],
  ["done", { imported: true }],
  ["error", { lost: true }],
  ["status", { state: "thought_up_later", of: [1] }],
  ["thought_up_later", { state: "waiting" }],
] as const;
