// A thread of its own for the hot path on SQLite: the statements and the fsync of a commit block this thread and not
// the event loop that serves every stream. One group of appends in, one outcome each out; see append-log.ts.
import { parentPort, workerData } from "node:worker_threads";
import SQLite from "better-sqlite3";
import type { Append } from "./append-log.ts";
import { nativeBinding } from "./native-binding.ts";
import type { WriterThreadData } from "./writer-threads.ts";

export type ToAppendWorker = { type: "append"; appends: readonly Append[] } | { type: "close" };

/** Milliseconds that the group's transaction spent in statements and in its COMMIT, and how many appends were in it. */
interface Spent {
  work: number;
  commit: number;
  members: number;
}

export type AppendOutcome = Spent &
  (
    | { status: "committed"; lastSeq: number; cancelTurnId: string | null }
    | { status: "refused"; sessionExists: boolean }
    | { status: "failed"; stage: "work" | "commit"; code: string; message: string }
  );

const BUSY_TIMEOUT_MS = 20;

/** The thread of checkpoint-worker.ts has moved most of it by then; what is left, the commit that crosses this moves. */
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
const number = database.prepare<[number, string, string, number], Numbered>(
  "update sessions set last_seq = last_seq + ?, last_commit = ? where id = ? and lease_fence = ? returning last_seq as lastSeq, cancel_turn_id as cancelTurnId",
);
const exists = database.prepare<[string]>("select 1 from sessions where id = ?");
const insert = database.prepare<[string, number, string, string, string]>(
  "insert into chunks (session_id, seq, turn_id, type, payload) values (?, ?, ?, ?, ?)",
);

interface Numbered {
  lastSeq: number;
  cancelTurnId: string | null;
}

parentPort?.on("message", (message: ToAppendWorker) => {
  if (message.type === "append") {
    parentPort?.postMessage(appendTogether(message.appends));
    return;
  }
  database.close();
  parentPort?.close();
});

function appendTogether(appends: readonly Append[]): AppendOutcome[] {
  const started = performance.now();
  let worked: number | undefined;
  try {
    begin.run();
    const done = appends.map(store);
    worked = performance.now();
    commit.run();
    const spent = {
      work: worked - started,
      commit: performance.now() - worked,
      members: done.length,
    };
    return done.map((one) => ({ ...one, ...spent }));
  } catch (error) {
    if (database.inTransaction) rollback.run();
    const code = error instanceof SQLite.SqliteError ? error.code : "";
    const message = error instanceof Error ? error.message : String(error);
    // A lock is everybody's trouble; anything else may be the fault of one.
    if (appends.length > 1 && !code.startsWith("SQLITE_BUSY")) {
      return appends.flatMap((one) => appendTogether([one]));
    }
    const now = performance.now();
    const failed = {
      status: "failed",
      stage: worked === undefined ? "work" : "commit",
      code,
      message,
      work: (worked ?? now) - started,
      commit: now - (worked ?? now),
      members: appends.length,
    } as const;
    return appends.map(() => failed);
  }
}

function store({ sessionId, turnId, fence, commitId, rows }: Append) {
  const numbered = number.get(rows.length, commitId, sessionId, fence);
  if (!numbered) {
    return { status: "refused", sessionExists: exists.get(sessionId) !== undefined } as const;
  }
  let seq = numbered.lastSeq - rows.length;
  for (const { type, payload } of rows) insert.run(sessionId, ++seq, turnId, type, payload);
  return { status: "committed", ...numbered } as const;
}
