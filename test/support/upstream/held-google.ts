// Gemini's Interactions in the background, for the stand-in: `last_event_id`
// with events that have names.
import type { Said } from "./held-openai.ts";
import type { HeldAnswer, HeldEvent, HeldFormat } from "./held-upstream.ts";
import { FAKE_MODEL } from "./start-upstream.ts";

const PREFIX = "event-";

export const HELD_GOOGLE: HeldFormat = {
  base: "/v1beta",
  path: "/interactions",
  isHeld: ({ background, store }) => background === true && store === true,
  frame(event, place) {
    const data = JSON.stringify({ ...event, event_id: `${PREFIX}${place}` });
    return `event: ${String(event["event_type"])}\ndata: ${data}\n\n`;
  },
  tail: "event: done\ndata: [DONE]\n\n",
  after: (query) => Number(query.get("last_event_id")?.replace(PREFIX, "") ?? -1),
  whole(answer) {
    const { id, plan, made } = answer;
    const status = made === plan.length ? "completed" : "in_progress";
    const last = made === plan.length ? plan.at(-1)?.["interaction"] : {};
    return { ...base(id), status, steps: stepsOf(answer), ...(last as object) };
  },
  cancelled: ({ id }) => [
    {
      event_type: "interaction.completed",
      interaction: { ...base(id), status: "cancelled" },
    },
  ],
};

const base = (id: string) => ({ id, object: "interaction", model: FAKE_MODEL });

/** Of a plan, put together from its events as a reader would. */
function stepsOf({ plan, made }: HeldAnswer): unknown[] {
  const steps: Record<string, unknown>[] = [];
  for (const event of plan.slice(0, made)) {
    const index = Number(event["index"]);
    if (event["event_type"] === "step.start") {
      steps[index] = { ...(event["step"] as object), ...(event["whole"] as object) };
    }
  }
  return steps;
}

/**
 * The events of an answer, one for each word. `whole`, in a beginning, is for the
 * stand-in; a reader skips it.
 */
export function interactionOf(said: Said, id: string): HeldEvent[] {
  const { thoughts = [], words, call } = said;
  const status = "in_progress";
  const events: HeldEvent[] = [
    { event_type: "interaction.created", interaction: { ...base(id), status } },
    { event_type: "interaction.status_update", interaction_id: id, status },
  ];
  let index = 0;
  const add = (
    step: Record<string, unknown>,
    whole: Record<string, unknown>,
    deltas: readonly Record<string, unknown>[],
  ): void => {
    events.push(
      { event_type: "step.start", index, step, whole },
      ...deltas.map((delta) => ({ event_type: "step.delta", index, delta })),
      { event_type: "step.stop", index },
    );
    index += 1;
  };
  const part = (text: string) => ({ type: "text", text });
  if (thoughts.length > 0) {
    const signature = `cipher of ${id}`;
    add({ type: "thought" }, { signature, summary: [part(thoughts.join(""))] }, [
      ...thoughts.map((text) => ({ type: "thought_summary", content: part(text) })),
      { type: "thought_signature", signature },
    ]);
  }
  if (words.length > 0) {
    add({ type: "model_output" }, { content: [part(words.join(""))] }, words.map(part));
  }
  if (call) {
    const { name } = call;
    const half = Math.ceil(call.arguments.length / 2);
    const pieces = [call.arguments.slice(0, half), call.arguments.slice(half)];
    add(
      { type: "function_call", id: `call_${id}`, name, arguments: {} },
      { arguments: JSON.parse(call.arguments) as unknown },
      pieces.map((args) => ({ type: "arguments_delta", arguments: args })),
    );
  }
  events.push({
    event_type: "interaction.completed",
    interaction: {
      ...base(id),
      status: call ? "requires_action" : "completed",
      usage: {
        total_input_tokens: 7,
        total_output_tokens: words.length,
        total_thought_tokens: thoughts.length,
      },
    },
  });
  return events;
}
