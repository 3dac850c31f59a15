// A thread of its own for the hot path on SQLite: the statements and the fsync of a commit block
// this thread and not the event loop that serves every stream. One group of appends in, its
// outcome out; see append-log.ts.
import { closeSync, fsyncSync, openSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import SQLite from "better-sqlite3";
import { nativeBinding } from "../engine/native-binding.ts";
import type { PackedAppends } from "./append-log.ts";
import type { WriterThreadData } from "./writer-threads.ts";

export type ToAppendWorker =
  | { type: "append"; appends: PackedAppends }
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

/** Of the group's one transaction or, when that failed, of one for each append; in their order. */
export type FromAppendWorker = TransactionOutcome[];

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
// The update of the session's row, in the same transaction, has shown that the session is there.
database.pragma("foreign_keys = OFF");

const begin = database.prepare("begin immediate");
const commit = database.prepare("commit");
const rollback = database.prepare("rollback");
const number = database.prepare<[number, string, string, number], NumberedRow>(
  "update sessions set last_seq = last_seq + ?, last_commit = ? where id = ? and lease_fence = ? returning last_seq as lastSeq, cancel_turn_id as cancelTurnId",
);
const exists = database.prepare<[string]>("select 1 from sessions where id = ?");
const insert = database.prepare<[string, number, string, string, string]>(
  "insert into chunks (session_id, seq, turn_id, type, payload) values (?, ?, ?, ?, ?)",
);

interface NumberedRow {
  lastSeq: number;
  cancelTurnId: string | null;
}

parentPort?.on("message", (message: ToAppendWorker) => {
  if (message.type === "append") {
    parentPort?.postMessage(
      appendTogether(
        message.appends,
        0,
        message.appends.sessionIds.length,
      ) satisfies FromAppendWorker,
    );
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

/** The appends from `first` up to `end`. */
function appendTogether(appends: PackedAppends, first: number, end: number): FromAppendWorker {
  const started = performance.now();
  const members = end - first;
  let worked: number | undefined;
  try {
    begin.run();
    const lastSeqs: number[] = [];
    const gone: number[] = [];
    let cancelTurnIds: (string | null)[] | undefined;
    for (let index = first; index < end; index++) {
      const numbered = store(appends, index);
      lastSeqs.push(numbered?.lastSeq ?? 0);
      if (numbered?.cancelTurnId != null) {
        cancelTurnIds ??= Array.from({ length: members }, () => null);
        cancelTurnIds[index - first] = numbered.cancelTurnId;
      }
      if (!numbered && !exists.get(appends.sessionIds[index] ?? "")) gone.push(index - first);
    }
    worked = performance.now();
    commit.run();
    const spent = { work: worked - started, commit: performance.now() - worked, members };
    return [{ status: "committed", lastSeqs, cancelTurnIds, gone, ...spent }];
  } catch (error) {
    if (database.inTransaction) rollback.run();
    const code = error instanceof SQLite.SqliteError ? error.code : "";
    const message = error instanceof Error ? error.message : String(error);
    // A lock is everybody's trouble; anything else may be the fault of one.
    if (members > 1 && !code.startsWith("SQLITE_BUSY")) {
      return Array.from({ length: members }, (_, offset) =>
        appendTogether(appends, first + offset, first + offset + 1),
      ).flat();
    }
    const now = performance.now();
    const spent = { work: (worked ?? now) - started, commit: now - (worked ?? now), members };
    const stage = worked === undefined ? "work" : "commit";
    return [{ status: "failed", stage, code, message, ...spent }];
  }
}

function store(appends: PackedAppends, index: number): NumberedRow | undefined {
  const { sessionIds, turnIds, fences, commitIds, starts, types, payloads } = appends;
  const sessionId = sessionIds[index] ?? "";
  const start = starts[index] ?? 0;
  const end = starts[index + 1] ?? types.length;
  const numbered = number.get(end - start, commitIds[index] ?? "", sessionId, fences[index] ?? 0);
  if (!numbered) return undefined;
  let seq = numbered.lastSeq - (end - start);
  for (let row = start; row < end; row++) {
    insert.run(sessionId, ++seq, turnIds[index] ?? "", types[row] ?? "", payloads[row] ?? "");
  }
  return numbered;
}
