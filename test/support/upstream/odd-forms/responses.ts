import { data, ev, type Fields, type OddForm, OSLO, ROME, weather } from "./form.ts";

// OpenAI's responses
export const r = (type: string, fields: Fields = {}): string =>
  ev(type, { sequence_number: 1, ...fields });
export const saidItem = {
  type: "message",
  id: "m",
  role: "assistant",
  content: [{ type: "output_text", text: "Hello wörld" }],
};
export const callItem = (id: string, call_id: string, args: Fields): Fields => ({
  type: "function_call",
  id,
  call_id,
  name: "get_weather",
  arguments: JSON.stringify(args),
});
export const completed = (output: unknown[] = [], fields: Fields = {}): string =>
  r("response.completed", {
    response: {
      id: "r",
      status: "completed",
      output,
      usage: { input_tokens: 3, output_tokens: 4 },
      ...fields,
    },
  });
export const added = (index: number, item: Fields): string =>
  r("response.output_item.added", { output_index: index, item });
export const done = (index: number, item: Fields): string =>
  r("response.output_item.done", { output_index: index, item });
export const word = (text: string, fields: Fields = { output_index: 0 }): string =>
  r("response.output_text.delta", { delta: text, ...fields });
export const responses = (
  name: string,
  body: string,
  expected: Partial<OddForm> = {},
): OddForm => ({
  vendor: "openai",
  name,
  body,
  ...(expected.calls ? {} : { text: "Hello wörld" }),
  ...expected,
});
const emptyItem = { ...saidItem, content: [] };

export const RESPONSES: OddForm[] = [
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
  responses(
    "only in the text's end",
    r("response.output_text.done", { output_index: 0, content_index: 0, text: "Hello wörld" }) +
      completed(),
  ),
  responses(
    "only in the part's end",
    r("response.content_part.done", {
      output_index: 0,
      content_index: 0,
      part: { type: "output_text", text: "Hello wörld" },
    }) + completed(),
  ),
  responses(
    "two parts, each told four times",
    word("Hello", { output_index: 0, content_index: 0 }) +
      r("response.output_text.done", { output_index: 0, content_index: 0, text: "Hello" }) +
      r("response.output_text.done", { output_index: 0, content_index: 1, text: " wörld" }) +
      r("response.content_part.done", {
        output_index: 0,
        content_index: 1,
        part: { text: " wörld" },
      }) +
      done(0, { type: "message", content: [{ text: "Hello" }, { text: " wörld" }] }) +
      completed([{ type: "message", content: [{ text: "Hello" }, { text: " wörld" }] }]),
  ),
  responses(
    "no places, and a new id in each event",
    word("Hello", { item_id: "x1" }) +
      word(" wörld", { item_id: "x2" }) +
      r("response.output_item.done", { item: { ...saidItem, id: "x3" } }) +
      completed([{ ...saidItem, id: "x4" }]),
  ),
  responses(
    "two messages alike",
    added(0, { ...emptyItem, id: "m1" }) +
      word("Hello ", { output_index: 0 }) +
      done(0, { type: "message", id: "m1", content: "Hello " }) +
      done(1, { type: "message", id: "m2", content: "Hello " }) +
      completed(),
    { text: "Hello Hello" },
  ),
  responses("content as text", done(0, { type: "message", content: "Hello wörld" }) + completed()),
  responses(
    "a delta as an object",
    r("response.output_text.delta", { delta: { text: "Hello wörld" } }) + completed(),
  ),
  responses(
    "a document without its kind",
    JSON.stringify({ id: "r", status: "completed", output: [saidItem] }),
  ),
  responses(
    "only the text at the top",
    JSON.stringify({
      object: "response",
      status: "completed",
      output: [],
      output_text: "Hello wörld",
    }),
  ),
  responses("only OpenAI's end mark of chats", `${word("Hello wörld")}data: [DONE]\n\n`, {
    reason: "other",
  }),
  responses(
    "incomplete without a word why",
    word("Hello wörld") + r("response.incomplete", { response: {} }),
    { reason: "length" },
  ),
  responses(
    "a refusal only in the item's end",
    done(0, { type: "message", content: [{ type: "refusal", refusal: "No." }] }) + completed(),
    {
      text: "No.",
      reason: "content_filter",
    },
  ),
  responses(
    "thinking only in the last event",
    word("Hello wörld", { output_index: 1 }) +
      completed([
        {
          type: "reasoning",
          summary: [{ type: "summary_text", text: "hm" }],
          encrypted_content: "E",
        },
        saidItem,
      ]),
    { reasoning: "hm" },
  ),
  responses(
    "a call's arguments only in their end",
    added(0, { ...callItem("f1", "a", {}), arguments: "" }) +
      r("response.function_call_arguments.done", {
        output_index: 0,
        item_id: "f1",
        arguments: '{"city":"Oslo"}',
      }) +
      completed(),
    { calls: [weather(OSLO, "a")] },
  ),
  responses(
    "a tool with input in plain words",
    added(0, { type: "custom_tool_call", id: "f1", call_id: "a", name: "get_weather", input: "" }) +
      r("response.custom_tool_call_input.delta", { output_index: 0, delta: "Os" }) +
      r("response.custom_tool_call_input.delta", { output_index: 0, delta: "lo" }) +
      r("response.custom_tool_call_input.done", { output_index: 0, input: "Oslo" }) +
      done(0, {
        type: "custom_tool_call",
        id: "f1",
        call_id: "a",
        name: "get_weather",
        input: "Oslo",
      }) +
      completed(),
    { calls: [{ ...weather({}, "a"), raw_arguments: "Oslo" }] },
  ),
];
