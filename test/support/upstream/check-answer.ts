// Checks one answer of a scripted model's server, end to end through the adapter.
import assert from "node:assert/strict";
import { ChatError } from "../../../server/errors.ts";
import type { ErrorCode } from "../../../server/protocol/errors.ts";
import type { ProviderRequest } from "../../../server/providers/provider.ts";
import { type Collected, collect, HELLO, providerAt, textOf } from "./collect.ts";
import type { Script } from "./start-upstream.ts";
import { withUpstream } from "./with-upstream.ts";

export interface AnswerCase {
  scripts: [Script, ...Script[]];
  /** The text that came before the end. */
  text?: string;
  error?: ErrorCode;
  message?: RegExp;
  hint?: RegExp;
  retryAfterSeconds?: number;
  /** How often the server was asked. */
  requests?: number;
  stallSeconds?: number;
  maxAnswerChars?: number;
  request?: ProviderRequest;
}

/** Plays the scripts, one for each request, and compares what comes of them. */
export async function checkAnswer(expected: AnswerCase): Promise<Collected> {
  return await withUpstream(expected.scripts, async (upstream) => {
    const { stallSeconds = 5, maxAnswerChars } = expected;
    const provider = providerAt(upstream.url, {
      stallSeconds,
      ...(maxAnswerChars !== undefined && { maxAnswerChars }),
    });
    const collected = await collect(provider, expected.request ?? HELLO);
    const { error } = collected;
    if (expected.error === undefined) {
      assert.equal(error, undefined);
      assert.equal(collected.events.at(-1)?.type, "finish");
    } else {
      assert.ok(error instanceof ChatError, String(error));
      assert.equal(error.code, expected.error, error.message);
      assert.match(error.message, expected.message ?? /./);
      assert.match(error.hint ?? "", expected.hint ?? /./);
      assert.equal(error.retryAfterSeconds, expected.retryAfterSeconds);
      assert.doesNotMatch(`${error.message} ${error.hint}`, /test-key/);
      assert.ok(!collected.events.some((event) => event.type === "finish"));
    }
    if (expected.text !== undefined) assert.equal(textOf(collected), expected.text);
    assert.equal(upstream.requests.length, expected.requests ?? 1);
    return collected;
  });
}
