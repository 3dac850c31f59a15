// Words of answers that are not in their logs yet, on SQLite (server/db/commit/tail.ts).
import assert from "node:assert/strict";
import type { OpenedDatabase } from "../../server/db/opened-database.ts";
import { query } from "./damage.ts";

/**
 * Nothing becomes due, however slow the machine is; steps settle as always. Returns what lets time
 * go on.
 */
export function stopTime({ tail }: Pick<OpenedDatabase, "tail">): () => void {
  assert.ok(tail);
  const due = tail.due.bind(tail);
  let isStopped = true;
  tail.due = (rows, now) => due(rows, isStopped ? 0 : now);
  return () => (isStopped = false);
}

/** Rows that are not in their log yet. */
export function inTail(path: string): number {
  const [row] = query<{ n: number }>(
    path,
    "select count(*) as n from tail join sessions on id = session_id and seq > last_seq",
  );
  return row?.n ?? 0;
}
