// A model's thinking in its vendor's own form: kept with the message it belongs to and sent back
// with it as it was, to the same model only. Signatures and ciphers are of no use to a reader: no
// chunk and no answer of ours carries them.
import * as z from "zod/mini";

/**
 * One record, and where it stood: after so many characters of the answer's text
 * and so many of its calls.
 */
export const ThinkingPart = z.object({
  text: z.number(),
  calls: z.number(),
  data: z.record(z.string(), z.unknown()),
});
export type ThinkingPart = z.infer<typeof ThinkingPart>;

export const Thinking = z.object({
  /** `provider/name` of the model it is from. */
  model: z.string(),
  parts: z.array(ThinkingPart),
});
export type Thinking = z.infer<typeof Thinking>;
