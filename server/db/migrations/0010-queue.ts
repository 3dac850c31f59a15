// Frozen: a correction is the next migration.
import type { Kysely } from "kysely";

/** Messages that wait until the answer before them has ended. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("queued_messages")
    .addColumn("session_id", "text", (column) =>
      column.notNull().references("sessions.id").onDelete("cascade"),
    )
    .addColumn("id", "text", (column) => column.notNull())
    .addColumn("position", "bigint", (column) => column.notNull())
    .addColumn("body", "text", (column) => column.notNull())
    .addColumn("version", "bigint", (column) => column.notNull())
    .addColumn("steers", "integer", (column) => column.notNull())
    .addColumn("held", "text")
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("queued_messages_primary_key", ["session_id", "id"])
    .execute();
  await db.schema
    .alterTable("sessions")
    .addColumn("queue_changes", "bigint", (column) => column.notNull().defaultTo(0))
    .execute();
}
