// One word of an answer in each vendor's format, as long as theirs are, and where
// a plain reader finds it.
import type { VendorName } from "../../server/providers/vendors.ts";

export interface BenchFormat {
  vendor: VendorName;
  name: string;
  /** Of its requests. */
  path: string;
  event: string;
  /** The shortest way to the word. */
  word(value: AnyEvent): string | undefined;
}

/** As far as a plain reader looks at an event. */
interface AnyEvent {
  choices?: { delta?: { content?: string } }[];
  delta?: string | { text?: string };
  candidates?: { content?: { parts?: { text?: string }[] } }[];
}

const WORD = " streamed";
const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

export const BENCH_FORMATS: readonly BenchFormat[] = [
  {
    vendor: "openai-compatible",
    name: "OpenAI chat",
    path: "/chat/completions",
    event: data({
      id: "chatcmpl-Cabcdefghijklmnopqrstuvwxyz12",
      object: "chat.completion.chunk",
      created: 1_764_000_000,
      model: "gpt-bench-2026-01-01",
      service_tier: "default",
      system_fingerprint: "fp_0123456789",
      choices: [{ index: 0, delta: { content: WORD }, logprobs: null, finish_reason: null }],
    }),
    word: (value) => value.choices?.[0]?.delta?.content,
  },
  {
    vendor: "openai",
    name: "OpenAI responses",
    path: "/responses",
    event: `event: response.output_text.delta\n${data({
      type: "response.output_text.delta",
      sequence_number: 7,
      item_id: "msg_0123456789abcdef0123456789abcdef0123456789abcdef",
      output_index: 0,
      content_index: 0,
      delta: WORD,
      logprobs: [],
      obfuscation: "abcdefg",
    })}`,
    word: ({ delta }) => (typeof delta === "string" ? delta : undefined),
  },
  {
    vendor: "anthropic",
    name: "Anthropic",
    path: "/messages",
    event: `event: content_block_delta\n${data({
      type: "content_block_delta",
      index: 0,
      delta: { type: "text_delta", text: WORD },
    })}`,
    word: ({ delta }) => (typeof delta === "object" ? delta.text : undefined),
  },
  {
    vendor: "google",
    name: "Google",
    path: ":streamGenerateContent",
    event: data({
      candidates: [{ content: { parts: [{ text: WORD }], role: "model" }, index: 0 }],
      usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 3, totalTokenCount: 10 },
      modelVersion: "gemini-bench",
      responseId: "abcdefghijklmnop",
    }),
    word: (value) => value.candidates?.[0]?.content?.parts?.[0]?.text,
  },
];
