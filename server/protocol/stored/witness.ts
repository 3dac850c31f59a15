// Between one start and the next: what a data directory knows of its database
// (`chat/upkeep/keep-epoch.ts`).
import * as z from "zod/mini";

export const StoredWitness = z.object({
  /** Which database it is about; a data directory may be started with another. */
  database: z.string(),
  /** The data directory's name in the database. */
  keeper: z.string(),
  /**
   * The last nonce, and the next one while it is being written: a crash in
   * between is no other database.
   */
  nonces: z.array(z.string()),
  /** Of the database when the nonce was written. */
  epoch: z.string(),
  /** A new epoch has to begin at the next start: somebody has put another state in place. */
  due: z.optional(z.literal("restored")),
});
export type Witness = Omit<z.infer<typeof StoredWitness>, "database">;
