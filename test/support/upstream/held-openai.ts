// OpenAI's Responses in the background, for the stand-in: `starting_after` with numbered events.
import type { HeldEvent, HeldFormat } from "./held-upstream.ts";
import { FAKE_MODEL } from "./start-upstream.ts";

/** What an answer consists of, in this order. */
export interface Said {
  /** A summary of the thinking, in pieces, with a cipher. */
  thoughts?: readonly string[];
  words: readonly string[];
  call?: { name: string; arguments: string };
}

export const HELD_OPENAI: HeldFormat = {
  base: "/v1",
  path: "/responses",
  isHeld: ({ background, store }) => background === true && store !== false,
  frame(event, place) {
    const { type, ...rest } = event;
    return `event: ${String(type)}\ndata: ${JSON.stringify({ type, sequence_number: place, ...rest })}\n\n`;
  },
  tail: "",
  after: (query) => Number(query.get("starting_after") ?? -1),
  whole({ id, plan, made }) {
    const last = plan.at(-1);
    if (made === plan.length) return last?.["response"];
    return { ...base(id), status: "in_progress", output: [], usage: null };
  },
  cancelled: ({ id }) => [
    { type: "response.cancelled", response: { ...base(id), status: "cancelled", output: [] } },
  ],
};

const base = (id: string) => ({
  id,
  object: "response",
  created_at: 1,
  background: true,
  store: true,
  model: FAKE_MODEL,
  error: null,
  incomplete_details: null,
});

/** The events of an answer, one for each word. */
export function responseOf(said: Said, id: string): HeldEvent[] {
  const { thoughts = [], words, call } = said;
  const begun = { ...base(id), output: [], usage: null };
  const events: HeldEvent[] = [
    { type: "response.created", response: { ...begun, status: "queued" } },
    { type: "response.queued", response: { ...begun, status: "queued" } },
    { type: "response.in_progress", response: { ...begun, status: "in_progress" } },
  ];
  const output: Record<string, unknown>[] = [];
  if (thoughts.length > 0) {
    const item = { id: `rs_${id}`, type: "reasoning", summary: [] as unknown[] };
    const at = { item_id: item.id, output_index: output.length, summary_index: 0 };
    const part = { type: "summary_text", text: "" };
    events.push(
      { type: "response.output_item.added", output_index: at.output_index, item },
      { type: "response.reasoning_summary_part.added", ...at, part },
      ...thoughts.map((delta) => ({
        type: "response.reasoning_summary_text.delta",
        ...at,
        delta,
      })),
    );
    const done = {
      ...item,
      summary: [{ type: "summary_text", text: thoughts.join("") }],
      encrypted_content: `cipher of ${id}`,
    };
    events.push({
      type: "response.output_item.done",
      output_index: at.output_index,
      item: done,
    });
    output.push(done);
  }
  if (words.length > 0) {
    const at = { item_id: `msg_${id}`, output_index: output.length, content_index: 0 };
    const { output_index } = at;
    const text = words.join("");
    const message = { id: at.item_id, type: "message", role: "assistant" };
    const part = { type: "output_text", text, annotations: [] };
    const added = { ...message, status: "in_progress", content: [] };
    const done = { ...message, status: "completed", content: [part] };
    events.push(
      { type: "response.output_item.added", output_index, item: added },
      { type: "response.content_part.added", ...at, part: { ...part, text: "" } },
      ...words.map((delta) => ({ type: "response.output_text.delta", ...at, delta, logprobs: [] })),
      { type: "response.output_text.done", ...at, text, logprobs: [] },
      { type: "response.content_part.done", ...at, part },
      { type: "response.output_item.done", output_index, item: done },
    );
    output.push(done);
  }
  if (call) {
    const at = { item_id: `fc_${id}`, output_index: output.length };
    const item = { id: at.item_id, type: "function_call", call_id: `call_${id}`, name: call.name };
    const half = Math.ceil(call.arguments.length / 2);
    const pieces = [call.arguments.slice(0, half), call.arguments.slice(half)];
    const done = { ...item, status: "completed", arguments: call.arguments };
    events.push(
      {
        type: "response.output_item.added",
        output_index: at.output_index,
        item: { ...item, status: "in_progress", arguments: "" },
      },
      ...pieces.map((delta) => ({
        type: "response.function_call_arguments.delta",
        ...at,
        delta,
      })),
      { type: "response.function_call_arguments.done", ...at, ...call },
      { type: "response.output_item.done", output_index: at.output_index, item: done },
    );
    output.push(done);
  }
  const usage = {
    input_tokens: 7,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: words.length,
    output_tokens_details: { reasoning_tokens: thoughts.length },
    total_tokens: 7 + words.length,
  };
  events.push({
    type: "response.completed",
    response: { ...base(id), status: "completed", output, usage },
  });
  return events;
}
