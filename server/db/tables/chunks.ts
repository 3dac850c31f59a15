import type { Expression, SqlBool } from "kysely";
import type { ChatError } from "../../errors.ts";
import { type ChunkOf, isFinal, type NewChunk, type StreamChunk } from "../../protocol/chunks.ts";
import { type AppendRequest, refusalOf } from "../commit/append-log.ts";
import { withTexts } from "./compaction.ts";
import type { Reader, Trx } from "./schema.ts";
import { sessionInsert } from "./sessions.ts";

/**
 * Who writes into a session: its id, the turn the chunks belong to, and the lease that allows it.
 */
export interface SessionWriter {
  sessionId: string;
  turnId: string | undefined;
  /**
   * The fencing number of the lease; undefined for steps that need none
   * (they come before any turn).
   */
  fence: number | undefined;
}

export interface Appended {
  chunks: StreamChunk[];
  /** A turn of this session that somebody asked to stop. */
  cancelTurnId: string | null;
}

const ROWS_PER_INSERT = 200;

/**
 * Stores `chunks` as the session's next ones and returns them with their `seq`: behind what the log
 * was when the step locked the session, which it has to do first. What an append on Postgres has
 * added since is a conflict, as the step has not read it. `commitId` is remembered on the session's
 * row (`committedAt` reads it). Rejects with `lease_lost` or `not_found`.
 */
export async function appendChunks(
  trx: Trx,
  writer: SessionWriter,
  chunks: readonly NewChunk[],
  commitId: string,
): Promise<Appended> {
  const { sessionId, turnId, fence } = writer;
  const session = await trx
    .updateTable("sessions")
    .set((eb) => ({
      last_seq: eb("last_seq", "+", chunks.length),
      updated_at: Date.now(),
      last_commit: commitId,
    }))
    .where("id", "=", sessionId)
    .$if(fence !== undefined, (query) => query.where("lease_fence", "=", fence ?? 0))
    .returning(["last_seq", "cancel_turn_id"])
    .executeTakeFirst();
  if (!session) throw await whyNotWritten(trx, sessionId);

  const first = session.last_seq - chunks.length + 1;
  const appended = chunks.map((chunk, index) => toChunk(first + index, sessionId, turnId, chunk));
  for (let start = 0; start < appended.length; start += ROWS_PER_INSERT) {
    await chunkInsert(trx, appended.slice(start, start + ROWS_PER_INSERT)).execute();
  }
  return { chunks: appended, cancelTurnId: session.cancel_turn_id };
}

/** Few of them. */
function chunkInsert(trx: Trx, chunks: readonly StreamChunk[]) {
  return trx.insertInto("chunks").values(chunks.map(chunkRow));
}

/** Where a session's log stands after a commit. */
export interface Numbered {
  lastSeq: number;
  /** A turn of this session that somebody asked to stop. */
  cancelTurnId: string | null;
}

/**
 * What the commit with this id left, if it is the newest of the session; waits for a
 * commit that is on its way.
 */
export async function committedAt(
  trx: Trx,
  sessionId: string,
  commitId: string,
): Promise<Numbered | undefined> {
  const row = await trx
    .updateTable("sessions")
    .set((eb) => ({ last_commit: eb.ref("last_commit") }))
    .where("id", "=", sessionId)
    .returning(["last_commit", "last_seq", "cancel_turn_id"])
    .executeTakeFirst();
  return row?.last_commit === commitId
    ? { lastSeq: row.last_seq, cancelTurnId: row.cancel_turn_id }
    : undefined;
}

/**
 * The same for the commit that makes the session: the row may not be there yet, so its key has to
 * wait for a commit that is on its way.
 */
export async function begunAt(trx: Trx, sessionId: string, commitId: string): Promise<boolean> {
  const held = { title: "", agent_type: "", model: null, last_seq: 0, lease_fence: 0 };
  const { numInsertedOrUpdatedRows } = await sessionInsert(trx, { ...held, id: sessionId })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows === 0n) {
    return (await committedAt(trx, sessionId, commitId)) !== undefined;
  }
  await trx.deleteFrom("sessions").where("id", "=", sessionId).execute();
  return false;
}

async function whyNotWritten(trx: Trx, sessionId: string): Promise<ChatError> {
  const session = await trx
    .selectFrom("sessions")
    .select("id")
    .where("id", "=", sessionId)
    .executeTakeFirst();
  return refusalOf(session !== undefined);
}

/**
 * The same step for the hot path: as the append log takes it, and what it becomes
 * once it has its numbers.
 */
export function toAppend(
  writer: { sessionId: string; turnId: string; fence: number; after: number },
  chunks: readonly NewChunk[],
  commitId: string,
): AppendRequest {
  const rows = chunks.map(({ type, ...rest }) => ({ type, payload: JSON.stringify(rest) }));
  return { ...writer, commitId, rows };
}

export function numberedFrom(
  writer: { sessionId: string; turnId?: string | undefined },
  chunks: readonly NewChunk[],
  lastSeq: number,
): StreamChunk[] {
  const first = lastSeq - chunks.length + 1;
  return chunks.map((chunk, index) =>
    toChunk(first + index, writer.sessionId, writer.turnId, chunk),
  );
}

/** At most `limit` chunks after the cursor, in order. */
export async function chunksAfter(
  reader: Reader,
  sessionId: string,
  after: number,
  limit: number,
): Promise<StreamChunk[]> {
  const rows = await reader
    .selectFrom("chunks")
    .selectAll()
    .where("session_id", "=", sessionId)
    .where("seq", ">", after)
    .orderBy("seq")
    .limit(limit)
    .execute();
  return await withTexts(reader, sessionId, rows.map(fromRow));
}

/** The answer's text after a place of the log, put together from its deltas; or its reasoning. */
export async function textBetween(
  reader: Reader,
  where: { turnId: string; sessionId: string; after: number },
  type: "assistant_message" | "reasoning" = "assistant_message",
): Promise<string> {
  const rows = await reader
    .selectFrom("chunks")
    .select("payload")
    .where("session_id", "=", where.sessionId)
    .where("seq", ">", where.after)
    .where(
      (eb): Expression<SqlBool> =>
        eb.and([eb("turn_id", "=", where.turnId), eb("type", "=", type)]),
    )
    .orderBy("seq")
    .execute();
  return rows
    .map((row) => (JSON.parse(row.payload) as ChunkOf<"assistant_message">).token ?? "")
    .join("");
}

/** Whether the answer after a place of the log was gone on with by another companion. */
export async function isContinued(
  reader: Reader,
  where: { turnId: string; sessionId: string; after: number },
): Promise<boolean> {
  const rows = await reader
    .selectFrom("chunks")
    .select("payload")
    .where("session_id", "=", where.sessionId)
    .where("seq", ">", where.after)
    .where((eb): Expression<SqlBool> => eb.and({ turn_id: where.turnId, type: "status" }))
    .execute();
  return rows.some(
    ({ payload }) => (JSON.parse(payload) as ChunkOf<"status">).metadata?.state === "continued",
  );
}

/** Of them only an end and a summary measure the conversation. */
const LOOKED_AT = 20;

/**
 * What the conversation last measured, in tokens, and the `seq` up to which: at the end of a turn
 * that is still part of it, or at a summary since which no turn has left it.
 */
export async function lastMeasured(
  reader: Reader,
  sessionId: string,
): Promise<{ tokens: number; seq: number } | undefined> {
  const rows = await reader
    .selectFrom("chunks")
    .leftJoin("turns", "turns.id", "chunks.turn_id")
    .select(["chunks.seq", "chunks.turn_id", "chunks.payload"])
    .where("chunks.session_id", "=", sessionId)
    .where("chunks.type", "in", ["done", "status"])
    .where("turns.replaced_by", "is", null)
    .orderBy("chunks.seq", "desc")
    .limit(LOOKED_AT)
    .execute();
  for (const { seq, turn_id, payload } of rows) {
    const { metadata } = JSON.parse(payload) as ChunkOf<"done" | "status">;
    if (metadata && "context_tokens" in metadata && metadata.context_tokens !== undefined) {
      if (turn_id === null && (await anyLeftSince(reader, sessionId, seq))) continue;
      return { tokens: metadata.context_tokens, seq };
    }
  }
  return undefined;
}

/** Whether the conversation has lost a turn, or become another version, since. */
async function anyLeftSince(reader: Reader, sessionId: string, seq: number): Promise<boolean> {
  const row = await reader
    .selectFrom("turns as hiding")
    .select("hiding.id")
    .where("hiding.session_id", "=", sessionId)
    .where("hiding.after_seq", ">=", seq)
    .where("hiding.id", "in", (eb) =>
      eb
        .selectFrom("turns")
        .select("replaced_by")
        .where("session_id", "=", sessionId)
        .where("replaced_by", "is not", null),
    )
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export interface ChunkRow {
  session_id: string;
  seq: number;
  turn_id: string | null;
  type: string;
  payload: string;
}

/**
 * One function for fresh and stored chunks: what is replayed has the same bytes as what was live.
 */
function toChunk(
  seq: number,
  sessionId: string,
  turnId: string | undefined,
  chunk: NewChunk,
): StreamChunk {
  const { type } = chunk;
  const is_final = isFinal(type);
  const place =
    turnId === undefined
      ? { type, seq, session_id: sessionId, is_final }
      : { type, seq, session_id: sessionId, turn_id: turnId, is_final };
  return { ...place, ...chunk };
}

export function chunkRow(chunk: StreamChunk): ChunkRow {
  const { type, seq, session_id, turn_id, is_final: _, ...rest } = chunk;
  return { session_id, seq, turn_id: turn_id ?? null, type, payload: JSON.stringify(rest) };
}

function fromRow(row: ChunkRow): StreamChunk {
  const said = { type: row.type, ...(JSON.parse(row.payload) as object) } as NewChunk;
  return toChunk(row.seq, row.session_id, row.turn_id ?? undefined, said);
}
