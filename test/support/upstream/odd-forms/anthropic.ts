import { DONE, data, ev, type Fields, type OddForm, OSLO, ROME, weather } from "./form.ts";

// Anthropic's
export const start = (fields: Fields = {}): string =>
  ev("message_start", {
    message: {
      id: "m",
      role: "assistant",
      content: [],
      usage: { input_tokens: 5, output_tokens: 1 },
      ...fields,
    },
  });
export const begin = (index: unknown, block: Fields): string =>
  ev("content_block_start", { index, content_block: block });
export const more = (index: unknown, fields: Fields): string =>
  ev("content_block_delta", { index, delta: fields });
export const close = (index: unknown): string => ev("content_block_stop", { index });
export const say = (text: string, index: unknown = 0): string =>
  begin(index, { type: "text", text: "" }) +
  more(index, { type: "text_delta", text }) +
  close(index);
export const over = (reason = "end_turn", usage: unknown = { output_tokens: 9 }): string =>
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
export const claude = (name: string, body: string, expected: Partial<OddForm> = {}): OddForm => ({
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

export const ANTHROPIC: OddForm[] = [
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
  claude(
    "no end mark after the reason",
    start() + say("Hello wörld") + ev("message_delta", { delta: { stop_reason: "end_turn" } }),
    { reason: "stop" },
  ),
  claude(
    "the reason beside the delta",
    start() +
      say("Hello wörld") +
      ev("message_delta", { stop_reason: "end_turn" }) +
      ev("message_stop"),
    { reason: "stop" },
  ),
  claude("all of it in the end mark", start() + ev("message_stop", { message: whole }), {
    reason: "stop",
  }),
  claude(
    "all of it once more in the end mark",
    start() + say("Hello wörld") + ev("message_stop", { message: whole }),
  ),
  claude(
    "a delta as text",
    start() + ev("content_block_delta", { index: 0, delta: "Hello wörld" }) + over(),
  ),
  claude(
    "a tool of the server",
    start() +
      use(0, "s", { q: "x" }).replaceAll('"tool_use"', '"server_tool_use"') +
      begin(1, { type: "web_search_tool_result", tool_use_id: "s", content: [] }) +
      close(1) +
      say("Hello wörld", 2) +
      over(),
    { reason: "stop" },
  ),
  claude(
    "arguments under the index of another block",
    start() +
      say("Hello wörld") +
      begin(1, { type: "tool_use", id: "a", name: "get_weather", input: {} }) +
      more(0, { type: "input_json_delta", partial_json: '{"city":"Oslo"}' }) +
      close(1) +
      begin(2, { type: "tool_use", id: "b", name: "get_weather", input: {} }) +
      more(0, { type: "input_json_delta", partial_json: '{"city":"Rome"}' }) +
      close(2) +
      over("tool_use"),
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  claude(
    "arguments after the end of their block",
    start() +
      begin(0, { type: "tool_use", id: "a", name: "get_weather", input: {} }) +
      close(0) +
      more(0, { type: "input_json_delta", partial_json: '{"city":"Oslo"}' }) +
      over("tool_use"),
    { calls: [weather(OSLO, "a")] },
  ),
  claude(
    "arguments in the end of their block",
    start() +
      begin(0, { type: "tool_use", id: "a", name: "get_weather", input: {} }) +
      ev("content_block_stop", { index: 0, content_block: { type: "tool_use", input: OSLO } }) +
      over("tool_use"),
    { calls: [weather(OSLO, "a")] },
  ),
  claude(
    "a refusal without a word, but the server's why; tokens of thinking",
    start() +
      ev("message_delta", {
        delta: {
          stop_reason: "refusal",
          stop_details: { type: "refusal", explanation: "Not that." },
        },
        usage: { output_tokens: 9, output_tokens_details: { thinking_tokens: 7 } },
      }) +
      ev("message_stop"),
    { text: "Not that.", reason: "content_filter", usage: { reasoning_tokens: 7 } },
  ),
];
