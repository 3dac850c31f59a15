// What has slipped: out of its field, its place, its type or its quotes.
import { begin, claude, close, more, over, say, start } from "./anthropic.ts";
import { CALLS, call, chat, delta, fn, HI, message, STOP } from "./chat-events.ts";
import { DONE, data, ev, type OddForm, OSLO, ROME, weather } from "./form.ts";
import { gemini, part } from "./google.ts";
import { added, callItem, completed, done, r, responses, saidItem, word } from "./responses.ts";

const ALL = HI + STOP + DONE;
const WORDS = "Hello wörld";
const one = (choice: unknown): string => data({ choices: [choice] });
const lines = (...values: object[]): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join("");
const asked = (args: unknown, id = "a"): string =>
  call({ index: 0, id, function: fn("get_weather", args) }) + CALLS;

const CHAT: OddForm[] = [
  chat("blanks before each line", ALL.replaceAll("data: ", "  data: ")),
  chat("the field in capitals", ALL.replaceAll("data: ", "Data: ")),
  chat("byte order marks before each event", ALL.replaceAll("data: ", "\uFEFFdata: ")),
  chat("two byte order marks", `\uFEFF\uFEFF${ALL}`),
  chat(
    "comments before a document",
    `: wait\n\n: wait\n\n${JSON.stringify(message({ content: WORDS }))}`,
  ),
  chat(
    "comments before a document over lines",
    `: wait\n\n${JSON.stringify(message({ content: WORDS }), null, 2)}`,
  ),
  chat(
    "an event as a text",
    `data: ${JSON.stringify(JSON.stringify({ choices: [{ delta: { content: WORDS } }] }))}\n\n${STOP}`,
  ),
  chat("a document without a reason", lines({ choices: [{ message: { content: WORDS } }] })),
  chat(
    "the reason null as a text",
    delta({ content: "Hello" }, "null") + delta({ content: " wörld" }, "null") + STOP,
    { reason: "stop" },
  ),
  chat("the reason in the delta", HI + one({ delta: { finish_reason: "length" } }), {
    reason: "length",
  }),
  chat("the reason in other letters", HI + one({ delta: {}, finishReason: "length" }), {
    reason: "length",
  }),
  chat(
    "what stopped it beside the reason",
    HI + delta({}, "stop").replace("}]", ',"stop_reason":"###"}]'),
    {
      reason: "stop",
    },
  ),
  chat("text in the delta", one({ delta: { text: WORDS } }) + STOP),
  chat("content in the choice", one({ content: WORDS }) + STOP),
  chat(
    "Ollama's generate",
    lines({ response: "Hello", done: false }, { response: " wörld", done: false }) +
      lines({ response: "", done: true, done_reason: "stop", eval_count: 4 }),
    { reason: "stop", usage: { output_tokens: 4 } },
  ),
  chat("Cloudflare's response", data({ response: "Hello" }) + data({ response: " wörld" }) + DONE),
  chat(
    "done as a text",
    lines({ message: { content: WORDS }, done: "false" }, { message: {}, done: "true" }),
    { reason: "stop" },
  ),
  chat("usage in a list", HI + STOP + data({ usage: [{ prompt_tokens: 3 }] }), {
    usage: { input_tokens: 3 },
  }),
  ...["null", "[]", '""', "None", [], null].map((args) =>
    chat(`no arguments: ${JSON.stringify(args)}`, asked(args), { calls: [weather({}, "a")] }),
  ),
  chat(
    "an empty object in the place of the pieces to come",
    ["{}", '{"city":', '"Oslo"}']
      .map((args) => call({ index: 0, id: "a", function: fn("get_weather", args) }))
      .join("") + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "the name in pieces",
    call({ index: 0, id: "a", function: fn("get_") }) +
      call({ index: 0, function: fn("weather") }) +
      asked('{"city":"Oslo"}').replace('"id":"a",', ""),
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "all of the name so far in each piece",
    call({ index: 0, id: "a", function: fn("get_") }) + asked('{"city":"Oslo"}'),
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "a new place for each piece, and the name",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 1, id: null, function: fn("get_weather", '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "calls by their numbers",
    delta({ tool_calls: { 0: { id: "a", function: fn("get_weather", OSLO) } } }) + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "a call as a part of the content",
    delta({ content: [{ type: "tool_use", id: "a", name: "get_weather", input: OSLO }] }) + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "the name in the place of the function",
    call({ id: "a", function: "get_weather", arguments: OSLO }) + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat("thinking in the choice", one({ reasoning_content: "hm", delta: {} }) + HI + STOP, {
    reasoning: "hm",
  }),
  chat("thinking as an object", delta({ reasoning: { content: "hm" } }) + HI + STOP, {
    reasoning: "hm",
  }),
  ...[
    { type: "reasoning_text", text: "hm" },
    { type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] },
    { type: "thought", thinking: "hm" },
  ].map((thought) =>
    chat(
      `thinking as a part: ${thought.type}`,
      delta({ content: [thought, { type: "text", text: WORDS }] }) + STOP,
      { reasoning: "hm" },
    ),
  ),
  ...[
    ["<reasoning>", "</reasoning>"],
    ["<|begin_of_thought|>", "<|end_of_thought|>"],
    ["<|START_THINKING|>", "<|END_THINKING|>"],
    ["<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"],
  ].map(([opening, closing]) =>
    chat(
      `thinking after ${opening}`,
      Array.from(`${opening}hm${closing}`)
        .map((content) => delta({ content }))
        .join("") +
        HI +
        STOP,
      { reasoning: "hm" },
    ),
  ),
  chat(
    "another thinking's tag in thinking",
    delta({ content: "<think>a </reason> b</think>" }) + HI + STOP,
    { reasoning: "a </reason> b" },
  ),
  chat("a tag of other texts alone", delta({ content: "<a>x</reason>\ny" }) + STOP, {
    text: "<a>x</reason>\ny",
    reasoning: "",
  }),
];

const whole = {
  role: "assistant",
  content: [{ type: "text", text: WORDS }],
  stop_reason: "end_turn",
};
const used = begin(0, { type: "tool_use", id: "a", name: "get_weather", input: {} });
const told = { input_tokens: 3, output_tokens: 4 };

const ANTHROPIC: OddForm[] = [
  claude(
    "words only in the end of their block",
    start() +
      begin(0, { type: "text", text: "" }) +
      ev("content_block_stop", { index: 0, content_block: { type: "text", text: WORDS } }) +
      over(),
  ),
  claude(
    "the rest of the words in the end of their block",
    start() +
      begin(0, { type: "text", text: "" }) +
      more(0, { type: "text_delta", text: "Hello" }) +
      ev("content_block_stop", { index: 0, content_block: { type: "text", text: WORDS } }) +
      over(),
  ),
  ...(
    [
      ["length", "length"],
      ["stop", "stop"],
      ["MAX_TOKENS", "length"],
      ["content_filter", "content_filter"],
    ] as const
  ).map(([word, reason]) =>
    claude(`the reason ${word}`, start() + say(WORDS) + over(word), { reason }),
  ),
  claude("a document without its type", JSON.stringify(whole), { reason: "stop" }),
  claude(
    "deltas without their types",
    start() +
      begin(0, { type: "thinking", thinking: "" }) +
      more(0, { thinking: "hm" }) +
      close(0) +
      begin(1, { text: "" }) +
      more(1, { text: WORDS }) +
      close(1) +
      over(),
    { reasoning: "hm" },
  ),
  claude(
    "arguments without their type",
    start() + used + more(0, { partial_json: '{"city":"Oslo"}' }) + close(0) + over("tool_use"),
    { calls: [weather(OSLO, "a")] },
  ),
  claude(
    "arguments under OpenAI's name",
    start() +
      begin(0, { type: "tool_use", id: "a", name: "get_weather", arguments: OSLO }) +
      close(0) +
      over("tool_use"),
    { calls: [weather(OSLO, "a")] },
  ),
  claude(
    "thinking only in the end of its block",
    start() +
      begin(0, { type: "thinking", thinking: "" }) +
      ev("content_block_stop", {
        index: 0,
        content_block: { type: "thinking", thinking: "hm", signature: "s" },
      }) +
      say(WORDS, 1) +
      over(),
    { reasoning: "hm" },
  ),
  claude(
    "usage in the delta",
    start({ usage: null }) +
      say(WORDS) +
      ev("message_delta", { delta: { stop_reason: "end_turn", usage: told } }) +
      ev("message_stop"),
    { usage: told },
  ),
  claude(
    "usage and reason in the end mark",
    start({ usage: null }) +
      say(WORDS) +
      ev("message_stop", { stop_reason: "end_turn", usage: told }),
    { usage: told, reason: "stop" },
  ),
  claude(
    "Amazon's usage",
    start({ usage: null }) +
      say(WORDS) +
      ev("message_delta", { delta: { stop_reason: "end_turn" } }) +
      ev("message_stop", {
        "amazon-bedrock-invocationMetrics": { inputTokenCount: 3, outputTokenCount: 4 },
      }),
    { usage: told },
  ),
];

const GOOGLE: OddForm[] = [
  ...[{ parts: { text: WORDS } }, { parts: ["Hello", " wörld"] }, { text: WORDS }, WORDS].map(
    (content) =>
      gemini(
        `content as ${JSON.stringify(content)}`,
        data({ candidates: [{ content, finishReason: "STOP" }] }),
      ),
  ),
  gemini("text in the candidate", data({ candidates: [{ text: WORDS, finishReason: "STOP" }] })),
  gemini(
    "a block that is none",
    part([{ text: WORDS }], "FINISH_REASON_STOP", {
      promptFeedback: { blockReason: "BLOCK_REASON_UNSPECIFIED" },
    }),
    { reason: "stop" },
  ),
  gemini("OpenAI's reason", part([{ text: WORDS }], "length"), { reason: "length" }),
  gemini("thinking in the mark for it", part([{ thought: "hm" }, { text: WORDS }], "STOP"), {
    reasoning: "hm",
  }),
  gemini(
    "calls in a list, and words beside them",
    part(
      [
        {
          text: WORDS,
          functionCall: [
            { name: "get_weather", args: OSLO },
            { name: "get_weather", parameters: ROME },
          ],
        },
      ],
      "STOP",
    ),
    { text: WORDS, calls: [weather(OSLO), weather(ROME)] },
  ),
];

const RESPONSES: OddForm[] = [
  ...["reasoning_summary.delta", "reasoning_content.delta", "reasoning_text.done"].map((type) =>
    responses(
      `thinking in ${type}`,
      r(`response.${type}`, { output_index: 0, delta: "hm", text: "hm" }) +
        word(WORDS, { output_index: 1 }) +
        completed(),
      { reasoning: "hm" },
    ),
  ),
  responses(
    "thinking once more at its end, with other blanks",
    r("response.reasoning_text.delta", { output_index: 0, delta: "hm" }) +
      r("response.reasoning_text.done", { output_index: 0, text: "hm\n" }) +
      word(WORDS, { output_index: 1 }) +
      completed(),
    { reasoning: "hm" },
  ),
  responses(
    "a refusal only in its end",
    r("response.refusal.done", { output_index: 0, refusal: "No." }) + completed(),
    { text: "No.", reason: "content_filter" },
  ),
  responses(
    "two calls under one id",
    [OSLO, ROME]
      .map(
        (args, index) =>
          added(index, callItem(`f${index}`, "a", args)) +
          done(index, callItem(`f${index}`, "a", args)),
      )
      .join("") + completed(),
    { calls: [weather(OSLO, "a"), weather(ROME)] },
  ),
  responses(
    "words in the beginning of a part",
    r("response.content_part.added", {
      output_index: 0,
      content_index: 0,
      part: { type: "output_text", text: "Hello" },
    }) +
      word(" wörld") +
      completed(),
  ),
  responses(
    "words in the place of a delta",
    r("response.output_text.delta", { text: WORDS }) + completed(),
  ),
  responses(
    "one item that is no list",
    JSON.stringify({ object: "response", status: "completed", output: saidItem }),
  ),
  responses(
    "a part in the place of an item",
    JSON.stringify({
      object: "response",
      status: "completed",
      output: [{ type: "output_text", text: WORDS }],
    }),
  ),
];

export const SLIPS: OddForm[] = [...CHAT, ...ANTHROPIC, ...GOOGLE, ...RESPONSES];
