// A log counts 1, 2, 3 … within one course of events. Where the database went back to an older
// state, the same numbers come again for other words: another epoch.
import { setTimeout as delay } from "node:timers/promises";
import { PostgresAdapter, sql } from "kysely";
import { ChatError } from "../../errors.ts";
import { holdQueues } from "./queue.ts";
import type { Reader, Trx } from "./schema.ts";
import { newestSeq } from "./sessions.ts";

export type EpochReason = "restored" | "salvaged" | "went_back";

/** Where a session's log stands, for a reader who says where it has come to. */
export interface LogPlace {
  epoch: string;
  /** The epoch before; up to `epoch_seq` the log is the same in both. */
  before: string | undefined;
  epoch_seq: number;
  last_seq: number;
}

/** Undefined if there is no such session. */
export async function logPlace(reader: Reader, sessionId: string): Promise<LogPlace | undefined> {
  const row = await reader
    .selectFrom("sessions")
    .select([newestSeq(reader).as("last_seq"), "epoch_seq"])
    .where("id", "=", sessionId)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  if (!row) return undefined;
  const [now, before] = await newestEpochs(reader);
  return { ...row, epoch: now ?? "", before };
}

/** The same for many at once, as of one moment. */
export async function logPlaces(
  reader: Reader,
  sessionIds: readonly string[],
): Promise<Map<string, LogPlace>> {
  const newest = (back: number) =>
    sql<
      string | null
    >`(select id from epochs order by number desc limit 1 offset ${sql.lit(back)})`;
  const rows = await reader
    .selectFrom("sessions")
    .select(["sessions.id", newestSeq(reader).as("last_seq"), "epoch_seq"])
    .select([newest(0).as("epoch"), newest(1).as("before")])
    .where("sessions.id", "in", sessionIds)
    .where("deleted_at", "is", null)
    .execute();
  return new Map(
    rows.map(({ id, epoch, before, ...place }) => [
      id,
      { ...place, epoch: epoch ?? "", before: before ?? undefined },
    ]),
  );
}

/** By the clock of the companion that wrote last. */
export async function updatedAtOf(reader: Reader, sessionId: string): Promise<number> {
  const row = await reader
    .selectFrom("sessions")
    .select("updated_at")
    .where("id", "=", sessionId)
    .executeTakeFirst();
  return row?.updated_at ?? 0;
}

/** How far their logs have come, and their queues, of those that are there and not deleted. */
export async function lastSeqs(
  reader: Reader,
  sessionIds: readonly string[],
): Promise<{ id: string; last_seq: number; queue_changes: number }[]> {
  return await reader
    .selectFrom("sessions")
    .select(["id", newestSeq(reader).as("last_seq"), "queue_changes"])
    .where("id", "in", sessionIds)
    .where("deleted_at", "is", null)
    .execute();
}

export async function currentEpoch(reader: Reader): Promise<string> {
  const [id] = await newestEpochs(reader);
  return id ?? "";
}

async function newestEpochs(reader: Reader): Promise<string[]> {
  const rows = await reader
    .selectFrom("epochs")
    .select("id")
    .orderBy("number", "desc")
    .limit(2)
    .execute();
  return rows.map(({ id }) => id);
}

/**
 * No lease of another course of events may be taken for one of this: numbers
 * from it never reach so far.
 */
const FENCE_STEP = 2 ** 32;
const FENCE_STEPS = 2 ** 16;

/** Also of a chat that takes the place of one with its id. */
export function farFence(): number {
  return FENCE_STEP * (1 + Math.floor(Math.random() * FENCE_STEPS));
}

/**
 * From here on the logs are another course of events. No lease of before is valid any more, or
 * none of the sessions in `cut`, whose logs have lost something: a writer that goes on with what
 * it has told writes nothing. Call it in a unit of work.
 */
export async function beginEpoch(
  trx: Trx,
  reason: EpochReason,
  cut?: readonly string[],
): Promise<string> {
  await lockLogs(trx);
  const id = crypto.randomUUID().slice(0, 8);
  const newest = await trx
    .selectFrom("epochs")
    .select((eb) => eb.fn.max("number").as("number"))
    .executeTakeFirst();
  await trx
    .insertInto("epochs")
    .values({ number: (newest?.number ?? 0) + 1, id, reason, begun_at: Date.now() })
    .execute();
  await trx
    .updateTable("sessions")
    .set({ epoch_seq: newestSeq(trx) })
    .execute();
  await endLeases(trx, cut);
  await holdQueues(trx, cut);
  return id;
}

/**
 * Begins one unless another companion was the first to notice: then `known` is not the newest any
 * more. The leases of what is `cut` end in either case.
 */
export async function cutLogs(trx: Trx, known: string, cut: readonly string[]): Promise<void> {
  await lockLogs(trx);
  if ((await currentEpoch(trx)) === known) await beginEpoch(trx, "went_back", cut);
  else await endLeases(trx, cut);
}

/**
 * Takes all rows at once: one after the other, in no order that others keep to, would meet them in
 * one deadlock after the other. Reads go on.
 */
async function lockLogs(trx: Trx): Promise<void> {
  if (!(trx.getExecutor().adapter instanceof PostgresAdapter)) return;
  await holdAppends(trx);
  await sql`lock table sessions in exclusive mode`.execute(trx);
}

/**
 * On Postgres: no append of a running answer is on its way any more, and none begins before this
 * transaction has ended; it sees then what this one has written. For who takes a lease over and
 * adds nothing to the log: else the number of what it adds keeps others from it. Call it before
 * anything is added. The lock is on this table as it is never vacuumed and hardly written.
 */
export async function holdAppends(trx: Trx): Promise<void> {
  if (!(trx.getExecutor().adapter instanceof PostgresAdapter)) return;
  await sql`lock table epochs in exclusive mode`.execute(trx);
}

/** More than most appends take; the longer one does, the less often it is looked for. */
const APPEND_MS = 20;
const HANGING_MS = 500;

/**
 * On Postgres: waits until all appends have ended that are on their way now; rejects with
 * `session_busy` if one has not after `patienceMs`. For who takes rows out of a log whose lease is
 * over: an append that has seen the lease (its process of the server may be stopped, for however
 * long) would find their numbers free. It locks nothing, so nobody waits for one that hangs.
 */
export async function appendsEnded(reader: Reader, patienceMs = 10_000): Promise<void> {
  if (!(reader.getExecutor().adapter instanceof PostgresAdapter)) return;
  const until = performance.now() + patienceMs;
  let left = await appendsOnTheirWay(reader);
  for (let wait = APPEND_MS; left.size > 0; wait = Math.min(wait * 2, HANGING_MS)) {
    if (performance.now() > until) throw hangs(patienceMs);
    await delay(wait);
    const now = await appendsOnTheirWay(reader);
    left = new Set([...left].filter((transaction) => now.has(transaction)));
  }
}

function hangs(patienceMs: number): ChatError {
  const seconds = patienceMs / 1_000;
  return new ChatError(
    "session_busy",
    `Words of an answer have been on their way to Postgres for over ${seconds} s.`,
    { hint: "One of its processes hangs. Nothing was changed; try again later." },
  );
}

/** The lock that `holdAppends` waits for, by whose transaction has it, or waits for it. */
async function appendsOnTheirWay(reader: Reader): Promise<Set<string>> {
  const { rows } = await sql<{ transaction: string }>`
    select virtualtransaction as transaction from pg_locks
    where locktype = 'relation' and mode = 'RowShareLock' and relation = 'epochs'::regclass
      and database = (select oid from pg_database where datname = current_database())
  `.execute(reader);
  return new Set(rows.map(({ transaction }) => transaction));
}

/** Of these sessions, or of all: numbers of before are taken for none of this course of events. */
async function endLeases(trx: Trx, cut?: readonly string[]): Promise<void> {
  const step = farFence();
  await trx
    .updateTable("sessions")
    .set((eb) => ({
      // Modulo: many epochs must not leave what a number can say exactly.
      lease_fence: eb("lease_fence", "%", eb.lit(FENCE_STEP)),
      lease_owner: null,
      lease_expires_at: null,
      cancel_turn_id: null,
    }))
    .$if(cut !== undefined, (query) => query.where("id", "in", cut ?? []))
    .execute();
  await trx
    .updateTable("sessions")
    .set((eb) => ({ lease_fence: eb("lease_fence", "+", step) }))
    .$if(cut !== undefined, (query) => query.where("id", "in", cut ?? []))
    .execute();
}

export async function witnessOf(reader: Reader, keeper: string): Promise<string | undefined> {
  const row = await reader
    .selectFrom("witnesses")
    .select("nonce")
    .where("keeper", "=", keeper)
    .executeTakeFirst();
  return row?.nonce;
}

export async function setWitness(trx: Trx, keeper: string, nonce: string): Promise<void> {
  const written = { nonce, written_at: Date.now() };
  await trx
    .insertInto("witnesses")
    .values({ keeper, ...written })
    .onConflict((conflict) => conflict.column("keeper").doUpdateSet(written))
    .execute();
}
