// What goes with messages beside their text. A content is stored once, whichever chats have
// it, and goes with the last.
import { createHash } from "node:crypto";
import type { Selectable } from "kysely";
import { v7 as uuid } from "uuid";
import type { BlobsTable, Reader, Trx } from "./schema.ts";

/** `hash`: SHA-256 of the bytes; `data`: base64, as models and files of chats take it. */
export type Blob = Omit<Selectable<BlobsTable>, "last_use">;

export async function insertAttachments(
  trx: Trx,
  sessionId: string,
  blobs: readonly Blob[],
): Promise<void> {
  const last_use = uuid();
  // In one order: two chats that store the same would wait for each other.
  for (const blob of blobs.toSorted((a, b) => (a.hash < b.hash ? -1 : 1))) {
    // Held and marked until the commit, so that who deletes another chat with
    // the same content leaves it.
    await trx
      .insertInto("blobs")
      .values({ ...blob, last_use })
      .onConflict((conflict) => conflict.column("hash").doUpdateSet({ last_use }))
      .execute();
    await trx
      .insertInto("attachments")
      .values({ session_id: sessionId, hash: blob.hash })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** Of these, what the chat has. */
export async function findAttachments(
  reader: Reader,
  sessionId: string,
  hashes: readonly string[],
): Promise<Map<string, Blob>> {
  if (hashes.length === 0) return new Map();
  const rows = await reader
    .selectFrom("attachments")
    .innerJoin("blobs", "blobs.hash", "attachments.hash")
    .select(["blobs.hash", "blobs.media_type", "blobs.bytes", "blobs.data"])
    .where("attachments.session_id", "=", sessionId)
    .where("attachments.hash", "in", hashes)
    .execute();
  return new Map(rows.map((row) => [row.hash, row]));
}

export async function attachedBytes(reader: Reader, sessionId: string): Promise<number> {
  const row = await reader
    .selectFrom("attachments")
    .innerJoin("blobs", "blobs.hash", "attachments.hash")
    .select((eb) => eb.fn.sum<number | string>("blobs.bytes").as("bytes"))
    .where("attachments.session_id", "=", sessionId)
    .executeTakeFirst();
  return Number(row?.bytes ?? 0);
}

/** SHA-256 of the bytes, of a content in base64. */
export function hashOfContent(data: string): string {
  return createHash("sha256").update(Buffer.from(data, "base64")).digest("hex");
}

/** Before the chat is removed: what no other chat has goes with it. */
export async function removeAttachments(trx: Trx, sessionId: string): Promise<void> {
  const mine = await trx
    .selectFrom("attachments")
    .innerJoin("blobs", "blobs.hash", "attachments.hash")
    .select(["blobs.hash", "blobs.last_use"])
    .where("attachments.session_id", "=", sessionId)
    .execute();
  await trx.deleteFrom("attachments").where("session_id", "=", sessionId).execute();
  await removeUnused(trx, mine);
}

/** What no chat has. */
export async function removeUnusedBlobs(trx: Trx): Promise<void> {
  const unused = await trx
    .selectFrom("blobs")
    .select(["hash", "last_use"])
    .where((eb) =>
      eb("hash", "not in", eb.selectFrom("attachments").select("attachments.hash").distinct()),
    )
    .execute();
  await removeUnused(trx, unused);
}

/** Of these, what no chat has. */
export async function removeUnused(
  trx: Trx,
  blobs: readonly { hash: string; last_use: string }[],
): Promise<void> {
  for (const { hash, last_use } of blobs) {
    await trx
      .deleteFrom("blobs")
      .where("hash", "=", hash)
      // Another chat that takes it up now has changed this, and Postgres looks at that
      // again after waiting for it.
      .where("last_use", "=", last_use)
      .where((eb) =>
        eb.not(
          eb.exists(
            eb.selectFrom("attachments").select("hash").where("attachments.hash", "=", hash),
          ),
        ),
      )
      .execute();
  }
}
