// Frozen: a correction is the next migration.
import type { Kysely } from "kysely";

/** A chat that was deleted stays for a while, so that it can be brought back. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("sessions").addColumn("deleted_at", "bigint").execute();
  await db.schema
    .createIndex("sessions_deleted")
    .on("sessions")
    .columns(["deleted_at", "id"])
    .where("deleted_at", "is not", null)
    .execute();
}
