// Frozen: a correction is the next migration.
import type { Kysely } from "kysely";

/** What a person lets run without asking: rules of a workspace, and a level for a chat in one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("approval_rules")
    .addColumn("id", "text", (column) => column.notNull().primaryKey())
    .addColumn("workspace", "text", (column) => column.notNull())
    .addColumn("tool_name", "text", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("type", "text", (column) => column.notNull())
    .addColumn("pattern", "text", (column) => column.notNull())
    .addColumn("arguments", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex("approval_rules_by_workspace")
    .on("approval_rules")
    .column("workspace")
    .execute();
  await db.schema.alterTable("sessions").addColumn("approval_level", "text").execute();
  await db.schema.alterTable("sessions").addColumn("approval_workspace", "text").execute();
}
