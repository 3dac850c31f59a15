// What companions on one Postgres tell each other, so that none has to wait for its next look at the database. Whoever
// may use the database can send them: they make a companion look, and what it finds there counts.
import * as z from "zod/mini";
import { Id } from "./fields.ts";

const Hint = z.object({
  /** The companion that sends it. */
  from: z.string().check(z.minLength(1), z.maxLength(400)),
  /** Whoever hears it is to send a sign of life. */
  asks: z.optional(z.boolean()),
  /** Sessions whose logs have grown, and how far. */
  news: z.optional(z.array(z.tuple([Id, z.int().check(z.nonnegative())]))),
  /** Sessions that were deleted, or whose turn is to be stopped. */
  look: z.optional(z.array(Id)),
});
export type Hint = z.infer<typeof Hint>;

/** Undefined: somebody else's words. */
export function parseHint(payload: string): Hint | undefined {
  try {
    return Hint.safeParse(JSON.parse(payload)).data;
  } catch {
    return undefined;
  }
}
