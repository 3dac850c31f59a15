// Frozen: a correction is the next migration.
import { type Kysely, PostgresAdapter, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("sessions")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("title", "text", (column) => column.notNull())
    .addColumn("agent_type", "text", (column) => column.notNull())
    .addColumn("model", "text")
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("updated_at", "bigint", (column) => column.notNull())
    .addColumn("last_seq", "bigint", (column) => column.notNull())
    .addColumn("lease_owner", "text")
    .addColumn("lease_fence", "bigint", (column) => column.notNull())
    .addColumn("lease_expires_at", "bigint")
    .addColumn("cancel_turn_id", "text")
    .addColumn("last_commit", "text")
    .execute();
  await db.schema
    .createIndex("sessions_by_update")
    .on("sessions")
    .columns(["updated_at", "id"])
    .execute();
  await db.schema
    .createIndex("sessions_by_lease")
    .on("sessions")
    .column("lease_owner")
    .where("lease_owner", "is not", null)
    .execute();

  await db.schema
    .createTable("turns")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("session_id", "text", (column) =>
      column.notNull().references("sessions.id").onDelete("cascade"),
    )
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("agent_type", "text", (column) => column.notNull())
    .addColumn("model", "text", (column) => column.notNull())
    .addColumn("after_seq", "bigint", (column) => column.notNull())
    .addColumn("started_at", "bigint", (column) => column.notNull())
    .addColumn("ended_at", "bigint")
    .addColumn("error_code", "text")
    .addColumn("input_tokens", "bigint")
    .addColumn("output_tokens", "bigint")
    .addColumn("replaced_by", "text")
    .execute();
  await db.schema
    .createIndex("turns_by_session")
    .on("turns")
    .columns(["session_id", "after_seq"])
    .execute();
  await db.schema
    .createIndex("turns_running")
    .on("turns")
    .column("status")
    .where("status", "=", "running")
    .execute();

  await db.schema
    .createTable("messages")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("session_id", "text", (column) =>
      column.notNull().references("sessions.id").onDelete("cascade"),
    )
    .addColumn("turn_id", "text", (column) =>
      column.notNull().references("turns.id").onDelete("cascade"),
    )
    .addColumn("position", "bigint", (column) => column.notNull())
    .addColumn("role", "text", (column) => column.notNull())
    .addColumn("content", "text", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("metadata", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addUniqueConstraint("messages_in_order", ["session_id", "position"])
    .execute();
  await db.schema.createIndex("messages_by_turn").on("messages").column("turn_id").execute();

  await db.schema
    .createTable("chunks")
    .addColumn("session_id", "text", (column) =>
      column.notNull().references("sessions.id").onDelete("cascade"),
    )
    .addColumn("seq", "bigint", (column) => column.notNull())
    .addColumn("turn_id", "text")
    .addColumn("type", "text", (column) => column.notNull())
    .addColumn("payload", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("chunks_primary_key", ["session_id", "seq"])
    .execute();

  await db.schema
    .createTable("requests")
    .addColumn("request_id", "text", (column) => column.primaryKey().notNull())
    .addColumn("body_hash", "text", (column) => column.notNull())
    .addColumn("session_id", "text", (column) =>
      column.notNull().references("sessions.id").onDelete("cascade"),
    )
    .addColumn("turn_id", "text")
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("requests_by_session").on("requests").column("session_id").execute();

  await db.schema
    .createTable("tool_calls")
    .addColumn("session_id", "text", (column) =>
      column.notNull().references("sessions.id").onDelete("cascade"),
    )
    .addColumn("call_id", "text", (column) => column.notNull())
    .addColumn("turn_id", "text", (column) =>
      column.notNull().references("turns.id").onDelete("cascade"),
    )
    .addColumn("tool_name", "text", (column) => column.notNull())
    .addColumn("arguments", "text", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("decision", "text")
    .addColumn("result", "text")
    .addColumn("error", "text")
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("ended_at", "bigint")
    .addPrimaryKeyConstraint("tool_calls_primary_key", ["session_id", "call_id"])
    .execute();
  await db.schema.createIndex("tool_calls_by_turn").on("tool_calls").column("turn_id").execute();
  if (db.getExecutor().adapter instanceof PostgresAdapter) await createFoldCase(db);
}

/**
 * `fold_case(text)` for searches; SQLite gets its own from the program. `lower` alone follows the
 * database's locale, which may know ASCII only, so it asks ICU where the server has it.
 */
async function createFoldCase(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql`select 1 from pg_collation where collname = 'und-x-icu'`.execute(db);
  const folded = rows.length > 0 ? sql`lower($1 collate "und-x-icu")` : sql`lower($1)`;
  await sql`
    create function fold_case(text) returns text language sql immutable strict parallel safe
    as $$ select replace(${folded}, 'ё', 'е') $$
  `.execute(db);
}
