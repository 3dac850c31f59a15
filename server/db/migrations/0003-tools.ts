// Frozen: a correction is the next migration.
import { type Kysely, sql } from "kysely";

/**
 * What clients offer with a message, who runs and decides calls, what a person has
 * allowed for a session, plans.
 */
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

  for (const name of ["kind", "decided_by", "claimed_by"]) {
    await db.schema.alterTable("tool_calls").addColumn(name, "text").execute();
  }
  await db.schema
    .alterTable("tool_calls")
    .addColumn("position", "bigint", (column) => column.notNull().defaultTo(0))
    .execute();
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
    .addColumn("workspace", "text", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("rule", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("tool_rules_primary_key", ["session_id", "workspace", "tool_name"])
    .execute();

  await db.schema
    .createTable("plans")
    .addColumn("id", "text", (column) => column.notNull().primaryKey())
    .addColumn("session_id", "text", (column) =>
      column.notNull().references("sessions.id").onDelete("cascade"),
    )
    .addColumn("turn_id", "text", (column) =>
      column.notNull().references("turns.id").onDelete("cascade"),
    )
    .addColumn("call_id", "text", (column) => column.notNull())
    .addColumn("summary", "text", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("plans_by_session").on("plans").column("session_id").execute();
  await db.schema.createIndex("plans_by_turn").on("plans").column("turn_id").execute();

  await db.schema
    .createTable("subtasks")
    .addColumn("plan_id", "text", (column) =>
      column.notNull().references("plans.id").onDelete("cascade"),
    )
    .addColumn("position", "bigint", (column) => column.notNull())
    .addColumn("id", "text", (column) => column.notNull())
    .addColumn("title", "text", (column) => column.notNull())
    .addColumn("description", "text", (column) => column.notNull())
    .addColumn("agent_type", "text", (column) => column.notNull())
    .addColumn("depends_on", "text", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("subtasks_primary_key", ["plan_id", "position"])
    .execute();
}
