// Frozen: a correction is the next migration.
import { type Kysely, sql } from "kysely";

/** What clients offer with a message, who runs and decides calls, what a person has allowed for a session. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("offers")
    .addColumn("session_id", "text", (column) =>
      column.notNull().references("sessions.id").onDelete("cascade"),
    )
    .addColumn("id", "text", (column) => column.notNull())
    .addColumn("body", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("offers_primary_key", ["session_id", "id"])
    .execute();

  const turnColumns = ["offer_id", "client_id", "workspace"];
  for (const name of turnColumns) {
    await db.schema.alterTable("turns").addColumn(name, "text").execute();
  }
  for (const name of ["steps", "switches"]) {
    await db.schema
      .alterTable("turns")
      .addColumn(name, "bigint", (column) => column.notNull().defaultTo(0))
      .execute();
  }

  await db.schema.alterTable("tool_calls").addColumn("decided_by", "text").execute();
  await db.schema.alterTable("tool_calls").addColumn("claimed_by", "text").execute();
  await db.schema.alterTable("tool_calls").addColumn("claim_expires_at", "bigint").execute();
  await db.schema
    .createIndex("tool_calls_claimed")
    .on("tool_calls")
    .column("claim_expires_at")
    .where(sql.ref("claim_expires_at"), "is not", null)
    .execute();

  await db.schema
    .createTable("tool_rules")
    .addColumn("session_id", "text", (column) =>
      column.notNull().references("sessions.id").onDelete("cascade"),
    )
    .addColumn("tool_name", "text", (column) => column.notNull())
    .addColumn("rule", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("tool_rules_primary_key", ["session_id", "tool_name"])
    .execute();
}
