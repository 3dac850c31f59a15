// Frozen: a correction is the next migration.
import type { Kysely } from "kysely";

/** The answer of a running turn that its vendor holds: what a later start can go on with. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("turns").addColumn("held_answer", "text").execute();
}
