// Which turns are the conversation. The log says it (`domain/replay-versions.ts`); `replaced_by` of
// each turn says the same, so that a question for the conversation is one of rows.
import type { ExpressionBuilder } from "kysely";
import { ChatError } from "../../errors.ts";
import type { ChunkRow } from "./chunks.ts";
import type { Database, Reader, Trx } from "./schema.ts";
import type { TurnRow } from "./turns.ts";

/** Of the chunks that change what the conversation is, and of few others. */
export type ChangeRow = Pick<ChunkRow, "seq" | "turn_id" | "type" | "payload">;

export async function versionRows(
  reader: Reader,
  sessionId: string,
): Promise<{ turns: Pick<TurnRow, "id" | "after_seq" | "replaced_by">[]; changes: ChangeRow[] }> {
  const turns = await reader
    .selectFrom("turns")
    .select(["id", "after_seq", "replaced_by"])
    .where("session_id", "=", sessionId)
    .execute();
  const changes = await reader
    .selectFrom("chunks")
    .select(["seq", "turn_id", "type", "payload"])
    .where("session_id", "=", sessionId)
    .where("type", "in", ["user_message", "status"])
    .where(isChange)
    .orderBy("seq")
    .execute();
  return { turns, changes };
}

/** In a text the quotation marks would be escaped. */
const isChange = (eb: ExpressionBuilder<Database, "chunks">) =>
  eb.or([
    eb("payload", "like", '%"replaces_turn_id":%'),
    eb("payload", "like", '%"chosen_turn_id":%'),
  ]);

/** Those that may have more than one version of anything. */
export async function sessionsWithVersions(reader: Reader): Promise<string[]> {
  const hiding = await reader
    .selectFrom("turns")
    .select("session_id")
    .distinct()
    .where("replaced_by", "is not", null)
    .execute();
  const changing = await reader
    .selectFrom("chunks")
    .select("session_id")
    .distinct()
    .where("type", "in", ["user_message", "status"])
    .where(isChange)
    .execute();
  return [...new Set([...hiding, ...changing].map(({ session_id }) => session_id))].toSorted();
}

/** Those that a person has begun with a message. */
export async function askedTurns(reader: Reader, sessionId: string): Promise<Set<string>> {
  const rows = await reader
    .selectFrom("messages")
    .select("turn_id")
    .distinct()
    .where("session_id", "=", sessionId)
    .where("role", "=", "user")
    .execute();
  return new Set(rows.map(({ turn_id }) => turn_id));
}

/**
 * Takes `turnId` and all later turns out of the conversation. Rejects with `invalid_request` if
 * it is not one of this session.
 */
export async function hideTurnsFrom(
  trx: Trx,
  sessionId: string,
  turnId: string,
  by: string,
): Promise<void> {
  const { after_seq } = await turnOf(trx, sessionId, turnId);
  await trx
    .updateTable("turns")
    .set({ replaced_by: by })
    .where("session_id", "=", sessionId)
    .where("after_seq", ">=", after_seq)
    .where("replaced_by", "is", null)
    .where("id", "!=", by)
    .execute();
}

/**
 * As `hideTurnsFrom`, for a message that takes its place. Rejects with `version_changed` where it
 * is not in the conversation any more: what would the new one follow?
 */
export async function replaceTurnsFrom(
  trx: Trx,
  sessionId: string,
  turnId: string,
  by: string,
): Promise<void> {
  const { replaced_by } = await turnOf(trx, sessionId, turnId);
  if (replaced_by !== null) throw versionChanged();
  await hideTurnsFrom(trx, sessionId, turnId, by);
}

async function turnOf(trx: Trx, sessionId: string, turnId: string) {
  const turn = await trx
    .selectFrom("turns")
    .select(["after_seq", "replaced_by"])
    .where("id", "=", turnId)
    .where("session_id", "=", sessionId)
    .executeTakeFirst();
  if (!turn) {
    throw new ChatError("invalid_request", "message.replaces_turn_id: no turn of this session.");
  }
  return turn;
}

export function versionChanged(): ChatError {
  return new ChatError(
    "version_changed",
    "This chat shows another version of that message by now. Nothing was stored.",
    { hint: "Look at the chat as it is now, then do it again." },
  );
}

const IDS_PER_STATEMENT = 500;

/** Makes exactly `shown` the conversation; what leaves it was hidden `by` this turn. */
export async function showTurns(
  trx: Trx,
  sessionId: string,
  shown: readonly string[],
  by: string,
): Promise<void> {
  const are = await trx
    .selectFrom("turns")
    .select(["id", "replaced_by"])
    .where("session_id", "=", sessionId)
    .execute();
  const wanted = new Set(shown);
  const hidden = are.filter(({ id, replaced_by }) => replaced_by !== null && wanted.has(id));
  const leave = are.filter(
    ({ id, replaced_by }) => replaced_by === null && !wanted.has(id) && id !== by,
  );
  await setReplacedBy(trx, hidden, null);
  await setReplacedBy(trx, leave, by);
}

export async function setReplacedBy(
  trx: Trx,
  turns: readonly { id: string }[],
  replaced_by: string | null,
): Promise<void> {
  const ids = turns.map(({ id }) => id);
  for (let start = 0; start < ids.length; start += IDS_PER_STATEMENT) {
    await trx
      .updateTable("turns")
      .set({ replaced_by })
      .where("id", "in", ids.slice(start, start + IDS_PER_STATEMENT))
      .execute();
  }
}
