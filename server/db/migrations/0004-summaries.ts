// Frozen: a correction is the next migration.
import type { Kysely } from "kysely";

/** What stands for earlier messages in what a model is told. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("summaries")
    .addColumn("id", "text", (column) => column.notNull().primaryKey())
    .addColumn("session_id", "text", (column) =>
      column.notNull().references("sessions.id").onDelete("cascade"),
    )
    .addColumn("until_turn_id", "text", (column) => column.notNull())
    .addColumn("until_position", "bigint", (column) => column.notNull())
    .addColumn("content", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("undone_at", "bigint")
    .execute();
  await db.schema
    .createIndex("summaries_by_session")
    .on("summaries")
    .column("session_id")
    .execute();
}
