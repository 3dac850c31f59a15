import { chat, delta, HI, message, STOP } from "./chat-events.ts";
import { DONE, data, type OddForm } from "./form.ts";

const ALL = HI + STOP + DONE;
const NO_NAME = ALL.replaceAll("data: ", "").replaceAll("\n\n", "\n");
const one = (choice: unknown, more: object = {}): string => data({ choices: [choice], ...more });
const pieces = [
  { choices: [{ delta: { content: "Hello" } }] },
  { choices: [{ delta: { content: " wörld" }, finish_reason: "stop" }] },
];

/** What stands around the words. */
export const CHAT_BODIES: OddForm[] = [
  chat("single line ends between events", ALL.replaceAll("\n\n", "\n")),
  chat("the same with CRLF", ALL.replaceAll("\n\n", "\r\n")),
  chat("the name of the field twice", ALL.replaceAll("data: ", "data: data: ")),
  chat("the end mark as text, in small letters", `${HI}data: "[done]"\n\n`, { reason: "other" }),
  chat("an event for the end mark", `${HI}event: done\ndata: [DONE]\n\n`, { reason: "other" }),
  chat(
    "OpenRouter's comments",
    `: OPENROUTER PROCESSING\n\n${HI}: OPENROUTER PROCESSING\n\n${STOP}`,
  ),
  chat("a word before the first event", `OK\n\n${ALL}`),
  chat("lines of JSON with CRLF", NO_NAME.replaceAll("\n", "\r\n")),
  chat("lines of JSON with CR", NO_NAME.replaceAll("\n", "\r")),
  chat("lines of JSON with a mark before each", NO_NAME.replaceAll(/^(?=.)/gm, "\x1e")),
  chat("lines of JSON, one of them cut", NO_NAME.replace("\n", '\n{"choices":[{"delta":{"con\n')),
  chat("lines of JSON, one of them words", NO_NAME.replace("\n", "\nhello\n")),
  chat(
    "documents over lines, one after the other",
    pieces.map((it) => JSON.stringify(it, null, 2)).join("\n"),
  ),
  chat(
    "documents with unindented lines",
    pieces.map((it) => JSON.stringify(it, null, 2).replaceAll(/^ +/gm, "")).join("\n"),
  ),
  chat("a list of events", JSON.stringify(pieces)),
  chat("a list in one event", `data: ${JSON.stringify(pieces)}\n\n`),
  chat(
    "NaN and Infinity",
    one({ delta: { content: "Hello wörld" }, logprobs: 7 }).replace(":7", ":[NaN,-Infinity]") +
      STOP,
  ),
  chat(
    "Python's words",
    `data: {"choices": [{"delta": {"content": "Hello wörld", "role": None}, "x": True}]}\n\n${STOP}`,
  ),
  chat(
    "Python's quotes",
    `data: {'choices': [{'delta': {'content': "It's \\"so\\"", 'x': 'a"b'}}]}\n\n${STOP}`,
    { text: `It's "so"` },
  ),
  chat(
    "a tab that is not escaped",
    `data: {"choices":[{"delta":{"content":"a\tb\u0001"}}]}\n\n${STOP}`,
    { text: "a\tb\u0001" },
  ),
  chat(
    "an escape that JSON does not know",
    `data: {"choices":[{"delta":{"content":"\\d+ \\\\n"},}]}\n\n${STOP}`,
    { text: "\\d+ \\n" },
  ),
  chat("delta as text", one({ delta: "Hello wörld" }) + STOP),
  chat("message as text", one({ message: "Hello wörld", finish_reason: "stop" })),
  chat("content as a number", delta({ content: 42 }) + STOP, { text: "42" }),
  chat("content as a list of texts", delta({ content: ["Hello", " wörld"] }) + STOP),
  chat(
    "content as parts with values",
    delta({ content: [{ type: "text", text: { value: "Hello wörld" } }] }) + STOP,
  ),
  chat("text beside an empty delta", one({ delta: {}, text: "Hello wörld" }) + STOP),
  chat(
    "text beside the same delta",
    one({ delta: { content: "Hello wörld" }, text: "Hello wörld" }) + STOP,
  ),
  chat(
    "completions of the old kind",
    one({ text: "Hello wörld" }) + one({ text: "", finish_reason: "stop" }),
  ),
  chat(
    "choices by their numbers",
    data({ choices: { 0: { delta: { content: "Hello wörld" } } } }) + STOP,
  ),
  chat(
    "a choice that does not begin with 0",
    one({ index: 1, delta: { content: "Hello wörld" } }) +
      one({ index: 1, delta: {}, finish_reason: "stop" }),
  ),
  chat(
    "a wrapping of its own",
    data({
      code: 200,
      data: { choices: [{ delta: { content: "Hello wörld" }, finish_reason: "stop" }] },
    }),
  ),
  chat(
    "a growing message beside each delta",
    one({ delta: { content: "Hello" }, message: { content: "Hello" } }) +
      one({ delta: { content: " wörld" }, message: { content: "Hello wörld" } }) +
      one({ delta: { content: "" }, message: { content: "Hello wörld" }, finish_reason: "stop" }),
  ),
  chat("all of it once more at the end", HI + data(message({ content: "Hello wörld" })) + DONE),
  chat(
    "the rest in a message at the end",
    delta({ content: "Hello" }) + data(message({ content: "Hello wörld" })),
  ),
  chat(
    "its thinking once more at the end",
    delta({ reasoning_content: "hm" }) +
      HI +
      data(message({ content: "Hello wörld", reasoning_content: "hm" })),
    { reasoning: "hm" },
  ),
  chat(
    "Azure's router and its filter's results",
    data({
      choices: [],
      id: "",
      model: "",
      object: "",
      prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }],
    }) +
      one({
        content_filter_results: {},
        delta: { content: "", refusal: null, role: "assistant" },
        finish_reason: null,
      }) +
      HI +
      one({
        content_filter_offsets: {},
        content_filter_results: {},
        finish_reason: null,
        index: 0,
      }) +
      STOP,
    { reason: "stop" },
  ),
  chat(
    "Azure's filter that failed",
    HI +
      one({
        delta: {},
        finish_reason: "content_filter",
        content_filter_results: { error: { code: "content_filter_error", message: "x" } },
      }),
    { reason: "content_filter" },
  ),
  ...(
    [
      ["STOP", "stop"],
      ["eos_token", "stop"],
      ["COMPLETE", "stop"],
      ["max_output_tokens", "length"],
      ["model_context_window_exceeded", "length"],
      ["content_filter: PROHIBITED_CONTENT", "content_filter"],
      ["recitation", "content_filter"],
    ] as const
  ).map(([word, reason]) => chat(`the reason ${word}`, HI + delta({}, word), { reason })),
  chat(
    "Groq's usage",
    HI +
      delta({}, "stop", { x_groq: { id: "r", usage: { prompt_tokens: 3, completion_tokens: 4 } } }),
    {
      usage: { input_tokens: 3, output_tokens: 4 },
    },
  ),
  chat(
    "usage in the choice",
    HI +
      one({
        delta: {},
        finish_reason: "stop",
        usage: { prompt_tokens: 3, completion_tokens: 4, cached_tokens: 2 },
      }),
    {
      usage: { input_tokens: 3, output_tokens: 4, cache_read_tokens: 2 },
    },
  ),
  chat(
    "usage under other names",
    HI + STOP + data({ usage: { input_tokens: 3, output_tokens: 4 } }),
    {
      usage: { input_tokens: 3, output_tokens: 4 },
    },
  ),
  chat(
    "reasoning counted beside the rest",
    HI +
      STOP +
      data({
        usage: {
          prompt_tokens: 10,
          completion_tokens: 4,
          total_tokens: 114,
          completion_tokens_details: { reasoning_tokens: 100 },
        },
      }),
    { usage: { input_tokens: 10, output_tokens: 104, reasoning_tokens: 100 } },
  ),
  chat(
    "usage, then nothing but 0",
    HI +
      delta({}, "stop", { usage: { prompt_tokens: 3, completion_tokens: 4 } }) +
      data({ choices: [], usage: { prompt_tokens: 0, completion_tokens: 0 } }),
    { usage: { input_tokens: 3, output_tokens: 4 } },
  ),
];
