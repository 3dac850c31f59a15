// Frozen: a correction is the next migration.
import type { Kysely } from "kysely";

/** Texts that people have written down for models: each once in a session, by its hash. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("instructions")
    .addColumn("session_id", "text", (column) =>
      column.notNull().references("sessions.id").onDelete("cascade"),
    )
    .addColumn("id", "text", (column) => column.notNull())
    .addColumn("content", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("instructions_primary_key", ["session_id", "id"])
    .execute();
}
