// How a client wants an answer to be made: the part of OpenAI's API that its clients send along.
import * as z from "zod/mini";

/** Stored with the turn, so that each of its steps is asked for in the same way. */
export const Sampling = z.object({
  temperature: z.optional(z.number()),
  top_p: z.optional(z.number()),
  max_output_tokens: z.optional(z.number()),
  stop: z.optional(z.array(z.string())),
  seed: z.optional(z.number()),
  presence_penalty: z.optional(z.number()),
  frequency_penalty: z.optional(z.number()),
});
export type Sampling = z.infer<typeof Sampling>;
export const SAMPLING_FIELDS = z.keyof(Sampling).options;
export type SamplingField = keyof Sampling;

/** Of a turn's row; null where its client asked for nothing. */
export function samplingOf(stored: string | null): Sampling | null {
  return stored === null ? null : Sampling.parse(JSON.parse(stored));
}
