// A thread of its own for the hot path on SQLite: the statements and the fsync of a commit block
// this thread and not the event loop that serves every stream. One group of appends in, its
// outcome out; see append-log.ts.
import { closeSync, fsyncSync, openSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import SQLite from "better-sqlite3";
import { nativeBinding } from "../engine/native-binding.ts";
import type { PackedAppends } from "./append-log.ts";
import { createSettling } from "./settle.ts";
import type { TailOrders } from "./tail.ts";
import { PLACE_TAKEN } from "./tail-places.ts";
import type { WriterThreadData } from "./writer-threads.ts";

export type ToAppendWorker =
  | { type: "append"; appends: PackedAppends; orders: TailOrders }
  /** Copies all that its connection sees to an empty file. */
  | { type: "save"; target: string }
  | { type: "close" };

/** Undefined: it is on the disk, and whole. */
export interface Saved {
  failure: string | undefined;
}

/**
 * Milliseconds that the group's transaction spent in statements and in its COMMIT, and how
 * many appends were in it.
 */
interface Spent {
  work: number;
  commit: number;
  members: number;
}

export interface FromAppendWorker {
  /** Of the group's one transaction or, if that failed, of one for each append; in their order. */
  outcomes: TransactionOutcome[];
  /** Why none of the orders was carried out, and whose it was that failed, where that is known. */
  unsettled: { sessionId: string | undefined; code: string; message: string }[];
}

/** What became of the appends of one transaction. */
export type TransactionOutcome = Spent &
  (
    | {
        status: "committed";
        /** By append; 0 for one that was refused: nothing of it is stored. */
        lastSeqs: number[];
        /** By append; undefined if nobody wants any turn to stop. */
        cancelTurnIds: (string | null)[] | undefined;
        /** Those refused whose session is not there any more. */
        gone: number[];
      }
    | { status: "failed"; stage: "work" | "commit"; code: string; message: string }
  );

const BUSY_TIMEOUT_MS = 20;

/**
 * The thread of checkpoint-worker.ts has moved most of it by then; what is left, the commit
 * that crosses this moves.
 */
const LATE_CHECKPOINT_PAGES = 65_536;

const { path, flush } = workerData as WriterThreadData;
const database = new SQLite(path, {
  fileMustExist: true,
  timeout: BUSY_TIMEOUT_MS,
  ...nativeBinding(),
});
database.pragma(`synchronous = ${flush ? "FULL" : "NORMAL"}`);
database.pragma("trusted_schema = OFF");
database.pragma(`wal_autocheckpoint = ${LATE_CHECKPOINT_PAGES}`);
// The look at the session's row, in the same transaction, has shown that the session is there.
database.pragma("foreign_keys = OFF");

const begin = database.prepare("begin immediate");
const commit = database.prepare("commit");
const rollback = database.prepare("rollback");
const look = database.prepare<[string], SessionRow>(
  "select last_seq as lastSeq, lease_fence as fence, cancel_turn_id as cancelTurnId from sessions where id = ?",
);
const version = database.prepare<[], number>("pragma data_version").pluck();
// Over what is settled, nothing else.
const write = database.prepare<[number, string, number, string, string, string, string]>(
  `insert into tail (position, session_id, seq, turn_id, type, payload, commit_id)
   values (?, ?, ?, ?, ?, ?, ?)
   on conflict (position) do update set session_id = excluded.session_id, seq = excluded.seq,
     turn_id = excluded.turn_id, type = excluded.type, payload = excluded.payload,
     commit_id = excluded.commit_id
   where tail.seq <= coalesce((select last_seq from sessions where id = tail.session_id), tail.seq)`,
);
const settling = createSettling(database);

interface SessionRow {
  /** Of the row when it was read; where the log ends since this thread has written to it. */
  lastSeq: number;
  fence: number;
  cancelTurnId: string | null;
}

/**
 * Rows as they are for as long as nobody else commits, which SQLite tells in the transaction of
 * each group (https://sqlite.org/pragma.html#pragma_data_version), and this thread does not settle.
 */
const known = { version: 0, sessions: new Map<string, SessionRow>() };

function forgetWhatOthersChanged(): void {
  const now = version.get() ?? 0;
  if (now !== known.version) known.sessions.clear();
  known.version = now;
}

function sessionOf(id: string): SessionRow | undefined {
  const row = known.sessions.get(id) ?? look.get(id);
  if (row) known.sessions.set(id, row);
  return row;
}

parentPort?.on("message", (message: ToAppendWorker) => {
  if (message.type === "append") {
    const { appends, orders } = message;
    parentPort?.postMessage(appendGroup(appends, orders) satisfies FromAppendWorker);
    return;
  }
  if (message.type === "save") {
    parentPort?.postMessage({ failure: save(message.target) } satisfies Saved);
    return;
  }
  database.close();
  parentPort?.close();
});

function save(target: string): string | undefined {
  try {
    database.prepare("vacuum into ?").run(target);
    const copy = new SQLite(target, { fileMustExist: true, ...nativeBinding() });
    const [first] = copy.pragma("quick_check(1)") as { quick_check: string }[];
    copy.close();
    if (first?.quick_check !== "ok") return `the copy is damaged: ${first?.quick_check}`;
    const file = openSync(target, "r+");
    fsyncSync(file);
    closeSync(file);
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

/** What fails with the others is tried by itself, and without the orders. */
function appendGroup(appends: PackedAppends, orders: TailOrders): FromAppendWorker {
  const members = appends.sessionIds.length;
  const unsettled: FromAppendWorker["unsettled"] = [];
  const outcome = appendTogether(appends, 0, members, () => carryOut(orders, unsettled));
  if (outcome.status === "committed") return { outcomes: [outcome], unsettled };
  const hasOrders = orders.settle.length > 0 || orders.removeFrom !== undefined;
  const { code, message } = outcome;
  if (hasOrders && unsettled.length === 0) unsettled.push({ sessionId: undefined, code, message });
  // A lock is everybody's trouble; anything else may be the fault of one.
  if (code.startsWith("SQLITE_BUSY") || (members === 1 && !hasOrders)) {
    return { outcomes: [outcome], unsettled };
  }
  const outcomes = Array.from({ length: members }, (_, index) =>
    appendTogether(appends, index, index + 1, () => {}),
  );
  return { outcomes, unsettled };
}

/** The appends from `first` up to `end`, then `more`. */
function appendTogether(
  appends: PackedAppends,
  first: number,
  end: number,
  more: () => void,
): TransactionOutcome {
  const started = performance.now();
  const members = end - first;
  let worked: number | undefined;
  try {
    begin.run();
    forgetWhatOthersChanged();
    const lastSeqs: number[] = [];
    const gone: number[] = [];
    let cancelTurnIds: (string | null)[] | undefined;
    for (let index = first; index < end; index++) {
      const row = sessionOf(appends.sessionIds[index] ?? "");
      if (!row) gone.push(index - first);
      const isRefused = row?.fence !== appends.fences[index];
      lastSeqs.push(!row || isRefused ? 0 : store(appends, index, row));
      if (row?.cancelTurnId != null && !isRefused) {
        cancelTurnIds ??= Array.from({ length: members }, () => null);
        cancelTurnIds[index - first] = row.cancelTurnId;
      }
    }
    more();
    worked = performance.now();
    commit.run();
    const spent = { work: worked - started, commit: performance.now() - worked, members };
    return { status: "committed", lastSeqs, cancelTurnIds, gone, ...spent };
  } catch (error) {
    if (database.inTransaction) rollback.run();
    for (const id of appends.sessionIds.slice(first, end)) known.sessions.delete(id);
    const now = performance.now();
    const spent = { work: (worked ?? now) - started, commit: now - (worked ?? now), members };
    const stage = worked === undefined ? "work" : "commit";
    return { status: "failed", stage, ...toldOf(error), ...spent };
  }
}

/** Returns where the log ends then. */
function store(appends: PackedAppends, index: number, session: SessionRow): number {
  const { sessionIds, turnIds, commitIds, starts, types, payloads } = appends;
  const sessionId = sessionIds[index] ?? "";
  const start = starts[index] ?? 0;
  const end = starts[index + 1] ?? types.length;
  let seq = Math.max(session.lastSeq, appends.lastSeqs[index] ?? 0);
  for (let row = start; row < end; row++) {
    const [turnId = "", commitId = ""] = [turnIds[index], commitIds[index]];
    const position = appends.firstPosition + row;
    const [type = "", payload = ""] = [types[row], payloads[row]];
    const { changes } = write.run(position, sessionId, ++seq, turnId, type, payload, commitId);
    if (changes !== 1) throw new SQLite.SqliteError("a row is not settled", PLACE_TAKEN);
  }
  session.lastSeq = seq;
  return seq;
}

/**
 * One session that cannot be settled ends the transaction of the group: a savepoint for each would
 * write a copy of every page that it changes.
 */
function carryOut(orders: TailOrders, unsettled: FromAppendWorker["unsettled"]): void {
  for (const rows of orders.settle) {
    try {
      known.sessions.delete(rows.sessionId);
      settling.settle(rows);
    } catch (error) {
      unsettled.push({ sessionId: rows.sessionId, ...toldOf(error) });
      throw error;
    }
  }
  if (orders.removeFrom !== undefined) settling.removeFrom(orders.removeFrom);
}

function toldOf(error: unknown): { code: string; message: string } {
  const code = error instanceof SQLite.SqliteError ? error.code : "";
  return { code, message: error instanceof Error ? error.message : String(error) };
}
