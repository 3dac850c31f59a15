// Frozen: a correction is the next migration.
import type { Kysely } from "kysely";

/**
 * Which course of events the logs belong to, how each start knows its database again, and how
 * an answer is to be made.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("epochs")
    .addColumn("number", "bigint", (column) => column.notNull().primaryKey())
    .addColumn("id", "text", (column) => column.notNull())
    .addColumn("reason", "text", (column) => column.notNull())
    .addColumn("begun_at", "bigint", (column) => column.notNull())
    .execute();
  await db
    .withTables<{
      epochs: Record<"id" | "reason", string> & Record<"number" | "begun_at", number>;
    }>()
    .insertInto("epochs")
    .values({
      number: 1,
      id: crypto.randomUUID().slice(0, 8),
      reason: "first",
      begun_at: Date.now(),
    })
    .execute();
  await db.schema
    .createTable("witnesses")
    .addColumn("keeper", "text", (column) => column.notNull().primaryKey())
    .addColumn("nonce", "text", (column) => column.notNull())
    .addColumn("written_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .alterTable("sessions")
    .addColumn("epoch_seq", "bigint", (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema.alterTable("turns").addColumn("sampling", "text").execute();
}
