// What `POST /v1/chat/completions` takes. Whatever would change an answer is handed on or refused
// by name: to pass over it would be to lie.
import * as z from "zod/mini";
import { ChatError } from "../errors.ts";
import type { Sampling } from "../protocol/sampling.ts";

const Text = z.string().check(
  z.refine((text) => !text.includes("\0") && text.isWellFormed(), {
    error: "must be well-formed Unicode without NUL",
  }),
);
const Part = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: Text }),
  z.object({
    type: z.literal("image_url"),
    image_url: z.object({ url: z.string(), detail: z.optional(z.nullable(z.string())) }),
  }),
]);
const Message = z.object({
  role: z.enum(["system", "developer", "user", "assistant"]),
  content: z.union([Text, z.array(Part)]),
});
export type CompletionMessage = z.infer<typeof Message>;

const between = (from: number, to: number) =>
  z.optional(z.nullable(z.number().check(z.minimum(from), z.maximum(to))));
const Tokens = z.optional(z.nullable(z.int().check(z.minimum(1))));
const StopText = Text.check(z.minLength(1), z.maxLength(256));

export const CompletionRequest = z.looseObject({
  model: z.optional(z.string()),
  messages: z.array(Message).check(z.minLength(1)),
  stream: z.optional(z.nullable(z.boolean())),
  stream_options: z.optional(z.nullable(z.looseObject({ include_usage: z.optional(z.boolean()) }))),
  temperature: between(0, 2),
  top_p: between(0, 1),
  max_tokens: Tokens,
  max_completion_tokens: Tokens,
  stop: z.optional(z.nullable(z.union([StopText, z.array(StopText).check(z.maxLength(16))]))),
  seed: z.optional(z.nullable(z.int())),
  presence_penalty: between(-2, 2),
  frequency_penalty: between(-2, 2),
});
export type CompletionRequest = z.infer<typeof CompletionRequest>;

/** They say who asks, or what a vendor keeps and charges, and change nothing in an answer. */
const HARMLESS = new Set([
  "user",
  "metadata",
  "store",
  "service_tier",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "parallel_tool_calls",
]);

/** Values that ask for what is given anyway. */
const TEXT_FORMAT = z.object({ type: z.literal("text") });
const IDLE: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ["n", (value: unknown) => value === 1],
  ["best_of", (value: unknown) => value === 1],
  ["echo", (value: unknown) => value === false],
  ["logprobs", (value: unknown) => value === false],
  ["top_logprobs", (value: unknown) => value === 0],
  ["response_format", (value: unknown) => TEXT_FORMAT.safeParse(value).success],
  ["modalities", (value: unknown) => z.array(z.literal("text")).safeParse(value).success],
  ["tool_choice", (value: unknown) => value === "none" || value === "auto"],
  ["function_call", (value: unknown) => value === "none" || value === "auto"],
]);

/** Rejects with `invalid_request`, naming the first thing that is not done here. */
export function refuseUnsupported(body: CompletionRequest): void {
  for (const [name, value] of Object.entries(body)) {
    if (Object.hasOwn(CompletionRequest.shape, name) || HARMLESS.has(name)) continue;
    if (value === null || isEmpty(value) || IDLE.get(name)?.(value)) continue;
    const why = name === "n" ? "only one answer is given" : "is not supported here";
    throw new ChatError("invalid_request", `${name}: ${why}.`, {
      hint: "The answer would not be what was asked for. Leave it out.",
    });
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** What is to be handed on to the model; null if nothing. */
export function toSampling(body: CompletionRequest): Sampling | null {
  const { temperature, top_p, seed, presence_penalty, frequency_penalty } = body;
  // The older name counts where the newer one is not given, as at OpenAI.
  const max_output_tokens = body.max_completion_tokens ?? body.max_tokens;
  const stop = typeof body.stop === "string" ? [body.stop] : body.stop;
  const sampling: Sampling = {
    ...given({ temperature, top_p, max_output_tokens, seed, presence_penalty, frequency_penalty }),
    ...(stop && stop.length > 0 ? { stop } : {}),
  };
  return Object.keys(sampling).length === 0 ? null : sampling;
}

function given(values: Record<string, number | null | undefined>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).filter(
      (entry): entry is [string, number] => typeof entry[1] === "number",
    ),
  );
}
