import assert from "node:assert/strict";
import { ChatError } from "../../../server/errors.ts";
import type { ErrorCode } from "../../../server/protocol/errors.ts";
import { withRetries } from "../../../server/providers/failures/retry.ts";

const NEVER = new AbortController().signal;

/** How often it was tried when every attempt fails like this. */
async function tries(
  code: ErrorCode,
  options: { after?: number; word?: boolean } = {},
): Promise<number> {
  let count = 0;
  const attempt = async (): Promise<void> => {
    count += 1;
    const wait = options.after === undefined ? {} : { retryAfterSeconds: options.after };
    await Promise.reject(new ChatError(code, "no", wait));
  };
  await assert.rejects(
    withRetries(attempt, () => options.word === true, 1, NEVER),
    { code },
  );
  return count;
}

describe("retrying", () => {
  it("is for what may pass, at most twice", async () => {
    assert.equal(await tries("upstream_failed"), 3);
    assert.equal(await tries("upstream_unreachable"), 3);
    assert.equal(await tries("upstream_cut"), 3);
    assert.equal(await tries("upstream_rate_limited", { after: 0.001 }), 3);
  });

  it("is not for what stays, nor for what makes the reader wait again", async () => {
    for (const code of [
      "upstream_unauthorized",
      "upstream_rejected",
      "upstream_malformed",
      "upstream_timeout",
      "upstream_too_long",
    ] as const) {
      assert.equal(await tries(code), 1, code);
    }
  });

  it("never repeats what has been shown", async () => {
    assert.equal(await tries("upstream_failed", { word: true }), 1);
  });

  it("does not wait for longer than ten seconds", async () => {
    assert.equal(await tries("upstream_rate_limited", { after: 11 }), 1);
  });

  it("passes on what is no ChatError", async () => {
    const boom = new TypeError("boom");
    await assert.rejects(
      withRetries(
        () => Promise.reject(boom),
        () => false,
        1,
        NEVER,
      ),
      boom,
    );
  });
});
