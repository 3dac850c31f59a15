import { data, type Fields, type OddForm, OSLO, ROME, weather } from "./form.ts";

// Google's
export const part = (parts: unknown, finish?: string, fields: Fields = {}): string =>
  data({
    candidates: [
      { content: { role: "model", parts }, index: 0, ...(finish ? { finishReason: finish } : {}) },
    ],
    ...fields,
  });
export const gemini = (name: string, body: string, expected: Partial<OddForm> = {}): OddForm => ({
  vendor: "google",
  name,
  body,
  ...(expected.calls ? {} : { text: "Hello wörld" }),
  ...expected,
});
const asked = (args: Fields, fields: Fields = {}): Fields => ({
  functionCall: { name: "get_weather", args },
  ...fields,
});

export const GOOGLE: OddForm[] = [
  gemini(
    "STOP in every piece",
    part([{ text: "Hello" }], "STOP") + part([{ text: " wörld" }], "STOP"),
  ),
  gemini(
    "a list in place of events",
    JSON.stringify(
      [
        { candidates: [{ content: { parts: [{ text: "Hello" }] } }] },
        { candidates: [{ content: { parts: [{ text: " wörld" }] }, finishReason: "STOP" }] },
      ],
      null,
      1,
    ),
  ),
  gemini(
    "pieces without content or parts",
    part([{ text: "Hello wörld" }]) +
      data({ candidates: [{ index: 0 }] }) +
      data({ candidates: [{ content: {} }] }) +
      data({ candidates: [] }) +
      data({ responseId: "x" }) +
      part([], "STOP"),
  ),
  gemini(
    "usage alone, as text, with thinking",
    part([{ text: "Hello wörld" }], "STOP") +
      data({
        usageMetadata: {
          promptTokenCount: "7",
          candidatesTokenCount: 3,
          thoughtsTokenCount: 2,
          cachedContentTokenCount: 4,
        },
      }),
    { usage: { input_tokens: 7, output_tokens: 5, reasoning_tokens: 2, cache_read_tokens: 4 } },
  ),
  gemini("thoughts", part([{ text: "hm", thought: true }, { text: "Hello wörld" }], "STOP"), {
    reasoning: "hm",
  }),
  gemini(
    "parts that nobody knows",
    part([{ executableCode: {} }, { text: "Hello wörld" }, {}], "STOP"),
  ),
  gemini(
    "a signature on an empty text",
    part([{ text: "Hello wörld" }]) + part([{ text: "", thoughtSignature: "s" }], "STOP"),
  ),
  gemini("its length", part([{ text: "Hello wörld" }], "MAX_TOKENS"), { reason: "length" }),
  gemini("safety", part([{ text: "Hello wörld" }], "SAFETY"), { reason: "content_filter" }),
  gemini("a blocked prompt", data({ promptFeedback: { blockReason: "PROHIBITED_CONTENT" } }), {
    text: "",
    reason: "content_filter",
  }),
  gemini("an end without a word", data({ candidates: [{ finishReason: "RECITATION" }] }), {
    text: "",
    reason: "content_filter",
  }),
  gemini("text and a call in one list", part([{ text: "Hello wörld" }, asked(OSLO)], "STOP"), {
    calls: [weather(OSLO)],
    text: "Hello wörld",
    reason: "tool_calls",
  }),
  gemini("two calls of the same tool", part([asked(OSLO), asked(ROME)], "STOP"), {
    calls: [weather(OSLO), weather(ROME)],
  }),
  gemini("two calls with the same arguments", part([asked(OSLO), asked(OSLO)], "STOP"), {
    calls: [weather(OSLO), weather(OSLO)],
  }),
  gemini("a call without arguments", part([{ functionCall: { name: "get_weather" } }], "STOP"), {
    calls: [weather({})],
  }),
  gemini(
    "a call with an id",
    part([{ functionCall: { id: "a", name: "get_weather", args: OSLO } }], "STOP"),
    { calls: [weather(OSLO, "a")] },
  ),
  gemini(
    "names as its libraries for Python write them",
    data({
      candidates: [{ content: { parts: [{ text: "Hello wörld" }] }, finish_reason: "STOP" }],
      usage_metadata: { prompt_token_count: 3, candidates_token_count: 4 },
    }),
    { reason: "stop", usage: { input_tokens: 3, output_tokens: 4 } },
  ),
  gemini(
    "a call by such a name",
    data({
      candidates: [
        {
          content: { parts: [{ function_call: { name: "get_weather", args: OSLO } }] },
          finish_reason: 1,
        },
      ],
    }),
    { calls: [weather(OSLO)], reason: "tool_calls" },
  ),
  gemini(
    "arguments as text",
    part([{ functionCall: { name: "get_weather", args: JSON.stringify(OSLO) } }], "STOP"),
    {
      calls: [weather(OSLO)],
    },
  ),
  gemini(
    "the same call once more under its id",
    part([asked(OSLO), { functionCall: { id: "x", name: "get_weather", args: ROME } }]) +
      part([{ functionCall: { id: "x", name: "get_weather", args: ROME } }], "STOP"),
    {
      calls: [weather(OSLO), weather(ROME, "x")],
    },
  ),
  gemini(
    "in a wrapping",
    data({
      response: {
        candidates: [{ content: { parts: [{ text: "Hello wörld" }] }, finishReason: "STOP" }],
      },
    }),
  ),
  gemini(
    "content as a list",
    data({ candidates: [{ content: [{ text: "Hello wörld" }], finishReason: "stop" }] }),
    {
      reason: "stop",
    },
  ),
  gemini(
    "thought as text",
    part([{ text: "hm", thought: "true" }, { text: "Hello wörld" }], "STOP"),
    { reasoning: "hm" },
  ),
  gemini("an end mark of OpenAI's", `${part([{ text: "Hello wörld" }], "STOP")}data: [DONE]\n\n`, {
    reason: "stop",
  }),
  gemini(
    "a blocked prompt, and why",
    data({ promptFeedback: { blockReason: "SAFETY", blockReasonMessage: "Not that." } }),
    { text: "Not that.", reason: "content_filter" },
  ),
];
