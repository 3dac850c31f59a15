// What companions on one Postgres tell each other, so that none has to wait for its next look
// at the database. Whoever may use the database can send them: they make a companion look, and
// what it finds there counts.
import * as z from "zod/mini";
import { Id } from "./fields.ts";

const PeerNotice = z.object({
  /** The companion that sends it. */
  from: z.string().check(z.minLength(1), z.maxLength(400)),
  /** Whoever hears it is to send a heartbeat. */
  asks: z.optional(z.boolean()),
  /** Sessions whose logs have grown, and how far. */
  news: z.optional(z.array(z.tuple([Id, z.int().check(z.nonnegative())]))),
  /** Sessions that were deleted, or whose turn is to be stopped. */
  look: z.optional(z.array(Id)),
});
export type PeerNotice = z.infer<typeof PeerNotice>;

/** Undefined: somebody else's words. */
export function parsePeerNotice(payload: string): PeerNotice | undefined {
  try {
    return PeerNotice.safeParse(JSON.parse(payload)).data;
  } catch {
    return undefined;
  }
}
