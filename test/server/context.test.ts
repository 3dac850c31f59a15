// How much of what a model can read a conversation takes.
import assert from "node:assert/strict";
import { estimateTokens } from "../../server/shared/tokens.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { FINISH, read, say, text, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";

describe("an estimate of tokens", () => {
  it("takes four characters for one, two of those outside ASCII", () => {
    assert.equal(estimateTokens(""), 0);
    assert.equal(estimateTokens("abcdefgh"), 2);
    assert.equal(estimateTokens("привет!!"), 4);
  });
});

for (const engine of ENGINES) {
  describe(`the measure of a conversation on ${engine.engine}`, () => {
    it("is what the model said of its last step, and an estimate where it said nothing", () => {
      const usage = { input_tokens: 700, output_tokens: 3 };
      let answers = 0;
      return withChat(
        engine,
        () => {
          answers += 1;
          return [
            text("x".repeat(4_000)),
            answers === 1 ? { type: "finish", reason: "stop", usage } : FINISH,
          ];
        },
        async ({ chat }) => {
          const first = await say(chat, "one");
          assert.equal(metadataOf((await read(chat, first)).at(-1)).context_tokens, 703);
          const second = await say(chat, "two", { session_id: first.session_id });
          const tokens = metadataOf((await read(chat, second)).at(-1)).context_tokens;
          assert.ok(typeof tokens === "number" && tokens > 2_000 && tokens < 3_500, String(tokens));
        },
      );
    });
  });
}
