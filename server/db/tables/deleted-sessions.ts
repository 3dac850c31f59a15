// A chat that was deleted stays as it is for a while: only nobody sees it, and nobody writes it.
import type { DeletedSession } from "../../protocol/responses.ts";
import { removeAttachments } from "./attachments.ts";
import { appendsEnded } from "./epochs.ts";
import type { Reader, Trx } from "./schema.ts";
import { lockSession, noSuchSession, releaseLease } from "./sessions.ts";

/** Ends its lease too, so that an answer of another companion is cut. */
export async function hideSession(trx: Trx, sessionId: string): Promise<void> {
  await lockSession(trx, sessionId);
  await releaseLease(trx, sessionId);
  await trx
    .updateTable("sessions")
    .set({ deleted_at: Date.now() })
    .where("id", "=", sessionId)
    .execute();
}

/** For when one was deleted that nobody may bring back: it is the next to be removed. */
const FOR_GOOD = 0;

/** Of one that is hidden. */
export async function giveUpSession(trx: Trx, sessionId: string): Promise<void> {
  await trx
    .updateTable("sessions")
    .set({ deleted_at: FOR_GOOD })
    .where("id", "=", sessionId)
    .execute();
}

/** One that is not deleted stays as it is. Rejects with `not_found` where none is left. */
export async function showSession(trx: Trx, sessionId: string): Promise<void> {
  const result = await trx
    .updateTable("sessions")
    .set({ deleted_at: null })
    .where("id", "=", sessionId)
    .where((eb) => eb.or([eb("deleted_at", "is", null), eb("deleted_at", "!=", FOR_GOOD)]))
    .executeTakeFirst();
  if (result.numUpdatedRows === 0n) throw noSuchSession();
}

/**
 * Removes the session and all that belongs to it, deleted or not; with `deletedBefore` only if it
 * was deleted before, else rejects with `not_found`. No append may be on its way (`appendsEnded`).
 */
export async function removeSession(
  trx: Trx,
  sessionId: string,
  deletedBefore?: number,
): Promise<void> {
  // Nobody attaches anything from here on, or brings it back.
  const { numUpdatedRows } = await trx
    .updateTable("sessions")
    .set((eb) => ({ last_seq: eb.ref("last_seq") }))
    .where("id", "=", sessionId)
    .$if(deletedBefore !== undefined, (query) => query.where("deleted_at", "<", deletedBefore ?? 0))
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw noSuchSession();
  await removeAttachments(trx, sessionId);
  await trx.deleteFrom("sessions").where("id", "=", sessionId).execute();
}

export async function isDeleted(reader: Reader, sessionId: string): Promise<boolean> {
  const row = await reader
    .selectFrom("sessions")
    .select("id")
    .where("id", "=", sessionId)
    .where("deleted_at", "is not", null)
    .executeTakeFirst();
  return row !== undefined;
}

/** Less than a step's own patience. */
const APPENDS_MS = 2_000;

/**
 * For a chat that comes in from a file under the id of one that was deleted here. Rejects with
 * `session_busy` where an append hangs that could add to what comes in.
 */
export async function removeIfDeleted(trx: Trx, sessionId: string): Promise<void> {
  // Nobody brings it back from here on. No append needs this row.
  const { numUpdatedRows } = await trx
    .updateTable("sessions")
    .set((eb) => ({ last_seq: eb.ref("last_seq") }))
    .where("id", "=", sessionId)
    .where("deleted_at", "is not", null)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return;
  await appendsEnded(trx, APPENDS_MS);
  await removeSession(trx, sessionId);
}

/** Those that can be brought back, the newest first. */
export async function listDeleted(reader: Reader, limit: number): Promise<DeletedSession[]> {
  const rows = await reader
    .selectFrom("sessions")
    .select(["id", "title", "deleted_at"])
    .where("deleted_at", ">", FOR_GOOD)
    .orderBy("deleted_at", "desc")
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
  return rows.map(({ deleted_at, ...row }) => ({
    ...row,
    deleted_at: new Date(deleted_at ?? 0).toISOString(),
  }));
}

/** Ids of those that were deleted before, the oldest first. */
export async function deletedBefore(
  reader: Reader,
  before: number,
  limit: number,
): Promise<string[]> {
  const rows = await reader
    .selectFrom("sessions")
    .select("id")
    .where("deleted_at", "<", before)
    .orderBy("deleted_at")
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}
