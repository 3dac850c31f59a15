import { data, ev, type Fields, type OddForm, OSLO, ROME, weather } from "./form.ts";

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
];
