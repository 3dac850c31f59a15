// Frozen: a correction is the next migration.
import type { Kysely } from "kysely";

/** How much a running call has said so far, in UTF-16 units; its words are chunks. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable("tool_calls")
    .addColumn("output_length", "bigint", (column) => column.notNull().defaultTo(0))
    .execute();
}
