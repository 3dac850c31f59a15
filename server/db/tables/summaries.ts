// Summaries that stand for earlier messages in what a model is told; the messages themselves stay.
import type { Insertable, Selectable } from "kysely";
import type { Reader, SummariesTable, Trx } from "./schema.ts";

export type SummaryRow = Selectable<SummariesTable>;

export async function insertSummary(trx: Trx, summary: Insertable<SummariesTable>): Promise<void> {
  await trx.insertInto("summaries").values(summary).execute();
}

/**
 * The one that reaches furthest; one whose last turn has left the
 * conversation says nothing any more.
 */
export async function activeSummary(
  reader: Reader,
  sessionId: string,
): Promise<SummaryRow | undefined> {
  return await reader
    .selectFrom("summaries")
    .innerJoin("turns", "turns.id", "summaries.until_turn_id")
    .selectAll("summaries")
    .where("summaries.session_id", "=", sessionId)
    .where("undone_at", "is", null)
    .where("turns.replaced_by", "is", null)
    .orderBy("until_position", "desc")
    .limit(1)
    .executeTakeFirst();
}

export async function hasUndone(reader: Reader, sessionId: string): Promise<boolean> {
  const row = await reader
    .selectFrom("summaries")
    .select("id")
    .where("session_id", "=", sessionId)
    .where("undone_at", "is not", null)
    .executeTakeFirst();
  return row !== undefined;
}

/** `unknown`: the session has none with this id. */
export async function setUndone(
  trx: Trx,
  sessionId: string,
  id: string,
): Promise<"undone" | "known" | "unknown"> {
  const row = await trx
    .selectFrom("summaries")
    .select("undone_at")
    .where("session_id", "=", sessionId)
    .where("id", "=", id)
    .executeTakeFirst();
  if (!row) return "unknown";
  if (row.undone_at !== null) return "known";
  await trx.updateTable("summaries").set({ undone_at: Date.now() }).where("id", "=", id).execute();
  return "undone";
}
