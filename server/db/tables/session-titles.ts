// Who gives a chat its title: its first words at once, then its model, once; a person at any time.
import { sql } from "kysely";
import type { Reader, Trx } from "./schema.ts";
import { clock } from "./sessions.ts";

/** How often a model is asked: one that was not there the first time is asked once more. */
export const TITLE_TRIES = 2;

/** Longer than it is waited for: whoever asked then has given up, or was killed. */
const ASKED_FOR_MS = 60_000;

/** Whether the model may be asked, as far as is known without a lock. */
export async function wantsTitle(reader: Reader, sessionId: string): Promise<boolean> {
  const row = await reader
    .selectFrom("sessions")
    .select("title_tries")
    .where("id", "=", sessionId)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  return (row?.title_tries ?? 0) > 0;
}

/**
 * Takes one of the tries; the mark under which its title may be stored. Undefined: there are no
 * more, somebody waits for one just now, or the title is a person's own.
 */
export async function claimTitle(trx: Trx, sessionId: string): Promise<number | undefined> {
  const row = await trx
    .updateTable("sessions")
    .set((eb) => ({ title_tries: eb("title_tries", "-", 1), title_asked_at: clock(trx) }))
    .where("id", "=", sessionId)
    .where("deleted_at", "is", null)
    .where("title_tries", ">", 0)
    .where((eb) =>
      eb.or([
        eb("title_asked_at", "is", null),
        eb("title_asked_at", "<", sql<number>`${clock(trx)} - ${sql.lit(ASKED_FOR_MS)}`),
      ]),
    )
    .returning("title_asked_at")
    .executeTakeFirst();
  return row?.title_asked_at ?? undefined;
}

/** False where it came too late: a person has named the chat, or somebody else has asked since. */
export async function setModelTitle(
  trx: Trx,
  sessionId: string,
  mark: number,
  title: string,
): Promise<boolean> {
  const result = await trx
    .updateTable("sessions")
    .set({ title, title_tries: 0, title_asked_at: null })
    .where("id", "=", sessionId)
    .where("deleted_at", "is", null)
    .where("title_asked_at", "=", mark)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Enough to tell a copy from its chat; no list that grows with all that was ever said. */
const NEWEST = 1_000;

/** Of the chats that were used last. */
export async function newestTitles(reader: Reader): Promise<string[]> {
  const rows = await reader
    .selectFrom("sessions")
    .select("title")
    .where("deleted_at", "is", null)
    .orderBy("updated_at", "desc")
    .orderBy("id", "desc")
    .limit(NEWEST)
    .execute();
  return rows.map(({ title }) => title);
}
