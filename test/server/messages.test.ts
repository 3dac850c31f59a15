import assert from "node:assert/strict";
import { until } from "../support/asking.ts";
import { type Script, say, stall, text, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";

const HANG: Script = async function* (_request, signal) {
  yield text("so far");
  await stall(signal);
};

for (const engine of ENGINES) {
  describe(`messages on ${engine.engine}`, () => {
    it("are those of one turn where only they are asked for, whether it runs, has ended or was replaced", () =>
      withChat(engine, HANG, async ({ chat }) => {
        const first = await say(chat, "first");
        const { session_id } = first;
        const saidIn = async ({ turn_id }: { turn_id: string }) =>
          (await chat.listMessages(session_id, turn_id)).messages.map(({ content }) => content);
        const answered = (turn: { turn_id: string }) =>
          until("its answer", async () => (await saidIn(turn)).at(-1) === "so far");
        await answered(first);
        assert.deepEqual(await saidIn(first), ["first", "so far"]);
        await chat.cancelTurn(session_id);
        const second = await say(chat, "second", { session_id, replaces_turn_id: first.turn_id });
        await answered(second);
        await chat.cancelTurn(session_id);
        const third = await say(chat, "third", { session_id });
        assert.deepEqual(await saidIn(first), []);
        assert.deepEqual(await saidIn(second), ["second", "so far"]);
        assert.equal((await saidIn(third))[0], "third");
        await chat.cancelTurn(session_id);
      }));
  });
}
