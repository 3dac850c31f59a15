// Order comes from the log, not from a clock.
import assert from "node:assert/strict";
import { FINISH, read, say, text, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";

for (const engine of ENGINES) {
  it(`a conversation on ${engine.engine} keeps its order when the clock goes back`, () =>
    withChat(
      engine,
      ({ messages }) => [text(`answer ${messages.length}`), FINISH],
      async ({ chat, requests }) => {
        const { now } = Date;
        let session_id: string | undefined;
        try {
          for (const [index, question] of ["first", "second", "third"].entries()) {
            Date.now = () => now() - index * 3_600_000;
            const turn = await say(chat, question, session_id === undefined ? {} : { session_id });
            await read(chat, turn);
            session_id = turn.session_id;
          }
        } finally {
          Date.now = now;
        }
        const asked = requests.at(-1)?.messages.map(({ content }) => content);
        assert.deepEqual(asked, ["first", "answer 1", "second", "answer 3", "third"]);
      },
    ));
}
