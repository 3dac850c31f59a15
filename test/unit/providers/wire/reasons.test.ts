// Every word that the vendors' own types have for the end of an answer is known: a new
// one does not compile here.
import assert from "node:assert/strict";
import type { StopReason } from "@anthropic-ai/sdk/resources/messages/messages";
import type { FinishReason as GoogleReason } from "@google/genai";
import type { ChatCompletionChunk } from "openai/resources/chat/completions";
import type { FinishReason } from "../../../../server/providers/provider.ts";
import type { VendorName } from "../../../../server/providers/vendors.ts";
import { readBody } from "../../../support/upstream/read-body.ts";

type Ends<Word extends string> = Readonly<Record<Word, FinishReason | "failed" | "paused">>;

const ANTHROPIC: Ends<StopReason> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "stop",
  refusal: "content_filter",
  pause_turn: "paused",
};

const CHAT: Ends<NonNullable<ChatCompletionChunk.Choice["finish_reason"]>> = {
  stop: "stop",
  length: "length",
  tool_calls: "stop",
  function_call: "stop",
  content_filter: "content_filter",
};

const GOOGLE: Ends<Exclude<`${GoogleReason}`, "FINISH_REASON_UNSPECIFIED">> = {
  STOP: "stop",
  MAX_TOKENS: "length",
  SAFETY: "content_filter",
  RECITATION: "content_filter",
  LANGUAGE: "content_filter",
  BLOCKLIST: "content_filter",
  PROHIBITED_CONTENT: "content_filter",
  SPII: "content_filter",
  IMAGE_SAFETY: "content_filter",
  IMAGE_PROHIBITED_CONTENT: "content_filter",
  IMAGE_RECITATION: "content_filter",
  PUP_LIMITED_DISABLED: "content_filter",
  MALFORMED_FUNCTION_CALL: "failed",
  MALFORMED_RESPONSE: "failed",
  UNEXPECTED_TOOL_CALL: "failed",
  TOO_MANY_TOOL_CALLS: "failed",
  MISSING_THOUGHT_SIGNATURE: "failed",
  OTHER: "other",
  IMAGE_OTHER: "other",
  NO_IMAGE: "other",
  ESCALATION: "other",
  CONTINUATION: "length",
  MODEL_ARMOR: "content_filter",
};

function check(vendor: VendorName, ends: Ends<string>, event: (word: string) => object): void {
  for (const [word, expected] of Object.entries(ends)) {
    const { reason, failure, isPaused } = readBody(vendor, [
      `data: ${JSON.stringify(event(word))}\n\n`,
    ]);
    assert.equal(isPaused ? "paused" : failure === undefined ? reason : "failed", expected, word);
  }
}

describe("the end of an answer", () => {
  it("is known in each word of Anthropic's", () =>
    check("anthropic", ANTHROPIC, (stop_reason) => ({
      type: "message_delta",
      delta: { stop_reason },
    })));

  it("is known in each word of OpenAI's chat format", () =>
    check("openai-compatible", CHAT, (finish_reason) => ({
      choices: [{ index: 0, delta: {}, finish_reason }],
    })));

  it("is known in each word of Google's", () =>
    check("google", GOOGLE, (finishReason) => ({ candidates: [{ finishReason }] })));
});
