// Answers as servers have been seen to send them, in the vendors' formats: shapes from reports to other projects and from the
// vendors' documentation, in our words.
import type { FinishReason, ToolCall, Usage } from "../../../server/providers/provider.ts";
import type { VendorName } from "../../../server/providers/vendors.ts";

export interface OddForm {
  vendor: VendorName;
  name: string;
  body: string;
  text?: string;
  reasoning?: string;
  /** Ids that a server did not give are not compared. */
  calls?: (Omit<ToolCall, "call_id"> & { call_id?: string })[];
  reason?: FinishReason;
  usage?: Partial<Usage>;
}

type Fields = Record<string, unknown>;
const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const DONE = "data: [DONE]\n\n";
const OSLO = { city: "Oslo" };
const ROME = { city: "Rome" };
const weather = (args: Fields, call_id?: string) => ({
  tool_name: "get_weather",
  arguments: args,
  ...(call_id === undefined ? {} : { call_id }),
});

// OpenAI's chat format
const delta = (fields: unknown, finish: unknown = null, more: Fields = {}): string =>
  data({ id: "c", choices: [{ index: 0, delta: fields, finish_reason: finish }], ...more });
const call = (fields: Fields): string => delta({ tool_calls: [fields] });
const fn = (name?: string, args?: unknown) => ({
  ...(name === undefined ? {} : { name }),
  ...(args === undefined ? {} : { arguments: args }),
});
const HI = delta({ content: "Hello" }) + delta({ content: " wörld" });
const STOP = delta({}, "stop");
const CALLS = delta({}, "tool_calls") + DONE;
const message = (fields: Fields, finish = "stop"): Fields => ({
  choices: [{ index: 0, message: { role: "assistant", ...fields }, finish_reason: finish }],
});

const chat = (name: string, body: string, expected: Partial<OddForm> = {}): OddForm => ({
  vendor: "openai-compatible",
  name,
  body,
  ...(expected.calls ? {} : { text: "Hello wörld" }),
  ...expected,
});

const CHAT: OddForm[] = [
  chat("no end mark", HI + STOP, { reason: "stop" }),
  chat("only the end mark", HI + DONE, { reason: "other" }),
  chat("no blank line at the end", (HI + STOP).trimEnd()),
  chat("CRLF", (HI + STOP + DONE).replaceAll("\n", "\r\n")),
  chat("CR", (HI + STOP + DONE).replaceAll("\n", "\r")),
  chat("a byte order mark", `\uFEFF${HI}${STOP}${DONE}`),
  chat("no space after the colon", (HI + STOP + DONE).replaceAll("data: ", "data:")),
  chat("ids, comments and retry times", `: hi\n\nid: 7\nretry: 10\n${HI}: hi\n\n${STOP}${DONE}`),
  chat("one JSON document", JSON.stringify(message({ content: "Hello wörld" }))),
  chat("one document over lines", JSON.stringify(message({ content: "Hello wörld" }), null, 2)),
  chat("lines of JSON", (HI + STOP).replaceAll("data: ", "").replaceAll("\n\n", "\n")),
  chat("lines of JSON, the last without its end", (HI + STOP).replaceAll("data: ", "").trimEnd()),
  chat("message in the place of delta", data(message({ content: "Hello wörld" })) + DONE),
  chat(
    "delta empty beside a message",
    data({
      choices: [
        { index: 0, delta: {}, message: { content: "Hello wörld" }, finish_reason: "stop" },
      ],
    }) + DONE,
  ),
  chat(
    "content as parts",
    delta({ content: [{ type: "text", text: "Hello" }] }) +
      delta({ content: [{ type: "output_text", text: " wörld" }] }) +
      STOP,
  ),
  chat("one part alone", delta({ content: { type: "text", text: "Hello wörld" } }) + STOP),
  chat(
    "nothing that is known between words",
    delta({ content: "Hello" }) +
      [
        "data: \n\n",
        "data:\n\n",
        data({}),
        data(null),
        data([]),
        data(7),
        data({ choices: [] }),
        data({ choices: null }),
        data({ choices: [null] }),
        data({ id: "c", choices: [{}] }),
        data({ choices: [{ delta: null }] }),
        delta({ content: null }),
        delta({ role: "assistant" }),
        delta({ content: "" }, ""),
        'event: ping\ndata: {"type":"ping"}\n\n',
        'event: new_thing\ndata: {"x":1}\n\n',
        "event: ping\ndata:\n\n",
        "data: {nonsense\n\n",
        data({ error: null }),
        data({ error: {} }),
        data({ error: "" }),
        data({ status: "processing" }),
      ].join("") +
      delta({ content: " wörld" }) +
      STOP +
      DONE,
  ),
  chat(
    "numbers as text and text as numbers",
    data({
      id: 7,
      created: "1",
      choices: [{ index: "0", delta: { content: "Hello wörld" }, finish_reason: "stop" }],
    }) +
      data({ choices: [], usage: { prompt_tokens: "3", completion_tokens: "4" } }) +
      DONE,
    {
      usage: { input_tokens: 3, output_tokens: 4 },
    },
  ),
  chat("choices as one object", data({ choices: { delta: { content: "Hello wörld" } } }) + STOP),
  chat(
    "other choices beside it",
    HI + data({ choices: [{ index: 1, delta: { content: "no" } }] }) + STOP,
  ),
  chat(
    "two objects in one event",
    `data: ${[HI, STOP].join("").replaceAll("data: ", "").replaceAll("\n", "")}\n\n`,
  ),
  chat(
    "an event over several data lines",
    `data: {"choices":[{"delta":\ndata: {"content":"Hello wörld"},\ndata: "finish_reason":"stop"}]}\n\n`,
  ),
  chat(
    "a comma too many",
    `data: {"choices":[{"delta":{"content":"Hello wörld",},"finish_reason":"stop"},],}\n\n`,
  ),
  chat(
    "words after the reason",
    delta({ content: "Hello" }, "stop") + delta({ content: " wörld" }) + DONE,
    {
      reason: "stop",
    },
  ),
  chat(
    "words and usage in the last event",
    delta({ content: "Hello wörld" }, "stop", {
      usage: {
        prompt_tokens: 3,
        completion_tokens: 4,
        prompt_tokens_details: { cached_tokens: 2 },
        completion_tokens_details: { reasoning_tokens: 1 },
      },
    }),
    { usage: { input_tokens: 3, output_tokens: 4, cache_read_tokens: 2, reasoning_tokens: 1 } },
  ),
  chat(
    "usage in every event: the last counts",
    delta({ content: "Hello wörld" }, null, {
      usage: { prompt_tokens: 3, completion_tokens: 1 },
    }) + delta({}, "stop", { usage: { prompt_tokens: 3, completion_tokens: 2 } }),
    {
      usage: { input_tokens: 3, output_tokens: 2 },
    },
  ),
  chat("a reason that nobody knows", HI + delta({}, "tired"), { reason: "other" }),
  chat(
    "Ollama's own form",
    [
      { message: { role: "assistant", content: "Hello" }, done: false },
      { message: { role: "assistant", content: " wörld" }, done: false },
      {
        message: { content: "" },
        done: true,
        done_reason: "stop",
        prompt_eval_count: 3,
        eval_count: 4,
      },
    ]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(""),
    {
      reason: "stop",
      usage: { input_tokens: 3, output_tokens: 4 },
    },
  ),
  chat("reasoning_content", delta({ reasoning_content: "hm" }) + HI + STOP, { reasoning: "hm" }),
  chat("reasoning", delta({ reasoning: "hm" }) + HI + STOP, { reasoning: "hm" }),
  chat(
    "two fields for the same thinking",
    delta({
      reasoning: "hm",
      reasoning_content: "hm",
      reasoning_details: [{ type: "reasoning.text", text: "hm" }],
    }) +
      HI +
      STOP,
    { reasoning: "hm" },
  ),
  chat(
    "reasoning_details alone",
    delta({
      reasoning_details: [
        { type: "reasoning.summary", summary: "h" },
        { type: "reasoning.encrypted", data: "x" },
      ],
    }) +
      delta({ reasoning_details: [{ type: "reasoning.text", text: "m" }] }) +
      HI +
      STOP,
    { reasoning: "hm" },
  ),
  chat(
    "thinking blocks",
    delta({ thinking_blocks: [{ type: "thinking", thinking: "hm" }] }) + HI + STOP,
    { reasoning: "hm" },
  ),
  chat(
    "thinking as a part of the content",
    delta({
      content: [
        { type: "thinking", thinking: [{ type: "text", text: "hm" }] },
        { type: "text", text: "Hello wörld" },
      ],
    }) + STOP,
    { reasoning: "hm" },
  ),
  chat("think tags", delta({ content: "<think>\nhm</think>\n\nHello wörld" }) + STOP, {
    reasoning: "hm",
  }),
  chat(
    "think tags cut",
    ["\n<th", "ink>", "h", "m</", "thi", "nk>", "\n", "Hello wörld"]
      .map((content) => delta({ content }))
      .join("") + STOP,
    { reasoning: "hm" },
  ),
  chat("thinking tags", delta({ content: "<thinking>hm</thinking>Hello wörld" }) + STOP, {
    reasoning: "hm",
  }),
  chat("think tags that stay open", delta({ content: "<think>hm" }) + STOP, {
    text: "",
    reasoning: "hm",
  }),
  chat(
    "two blocks of thinking",
    delta({ content: "<think>h</think>\n<think>m</think>Hello wörld" }) + STOP,
    { reasoning: "hm" },
  ),
  chat("think tags in the middle", delta({ content: "Say <think>x</think>" }) + STOP, {
    text: "Say <think>x</think>",
    reasoning: "",
  }),
  chat("think tags in code", delta({ content: "`<think>` and `</think>`" }) + STOP, {
    text: "`<think>` and `</think>`",
    reasoning: "",
  }),
  chat("another tag", delta({ content: "<thin" }) + delta({ content: "g>x" }) + STOP, {
    text: "<thing>x",
  }),
  chat("a refusal", delta({ refusal: "No, " }) + delta({ refusal: "sorry." }) + STOP, {
    text: "No, sorry.",
    reason: "content_filter",
  }),
  // Calls
  chat(
    "a call in pieces",
    call({ index: 0, id: "a", type: "function", function: fn("get_weather", "") }) +
      call({ index: 0, function: fn(undefined, '{"city":') }) +
      call({ index: 0, function: fn(undefined, '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")], reason: "tool_calls" },
  ),
  chat(
    "no index and no type",
    call({ id: "a", function: fn("get_weather", '{"city":') }) +
      call({ function: fn(undefined, '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "an index that does not begin with 0",
    call({ index: 1, id: "a", function: fn("get_weather", "{}") }) + CALLS,
    { calls: [weather({}, "a")] },
  ),
  chat(
    "an index as text",
    call({ index: "0", id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: "0", function: fn(undefined, '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "another index for each piece",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 1, function: fn(undefined, '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "the id in each piece",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, id: "a", function: fn(undefined, '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "id and name in each piece",
    ['{"ci', 'ty":', '"Oslo"}']
      .map((args) => call({ index: 0, id: "a", function: fn("get_weather", args) }))
      .join("") + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "an empty id and name in each further piece",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, id: "", function: fn("", '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "null for id and name",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, id: null, type: null, function: { name: null, arguments: '"Oslo"}' } }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat("no id at all", call({ index: 0, function: fn("get_weather", '{"city":"Oslo"}') }) + CALLS, {
    calls: [weather(OSLO)],
  }),
  chat("a number as id", call({ index: 0, id: 12, function: fn("get_weather", "{}") }) + CALLS, {
    calls: [weather({}, "12")],
  }),
  chat(
    "the id after the name",
    call({ index: 0, function: fn("get_weather", "") }) +
      call({ index: 0, id: "a", function: fn(undefined, '{"city":"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "two calls",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      call({ index: 1, id: "b", function: fn("get_weather", '{"city":"Rome"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  chat(
    "two calls in turns",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 1, id: "b", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, function: fn(undefined, '"Oslo"}') }) +
      call({ index: 1, function: fn(undefined, '"Rome"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  chat(
    "two calls under one index",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      call({ index: 0, id: "b", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, function: fn(undefined, '"Rome"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  chat(
    "two calls under one index without ids",
    call({ index: 0, function: fn("get_weather", '{"city":"Oslo"}') }) +
      call({ index: 0, function: fn("get_weather", '{"city":"Rome"}') }) +
      CALLS,
    { calls: [weather(OSLO), weather(ROME)] },
  ),
  chat(
    "two calls under one id",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      call({ index: 1, id: "a", function: fn("get_weather", '{"city":"Rome"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME)] },
  ),
  chat(
    "two calls in one event without an index",
    delta({
      tool_calls: [
        { id: "a", function: fn("get_weather", '{"city":"Oslo"}') },
        { id: "b", function: fn("get_weather", '{"city":"Rome"}') },
      ],
    }) + CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  chat(
    "two calls in one event with nothing but their names",
    delta({
      tool_calls: [
        { function: fn("get_weather", '{"city":"Oslo"}') },
        { function: fn("get_weather", '{"city":"Rome"}') },
      ],
    }) + CALLS,
    { calls: [weather(OSLO), weather(ROME)] },
  ),
  chat(
    "the whole call once more at the end",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, function: fn(undefined, '"Oslo"}') }) +
      call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "the same at another index",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      call({ index: 1, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "the same as a message",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      data(
        message(
          { tool_calls: [{ id: "a", function: fn("get_weather", '{"city":"Oslo"}') }] },
          "tool_calls",
        ),
      ) +
      DONE,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "nothing, then the whole",
    call({ index: 0, id: "a", function: fn("get_weather", "{}") }) +
      call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      CALLS,
    {
      calls: [weather({}, "a"), weather(OSLO)],
    },
  ),
  chat(
    "arguments as an object",
    call({ index: 0, id: "a", function: fn("get_weather", OSLO) }) + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "arguments as text in text",
    call({ index: 0, id: "a", function: fn("get_weather", JSON.stringify('{"city":"Oslo"}')) }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "a call without arguments",
    call({ index: 0, id: "a", function: fn("get_weather") }) + CALLS,
    { calls: [weather({}, "a")] },
  ),
  chat(
    "null for arguments",
    call({ index: 0, id: "a", function: fn("get_weather", null) }) + CALLS,
    { calls: [weather({}, "a")] },
  ),
  chat(
    "a call that ends with stop",
    call({ index: 0, id: "a", function: fn("get_weather", "{}") }) + STOP,
    { calls: [weather({}, "a")], reason: "tool_calls" },
  ),
  chat("tool_calls without a call", HI + CALLS, { reason: "stop" }),
  chat(
    "name and arguments without function",
    call({ index: 0, id: "a", name: "get_weather", arguments: '{"city":"Oslo"}' }) + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "one call that is no list",
    delta({ tool_calls: { id: "a", function: fn("get_weather", "{}") } }) + CALLS,
    { calls: [weather({}, "a")] },
  ),
  chat(
    "the older function_call",
    delta({ function_call: fn("get_weather", '{"city":') }) +
      delta({ function_call: fn(undefined, '"Oslo"}') }) +
      delta({}, "function_call"),
    { calls: [weather(OSLO)], reason: "tool_calls" },
  ),
  chat(
    "a call in one document",
    JSON.stringify(
      message(
        {
          content: null,
          tool_calls: [
            { id: "a", type: "function", function: fn("get_weather", '{"city":"Oslo"}') },
          ],
        },
        "tool_calls",
      ),
    ),
    { calls: [weather(OSLO, "a")] },
  ),
];

// Anthropic's
const ev = (type: string, fields: Fields = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const start = (fields: Fields = {}): string =>
  ev("message_start", {
    message: {
      id: "m",
      role: "assistant",
      content: [],
      usage: { input_tokens: 5, output_tokens: 1 },
      ...fields,
    },
  });
const begin = (index: unknown, block: Fields): string =>
  ev("content_block_start", { index, content_block: block });
const more = (index: unknown, fields: Fields): string =>
  ev("content_block_delta", { index, delta: fields });
const close = (index: unknown): string => ev("content_block_stop", { index });
const say = (text: string, index: unknown = 0): string =>
  begin(index, { type: "text", text: "" }) +
  more(index, { type: "text_delta", text }) +
  close(index);
const over = (reason = "end_turn", usage: unknown = { output_tokens: 9 }): string =>
  ev("message_delta", { delta: { stop_reason: reason }, ...(usage ? { usage } : {}) }) +
  ev("message_stop");
const use = (index: number, id: string, args: Fields, split = 3): string => {
  const json = JSON.stringify(args);
  return (
    begin(index, { type: "tool_use", id, name: "get_weather", input: {} }) +
    more(index, { type: "input_json_delta", partial_json: json.slice(0, split) }) +
    more(index, { type: "input_json_delta", partial_json: json.slice(split) }) +
    close(index)
  );
};
const claude = (name: string, body: string, expected: Partial<OddForm> = {}): OddForm => ({
  vendor: "anthropic",
  name,
  body,
  ...(expected.calls ? {} : { text: "Hello wörld" }),
  ...expected,
});
const whole = {
  type: "message",
  role: "assistant",
  content: [{ type: "text", text: "Hello wörld" }],
  stop_reason: "end_turn",
  usage: { input_tokens: 5, output_tokens: 9 },
};

const ANTHROPIC: OddForm[] = [
  claude(
    "cache figures",
    start({
      usage: {
        input_tokens: 5,
        cache_read_input_tokens: 90,
        cache_creation_input_tokens: 10,
        output_tokens: 1,
      },
    }) +
      say("Hello wörld") +
      over(),
    {
      usage: { input_tokens: 105, cache_read_tokens: 90, cache_write_tokens: 10, output_tokens: 9 },
    },
  ),
  claude(
    "usage only at the end",
    start({ usage: { input_tokens: 0, output_tokens: 0 } }) +
      say("Hello wörld") +
      over("end_turn", { input_tokens: 7, output_tokens: 9 }),
    { usage: { input_tokens: 7, output_tokens: 9 } },
  ),
  claude(
    "no usage at the end, null at the beginning",
    start({ usage: null }) + say("Hello wörld") + over("end_turn", null),
  ),
  claude(
    "words in the beginning of a block",
    start() +
      begin(0, { type: "text", text: "Hello" }) +
      more(0, { type: "text_delta", text: " wörld" }) +
      close(0) +
      over(),
  ),
  claude(
    "words in the message's beginning",
    start({ content: [{ type: "text", text: "Hello" }] }) + say(" wörld") + over(),
  ),
  claude(
    "things that nobody knows",
    start() +
      ev("proxy_event", { x: 1 }) +
      begin(0, { type: "new_block" }) +
      more(0, { type: "new_delta" }) +
      close(0) +
      "data: \n\n" +
      data({}) +
      ev("ping") +
      say("Hello", 1) +
      begin(2, { type: "text", text: "" }) +
      more(2, { type: "citations_delta", citation: {} }) +
      more(2, { type: "text_delta", text: " wörld" }) +
      close(2) +
      over(),
  ),
  claude(
    "indexes as text, none, or the same",
    start() + say("Hello", "0") + say(" wö", undefined) + say("rld", 0) + over(),
  ),
  claude(
    "no event names",
    (start() + say("Hello wörld") + over()).replaceAll(/^event: .*\n/gm, ""),
  ),
  claude(
    "no types inside of the data",
    (start() + say("Hello wörld") + over())
      .replaceAll(/\{"type":"(?:message|content)_\w+",/g, "{")
      .replaceAll(/\{"type":"message_stop"\}/g, "{}"),
  ),
  claude(
    "no blocks around the deltas",
    start() + more(0, { type: "text_delta", text: "Hello wörld" }) + over(),
  ),
  claude("one JSON document", JSON.stringify(whole)),
  claude("an OpenAI end mark after it", start() + say("Hello wörld") + over() + DONE),
  claude(
    "an OpenAI end mark in place of the last event",
    start() +
      say("Hello wörld") +
      ev("message_delta", { delta: { stop_reason: "end_turn" } }) +
      DONE,
    { reason: "stop" },
  ),
  claude("a refusal", start() + say("Hello wörld") + over("refusal"), { reason: "content_filter" }),
  claude("a full context", start() + say("Hello wörld") + over("model_context_window_exceeded"), {
    reason: "length",
  }),
  claude("a pause", start() + say("Hello wörld") + over("pause_turn"), { reason: "other" }),
  claude("think tags", start() + say("<think>hm</think>Hello wörld") + over(), { reasoning: "hm" }),
  claude(
    "thinking, redacted thinking",
    start() +
      begin(0, { type: "thinking", thinking: "", signature: "" }) +
      more(0, { type: "thinking_delta", thinking: "hm" }) +
      more(0, { type: "signature_delta", signature: "sig" }) +
      close(0) +
      begin(1, { type: "redacted_thinking", data: "secret" }) +
      close(1) +
      say("Hello wörld", 2) +
      over(),
    { reasoning: "hm" },
  ),
  claude("two calls", start() + use(0, "a", OSLO) + use(1, "b", ROME) + over("tool_use"), {
    calls: [weather(OSLO, "a"), weather(ROME, "b")],
    reason: "tool_calls",
  }),
  claude(
    "two calls under one index",
    start() + use(0, "a", OSLO) + use(0, "b", ROME) + over("tool_use"),
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  claude(
    "two calls under one id",
    start() + use(0, "a", OSLO) + use(1, "a", ROME) + over("tool_use"),
    { calls: [weather(OSLO, "a"), weather(ROME)] },
  ),
  claude(
    "arguments in the beginning",
    start() +
      begin(0, { type: "tool_use", id: "a", name: "get_weather", input: OSLO }) +
      close(0) +
      over("tool_use"),
    { calls: [weather(OSLO, "a")] },
  ),
  claude(
    "arguments in the beginning and in pieces",
    start() +
      begin(0, { type: "tool_use", id: "a", name: "get_weather", input: OSLO }) +
      more(0, { type: "input_json_delta", partial_json: '{"city":"Oslo"}' }) +
      close(0) +
      over("tool_use"),
    { calls: [weather(OSLO, "a")] },
  ),
  claude(
    "arguments as an object",
    start() +
      begin(0, { type: "tool_use", id: "a", name: "get_weather" }) +
      more(0, { type: "input_json_delta", partial_json: OSLO }) +
      close(0) +
      over("tool_use"),
    { calls: [weather(OSLO, "a")] },
  ),
  claude(
    "a call without arguments",
    start() +
      begin(0, { type: "tool_use", id: "a", name: "get_weather", input: {} }) +
      close(0) +
      over("tool_use"),
    { calls: [weather({}, "a")] },
  ),
  claude(
    "a call that is not closed",
    start() +
      begin(0, { type: "tool_use", id: "a", name: "get_weather", input: OSLO }) +
      over("tool_use"),
    { calls: [weather(OSLO, "a")] },
  ),
];

// Google's
const part = (parts: unknown, finish?: string, fields: Fields = {}): string =>
  data({
    candidates: [
      { content: { role: "model", parts }, index: 0, ...(finish ? { finishReason: finish } : {}) },
    ],
    ...fields,
  });
const gemini = (name: string, body: string, expected: Partial<OddForm> = {}): OddForm => ({
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

const GOOGLE: OddForm[] = [
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
];

// OpenAI's responses
const r = (type: string, fields: Fields = {}): string =>
  ev(type, { sequence_number: 1, ...fields });
const saidItem = {
  type: "message",
  id: "m",
  role: "assistant",
  content: [{ type: "output_text", text: "Hello wörld" }],
};
const callItem = (id: string, call_id: string, args: Fields): Fields => ({
  type: "function_call",
  id,
  call_id,
  name: "get_weather",
  arguments: JSON.stringify(args),
});
const completed = (output: unknown[] = [], fields: Fields = {}): string =>
  r("response.completed", {
    response: {
      id: "r",
      status: "completed",
      output,
      usage: { input_tokens: 3, output_tokens: 4 },
      ...fields,
    },
  });
const added = (index: number, item: Fields): string =>
  r("response.output_item.added", { output_index: index, item });
const done = (index: number, item: Fields): string =>
  r("response.output_item.done", { output_index: index, item });
const word = (text: string, fields: Fields = { output_index: 0 }): string =>
  r("response.output_text.delta", { delta: text, ...fields });
const responses = (name: string, body: string, expected: Partial<OddForm> = {}): OddForm => ({
  vendor: "openai",
  name,
  body,
  ...(expected.calls ? {} : { text: "Hello wörld" }),
  ...expected,
});
const emptyItem = { ...saidItem, content: [] };

const RESPONSES: OddForm[] = [
  responses("only in the last event", completed([saidItem]), {
    usage: { input_tokens: 3, output_tokens: 4 },
  }),
  responses("only in the item's end", added(0, emptyItem) + done(0, saidItem) + completed()),
  responses(
    "the same words four times",
    added(0, emptyItem) +
      word("Hello") +
      word(" wörld") +
      done(0, saidItem) +
      completed([saidItem]),
  ),
  responses(
    "no places",
    added(0, emptyItem).replace('"output_index":0,', "") +
      word("Hello wörld", { item_id: "m" }) +
      completed([saidItem]),
  ),
  responses(
    "a new id in each event",
    added(0, { ...emptyItem, id: "x1" }) +
      word("Hello wörld", { output_index: 0, item_id: "x2" }) +
      done(0, { ...saidItem, id: "x3" }) +
      completed([{ ...saidItem, id: "x4" }]),
  ),
  responses("deltas alone", word("Hello wörld") + completed()),
  responses(
    "one JSON document",
    JSON.stringify({
      id: "r",
      object: "response",
      status: "completed",
      error: null,
      output: [saidItem],
    }),
  ),
  responses(
    "things that nobody knows",
    r("response.new") +
      "data: \n\n" +
      data({}) +
      r("keepalive") +
      added(0, { type: "new_item", id: "n" }) +
      word("Hello wörld", { output_index: 1 }) +
      completed(),
  ),
  responses(
    "cut at its limit",
    word("Hello wörld") +
      r("response.incomplete", {
        response: { incomplete_details: { reason: "max_output_tokens" } },
      }),
    { reason: "length" },
  ),
  responses(
    "cut by the filter",
    word("Hello wörld") +
      r("response.incomplete", { response: { incomplete_details: { reason: "content_filter" } } }),
    { reason: "content_filter" },
  ),
  responses(
    "a refusal",
    r("response.refusal.delta", { output_index: 0, delta: "No." }) + completed(),
    { text: "No.", reason: "content_filter" },
  ),
  responses(
    "thinking in parts",
    r("response.reasoning_summary_part.added", { output_index: 0 }) +
      r("response.reasoning_summary_text.delta", { output_index: 0, delta: "hm" }) +
      done(0, {
        type: "reasoning",
        id: "rs",
        summary: [{ type: "summary_text", text: "hm" }],
        encrypted_content: "x",
      }) +
      word("Hello wörld", { output_index: 1 }) +
      completed(),
    { reasoning: "hm" },
  ),
  responses(
    "two calls",
    added(0, { ...callItem("f1", "a", {}), arguments: "" }) +
      added(1, { ...callItem("f2", "b", {}), arguments: "" }) +
      r("response.function_call_arguments.delta", { output_index: 1, delta: '{"city":"Rome"}' }) +
      r("response.function_call_arguments.delta", { output_index: 0, delta: '{"city":"Oslo"}' }) +
      done(0, callItem("f1", "a", OSLO)) +
      done(1, callItem("f2", "b", ROME)) +
      completed([callItem("f1", "a", OSLO), callItem("f2", "b", ROME)]),
    { calls: [weather(OSLO, "a"), weather(ROME, "b")], reason: "tool_calls" },
  ),
  responses("a call only in the last event", completed([callItem("f1", "a", OSLO)]), {
    calls: [weather(OSLO, "a")],
  }),
  responses(
    "a call only in deltas",
    added(0, { ...callItem("f1", "a", {}), arguments: "" }) +
      r("response.function_call_arguments.delta", { item_id: "f1", delta: '{"city":"Oslo"}' }) +
      completed(),
    { calls: [weather(OSLO, "a")] },
  ),
];

export const ODD_FORMS: readonly OddForm[] = [...CHAT, ...ANTHROPIC, ...GOOGLE, ...RESPONSES];
