// How a client wants an answer made belongs to the turn: each of its steps is
// asked for in the same way.
import assert from "node:assert/strict";
import { read, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";

for (const engine of ENGINES) {
  describe(`the settings of an answer on ${engine.engine}`, () => {
    it("hold for each step of its turn, and for no later turn", () => {
      let asked = 0;
      const script = async function* () {
        asked += 1;
        if (asked === 1) {
          const call = { call_id: "call_1", tool_name: "nobody_knows_it", arguments: {} };
          yield { type: "tool_call" as const, ...call };
          yield { type: "finish" as const, reason: "tool_calls" as const, usage: undefined };
          return;
        }
        yield { type: "text" as const, text: "Done." };
        yield { type: "finish" as const, reason: "stop" as const, usage: undefined };
      };
      return withChat(engine, script, async ({ chat, requests }) => {
        const sampling = { temperature: 0.5, stop: ["END"] };
        const messages = [{ role: "user" as const, content: "hi" }];
        const turn = await chat.startConversation("scripted/model", messages, sampling);
        assert.equal((await read(chat, turn)).at(-1)?.type, "done");
        const message = { type: "user_message" as const, content: "again" };
        await read(chat, await chat.startTurn({ session_id: turn.session_id, message }));
        assert.deepEqual(
          requests.map((request) => request.sampling),
          [sampling, sampling, undefined],
        );
      });
    });
  });
}
