// Attachments of messages that were taken back from the queue, and of no other.
import { type RawBuilder, sql } from "kysely";
import { removeUnused } from "./attachments.ts";
import { TAKEN_BACK } from "./requests.ts";
import type { Reader, Trx } from "./schema.ts";

/** Not deleted ones, whose last message was taken back before. */
export async function sessionsWithUnsent(
  reader: Reader,
  before: number,
  limit: number,
): Promise<string[]> {
  const rows = await reader
    .selectFrom("attachments")
    .innerJoin("sessions", "sessions.id", "attachments.session_id")
    .select("attachments.session_id")
    .distinct()
    .where("sessions.deleted_at", "is", null)
    .where(isUnsent(before))
    .limit(limit)
    .execute();
  return rows.map(({ session_id }) => session_id);
}

/** The session's row is locked. What it has of another chat stays there. */
export async function removeUnsent(trx: Trx, sessionId: string, before: number): Promise<void> {
  const unsent = await trx
    .selectFrom("attachments")
    .innerJoin("blobs", "blobs.hash", "attachments.hash")
    .select(["blobs.hash", "blobs.last_use"])
    .where("attachments.session_id", "=", sessionId)
    .where(isUnsent(before))
    .execute();
  if (unsent.length === 0) return;
  await trx
    .deleteFrom("attachments")
    .where("session_id", "=", sessionId)
    .where(
      "hash",
      "in",
      unsent.map(({ hash }) => hash),
    )
    .execute();
  await removeUnused(trx, unsent);
}

/** Of a row of `attachments`: whether no message that was sent, or waits, names its content. */
function isUnsent(before: number): RawBuilder<boolean> {
  const takenBack = sql`
    select 1 from requests where requests.session_id = attachments.session_id
    and requests.body_hash like ${`%${TAKEN_BACK}`}`;
  const names = (text: string) => sql`${sql.ref(text)} like '%' || attachments.hash || '%'`;
  return sql<boolean>`
    exists (${takenBack} and requests.created_at < ${before})
    and not exists (${takenBack} and requests.created_at >= ${before})
    and not exists (
      select 1 from messages where messages.session_id = attachments.session_id
      and ${names("messages.metadata")})
    and not exists (
      select 1 from queued_messages where queued_messages.session_id = attachments.session_id
      and ${names("queued_messages.body")})`;
}
