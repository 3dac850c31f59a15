import {
  type InsertObject,
  PostgresAdapter,
  type RawBuilder,
  sql,
  type UpdateObject,
} from "kysely";
import { ChatError } from "../../errors.ts";
import type { ApprovalLevel } from "../../protocol/approvals.ts";
import type { UpdateSessionRequest } from "../../protocol/requests.ts";
import type { Session, SessionList, TurnStatus } from "../../protocol/responses.ts";
import { omitUndefined } from "../../shared/json.ts";
import { type Term, termsOf } from "../../shared/search-words.ts";
import { refusalOf } from "../commit/append-log.ts";
import { type ListFilter, listConditions, newnessIn, placeColumns } from "./listed.ts";
import type { Database, Reader, Trx } from "./schema.ts";
import { searchSessions, snippetOf } from "./search.ts";

/** A lease lives this long without a renewal by its owner. */
export const LEASE_MS = 5_000;

/** A lease younger than this needs no renewal yet. */
const RENEW_AFTER_MS = 750;

export interface NewSession {
  id: string;
  title: string;
  agent_type: string;
  model: string | null;
  /** How often its model may be asked for a title; never for one that has its own. */
  title_tries?: number;
}

export async function insertSession(trx: Trx, session: NewSession): Promise<void> {
  await sessionInsert(trx, { ...session, last_seq: 0, lease_fence: 0 }).execute();
}

export function sessionInsert(
  trx: Trx,
  session: Omit<InsertObject<Database, "sessions">, "created_at" | "updated_at">,
) {
  return trx.insertInto("sessions").values(sessionRow(session));
}

export function sessionRow<Row extends object>(session: Row) {
  const now = Date.now();
  return { ...session, created_at: now, updated_at: now };
}

/** The columns that make `owner` the one writer. */
export function leaseOf(db: Trx | Reader, owner: string) {
  return { lease_owner: owner, lease_expires_at: afterLease(db), cancel_turn_id: null };
}

/** The columns of a session that nobody writes. */
export const NO_LEASE = { lease_owner: null, lease_expires_at: null, cancel_turn_id: null };

/** Of the session whose row is locked. The fence's next number makes earlier writers' invalid. */
export function lockedUpdate(trx: Trx, id: string, columns: UpdateObject<Database, "sessions">) {
  return trx
    .updateTable("sessions")
    .set((eb) => ({ ...columns, lease_fence: eb("lease_fence", "+", 1) }))
    .where("id", "=", id);
}

export interface SessionState {
  id: string;
  title: string;
  agent_type: string;
  model: string | null;
  last_seq: number;
  lease_owner: string | null;
  lease_fence: number;
  /** By the database's clock; null: there is no lease. */
  lease_over_ms: number | null;
  /** A turn that somebody asked to stop. */
  cancel_turn_id: string | null;
}

/**
 * The session's row, locked for the rest of the transaction. Rejects with `not_found`, also where
 * it was deleted.
 */
export async function lockSession(trx: Trx, sessionId: string): Promise<SessionState> {
  const row = await trx
    .updateTable("sessions")
    .set({ last_seq: newestSeq(trx) })
    .where("id", "=", sessionId)
    .where("deleted_at", "is", null)
    .returning([
      "id",
      "title",
      "agent_type",
      "model",
      "last_seq",
      "lease_owner",
      "lease_fence",
      "lease_expires_at",
      "cancel_turn_id",
      clock(trx).as("now"),
    ])
    .executeTakeFirst();
  if (!row) throw noSuchSession();
  const { lease_expires_at, now, ...state } = row;
  return { ...state, lease_over_ms: lease_expires_at === null ? null : now - lease_expires_at };
}

/**
 * Locks the session's row for the writer that holds its lease; where its log ends. Rejects with
 * `lease_lost` or `not_found`.
 */
export async function lockLeased(trx: Trx, sessionId: string, fence: number): Promise<number> {
  const row = await trx
    .updateTable("sessions")
    .set({ last_seq: newestSeq(trx) })
    .where("id", "=", sessionId)
    .returning(["lease_fence", "last_seq"])
    .executeTakeFirst();
  if (row?.lease_fence !== fence) throw refusalOf(row !== undefined);
  return row.last_seq;
}

/**
 * Makes `owner` the one writer and returns the fencing number of its lease.
 * Call with the row locked.
 */
export async function takeLease(trx: Trx, sessionId: string, owner: string): Promise<number> {
  const row = await lockedUpdate(trx, sessionId, leaseOf(trx, owner))
    .returning("lease_fence")
    .executeTakeFirstOrThrow();
  return row.lease_fence;
}

/**
 * Ends a lease, whoever holds it: its number is not valid any more, so a writer that
 * was paused writes nothing.
 */
export async function releaseLease(trx: Trx, sessionId: string): Promise<void> {
  await lockedUpdate(trx, sessionId, NO_LEASE).execute();
}

export interface RenewedLease {
  session_id: string;
  /** The turn of this session that somebody asked to stop. */
  cancel_turn_id: string | null;
}

/** Few, since their rows are locked meanwhile and their streams wait. */
export const RENEWED_AT_ONCE = 100;

/**
 * Renews the leases of the sessions of `owner` that need one most; fewer than
 * `RENEWED_AT_ONCE`: for all of them.
 */
export async function renewLeases(trx: Trx, owner: string): Promise<RenewedLease[]> {
  // One whose row is held waits for the next renewal: the leases of all others must not.
  const aging = trx
    .selectFrom("sessions")
    .select("id")
    .where("lease_owner", "=", owner)
    .where("lease_expires_at", "<", sql<number>`${afterLease(trx)} - ${sql.lit(RENEW_AFTER_MS)}`)
    .orderBy("id")
    .limit(RENEWED_AT_ONCE)
    .$if(isPostgres(trx), (query) => query.forUpdate().skipLocked());
  return await trx
    // Else Postgres may ask it anew for each row, and each time be given others by the limit.
    .with(
      (cte) => cte("aging").materialized(),
      () => aging,
    )
    .updateTable("sessions")
    .set({ lease_expires_at: afterLease(trx) })
    .where("id", "in", (eb) => eb.selectFrom("aging").select("id"))
    .where("lease_owner", "=", owner)
    .returning(["id as session_id", "cancel_turn_id"])
    .execute();
}

/** Leaves word for the owner of the session, or for the next, that its turn should stop. */
export async function requestCancel(trx: Trx, sessionId: string, turnId: string): Promise<void> {
  await trx
    .updateTable("sessions")
    .set({ cancel_turn_id: turnId })
    .where("id", "=", sessionId)
    .execute();
}

export async function changeSession(
  trx: Trx,
  sessionId: string,
  { pinned, archived, ...changes }: UpdateSessionRequest,
): Promise<void> {
  const place = placeColumns({ pinned, archived });
  const isMoved = Object.keys(place).length > 0 && Object.keys(changes).length === 0;
  const result = await trx
    .updateTable("sessions")
    .set({
      ...place,
      ...omitUndefined(changes),
      // It is somebody's own from now on.
      ...(changes.title !== undefined && { title_tries: 0, title_asked_at: null }),
      ...(!isMoved && { updated_at: Date.now() }),
    })
    .where("id", "=", sessionId)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  if (result.numUpdatedRows === 0n) throw noSuchSession();
}

export async function findSession(reader: Reader, sessionId: string): Promise<Session> {
  const rows = await sessionRows(reader)
    .where("sessions.id", "=", sessionId)
    .where("sessions.deleted_at", "is", null)
    .execute();
  const row = rows[0];
  if (!row) throw noSuchSession();
  return toSession(row);
}

/**
 * The fencing number that each of these sessions has now, and the turn of it
 * that somebody asked to stop.
 */
export async function leasesOf(
  reader: Reader,
  sessionIds: readonly string[],
): Promise<Map<string, { lease_fence: number; cancel_turn_id: string | null }>> {
  if (sessionIds.length === 0) return new Map();
  const rows = await reader
    .selectFrom("sessions")
    .select(["id", "lease_fence", "cancel_turn_id"])
    .where("id", "in", sessionIds)
    .execute();
  return new Map(rows.map(({ id, ...lease }) => [id, lease]));
}

export interface ListQuery {
  query?: string | undefined;
  limit: number;
  before?: { updated_at: number; id: string } | undefined;
  filter?: ListFilter | undefined;
}

/**
 * Newest first, from just before `before`; with `query`, those whose title and messages
 * contain all of its words, wherever they are put: it knows no other `filter`.
 */
export async function listSessions(
  reader: Reader,
  list: ListQuery,
): Promise<SessionList["sessions"]> {
  const { query = "", limit, before, filter = {} } = list;
  const terms = termsOf(query);
  const search =
    terms.length === 0 ? undefined : await searchSessions(reader, terms, { limit, before });
  if (search?.ids.length === 0) return [];
  const newness = newnessIn(reader, search ? {} : filter);
  const rows = await sessionRows(reader)
    .$if(before !== undefined, (rows) =>
      rows.where(sql<boolean>`(${newness}, sessions.id) < (${before?.updated_at}, ${before?.id})`),
    )
    .where("sessions.deleted_at", "is", null)
    .$if(search === undefined, (rows) => rows.where(listConditions(filter)))
    .$if(search !== undefined, (rows) => {
      if (!search) return rows;
      return rows.select(search.foundIn.as("found_in")).where("sessions.id", "in", search.ids);
    })
    .orderBy(newness, "desc")
    .orderBy("sessions.id", "desc")
    .limit(limit)
    .execute();
  const ids = rows.flatMap((row) => {
    const id = "found_in" in row ? row.found_in : undefined;
    return typeof id === "string" ? [id] : [];
  });
  const hits = await hitsIn(reader, ids, terms);
  return rows.map((row) => ({ ...toSession(row), ...hits.get(row.id) }));
}

/** What is shown of each of these messages, by its session. */
async function hitsIn(reader: Reader, ids: readonly string[], terms: readonly Term[]) {
  if (ids.length === 0) return new Map();
  const messages = await reader
    .selectFrom("messages")
    .select(["session_id", "turn_id", "content"])
    .where("id", "in", ids)
    .execute();
  return new Map(
    messages.map(({ session_id, turn_id, content }) => [
      session_id,
      { snippet: snippetOf(content, terms), found_turn_id: turn_id },
    ]),
  );
}

function sessionRows(reader: Reader) {
  return reader
    .selectFrom("sessions")
    .leftJoin("turns", (join) =>
      join.on("turns.id", "=", (eb) =>
        eb
          .selectFrom("turns as newest")
          .select("newest.id")
          .whereRef("newest.session_id", "=", "sessions.id")
          .orderBy("newest.after_seq", "desc")
          .limit(1),
      ),
    )
    .select([
      "sessions.id",
      "sessions.title",
      "sessions.agent_type",
      "sessions.model",
      "sessions.created_at",
      "sessions.updated_at",
      newestSeq(reader).as("last_seq"),
      "sessions.approval_level",
      "sessions.pinned_at",
      "sessions.archived_at",
      "sessions.workspace",
      "turns.id as turn_id",
      "turns.status as turn_status",
    ])
    .select((eb) =>
      eb
        .selectFrom("tool_calls")
        .select("tool_calls.call_id")
        .whereRef("tool_calls.turn_id", "=", "turns.id")
        .where("turns.status", "=", "waiting")
        .where("tool_calls.status", "=", "waiting_decision")
        .limit(1)
        .as("asked_call"),
    );
}

interface SessionRow {
  id: string;
  title: string;
  agent_type: string;
  model: string | null;
  created_at: number;
  updated_at: number;
  last_seq: number;
  approval_level: ApprovalLevel | null;
  pinned_at: number | null;
  archived_at: number | null;
  workspace: string | null;
  turn_id: string | null;
  turn_status: TurnStatus | null;
  asked_call: string | null;
}

function toSession(row: SessionRow): Session {
  const { turn_id: id, turn_status: status, asked_call } = row;
  return {
    id: row.id,
    title: row.title,
    agent_type: row.agent_type,
    model: row.model,
    created_at: new Date(row.created_at).toISOString(),
    updated_at: new Date(row.updated_at).toISOString(),
    last_seq: row.last_seq,
    ...(row.approval_level !== null && { approval_level: row.approval_level }),
    ...(row.pinned_at !== null && { pinned: true }),
    ...(row.archived_at !== null && { archived: true }),
    ...(row.workspace !== null && { workspace: row.workspace }),
    turn: id && status ? { id, status, ...(asked_call !== null && { asks: true }) } : null,
  };
}

export function noSuchSession(): ChatError {
  return new ChatError("not_found", "There is no session with this id.");
}

/** Leases are measured by the database's clock, the only one that all companions share. */
export function clock(db: Trx | Reader): RawBuilder<number> {
  return isPostgres(db)
    ? sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`
    : sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
}

function afterLease(db: Trx | Reader): RawBuilder<number> {
  return sql<number>`${clock(db)} + ${sql.lit(LEASE_MS)}`;
}

/**
 * Where a session's log ends. On Postgres the words of a running answer are in the log alone, and
 * the session's row hears of them when a step locks it. Whoever waited for that row may have read
 * the log before: so what the row says counts, too. On SQLite the log of a step is whole (tail.ts).
 */
export function newestSeq(db: Trx | Reader): RawBuilder<number> {
  return isPostgres(db)
    ? sql<number>`greatest(sessions.last_seq, (select max(chunks.seq) from chunks where chunks.session_id = sessions.id))`
    : sql<number>`sessions.last_seq`;
}

function isPostgres(db: Trx | Reader): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}
