// Frozen: a correction is the next migration.
import type { Kysely } from "kysely";

/** What goes with messages beside their text: each content once, and which chats have it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("blobs")
    .addColumn("hash", "text", (column) => column.notNull().primaryKey())
    .addColumn("media_type", "text", (column) => column.notNull())
    .addColumn("bytes", "bigint", (column) => column.notNull())
    .addColumn("data", "text", (column) => column.notNull())
    .addColumn("last_use", "text", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("attachments")
    .addColumn("session_id", "text", (column) =>
      column.notNull().references("sessions.id").onDelete("cascade"),
    )
    .addColumn("hash", "text", (column) => column.notNull().references("blobs.hash"))
    .addPrimaryKeyConstraint("attachments_primary_key", ["session_id", "hash"])
    .execute();
  await db.schema.createIndex("attachments_by_hash").on("attachments").column("hash").execute();
}
