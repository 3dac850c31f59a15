import { type OperationNodeSource, PostgresAdapter, type QueryResult, sql } from "kysely";
import type { Trx } from "./schema.ts";

/** One that is not carried out yet. */
export type Statement = OperationNodeSource;

/**
 * Carries out statements of which none reads what another writes, and resolves with what the last
 * gives. On Postgres, where each is a round trip and parsed and planned anew, they are one: it sees
 * none of its own rows, and looks at references at its end. On SQLite they run in their order, what
 * is referred to first.
 */
export async function together<Row = unknown>(
  trx: Trx,
  statements: readonly Statement[],
): Promise<QueryResult<Row>> {
  const before = statements.slice(0, -1);
  const last = statements.at(-1);
  if (before.length > 0 && trx.getExecutor().adapter instanceof PostgresAdapter) {
    const parts = before.map((one, index) => sql`${sql.id(`part_${index}`)} as (${one})`);
    return await sql<Row>`with ${sql.join(parts)} ${last}`.execute(trx);
  }
  for (const one of before) await sql`${one}`.execute(trx);
  return await sql<Row>`${last}`.execute(trx);
}
