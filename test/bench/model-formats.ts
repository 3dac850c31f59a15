// One word of an answer in each vendor's format, as long as theirs are, and where
// a plain reader finds it.
import type { VendorName } from "../../server/providers/vendors.ts";

export interface BenchFormat {
  vendor: VendorName;
  name: string;
  /** Of its requests. */
  path: string;
  event(word: string): string;
  /** How an answer ends; and begins, where its format has a beginning. */
  end: string;
  opening?: string;
  /** The shortest way to the word. */
  word(value: AnyEvent): string | undefined;
}

/** As far as a plain reader looks at an event. */
interface AnyEvent {
  choices?: { delta?: { content?: string } }[];
  delta?: string | { text?: string };
  candidates?: { content?: { parts?: { text?: string }[] } }[];
}

export const WORD = " streamed";
const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const named = (type: string, fields: object): string =>
  `event: ${type}\n${data({ type, ...fields })}`;

/** Made once for all words; those need no escaping. */
function around(event: string): (word: string) => string {
  const [before = "", after = ""] = event.split(WORD);
  return (word) => `${before}${word}${after}`;
}

export const BENCH_FORMATS: readonly BenchFormat[] = [
  {
    vendor: "openai-compatible",
    name: "OpenAI chat",
    path: "/chat/completions",
    event: around(
      data({
        id: "chatcmpl-Cabcdefghijklmnopqrstuvwxyz12",
        object: "chat.completion.chunk",
        created: 1_764_000_000,
        model: "gpt-bench-2026-01-01",
        service_tier: "default",
        system_fingerprint: "fp_0123456789",
        choices: [{ index: 0, delta: { content: WORD }, logprobs: null, finish_reason: null }],
      }),
    ),
    end: `${data({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}data: [DONE]\n\n`,
    word: (value) => value.choices?.[0]?.delta?.content,
  },
  {
    vendor: "openai",
    name: "OpenAI responses",
    path: "/responses",
    event: around(
      named("response.output_text.delta", {
        sequence_number: 7,
        item_id: "msg_0123456789abcdef0123456789abcdef0123456789abcdef",
        output_index: 0,
        content_index: 0,
        delta: WORD,
        logprobs: [],
        obfuscation: "abcdefg",
      }),
    ),
    end: named("response.completed", { response: { id: "resp_bench", status: "completed" } }),
    word: ({ delta }) => (typeof delta === "string" ? delta : undefined),
  },
  {
    vendor: "anthropic",
    name: "Anthropic",
    path: "/messages",
    opening: [
      named("message_start", { message: { id: "msg_bench", type: "message", role: "assistant" } }),
      named("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    ].join(""),
    event: around(
      named("content_block_delta", { index: 0, delta: { type: "text_delta", text: WORD } }),
    ),
    end: [
      named("content_block_stop", { index: 0 }),
      named("message_delta", { delta: { stop_reason: "end_turn" } }),
      named("message_stop", {}),
    ].join(""),
    word: ({ delta }) => (typeof delta === "object" ? delta.text : undefined),
  },
  {
    vendor: "google",
    name: "Google",
    path: ":streamGenerateContent",
    event: around(
      data({
        candidates: [{ content: { parts: [{ text: WORD }], role: "model" }, index: 0 }],
        usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 3, totalTokenCount: 10 },
        modelVersion: "gemini-bench",
        responseId: "abcdefghijklmnop",
      }),
    ),
    end: data({
      candidates: [{ content: { parts: [{ text: "" }], role: "model" }, finishReason: "STOP" }],
    }),
    word: (value) => value.candidates?.[0]?.content?.parts?.[0]?.text,
  },
];
