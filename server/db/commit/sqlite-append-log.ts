import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import SQLite from "better-sqlite3";
import { type Append, type AppendLog, type AppendResult, pack, refusalOf } from "./append-log.ts";
import type { FromAppendWorker, ToAppendWorker, TransactionOutcome } from "./append-worker.ts";
import { Gatherer } from "./gatherer.ts";
import type { WriterGate } from "./writer-gate.ts";
import { CheckpointTimes, startThread, type WriterThreadData } from "./writer-threads.ts";

/**
 * Appends in a thread of its own, one group at a time, taking turns with the connection of this thread. A thread that
 * dies is started again with the next group; what became of the group it had is read back. `onError` hears what the
 * database threw.
 */
export function createSqliteAppendLog(
  data: { path: string; flush: boolean },
  gate: WriterGate,
  onError: (err: unknown) => void,
): AppendLog {
  const checkpointTimes = new CheckpointTimes();
  const threadData = { ...data, checkpointTimes: checkpointTimes.memory };
  let appending = startAppending(threadData);
  let checkpoints = startThread("checkpoint-worker", threadData);
  checkpoints.on("error", restartCheckpoints);
  // Rarely needed: it swallows what the disk throws, and commits move the pages when nobody else does.
  function restartCheckpoints(): void {
    checkpoints = startThread("checkpoint-worker", threadData);
    checkpoints.on("error", () => {});
  }

  const gatherer = new Gatherer<Append, AppendResult>((appends) =>
    gate.with(async () => {
      const began = performance.now();
      if (appending.ended()) appending = startAppending(threadData);
      try {
        const outcomes = await appending.commit(appends);
        const results = outcomes.flatMap((outcome) => toResults(outcome, began, data.flush));
        for (const result of results) if (result.status === "failed") onError(result.error);
        return results;
      } catch (error) {
        const at = { began, worked: performance.now(), members: 1, syncMs: undefined };
        return appends.map(() => ({ status: "failed", stage: "commit", error, ...at }));
      }
    }),
  );
  return {
    append: (append) => gatherer.add(append),
    checkpointMs: (lastMs) => checkpointTimes.within(lastMs),
    async close() {
      await Promise.all([close(appending.worker), close(checkpoints)]);
    },
  };
}

interface Appending {
  worker: Worker;
  ended(): boolean;
  /** One at a time. Rejects as a lost connection does when the thread ends before its answer. */
  commit(appends: readonly Append[]): Promise<FromAppendWorker>;
}

function startAppending(data: WriterThreadData): Appending {
  const worker = startThread("append-worker", data);
  let answer: PromiseWithResolvers<FromAppendWorker> | undefined;
  let ended = false;
  const end = (cause?: unknown) => {
    ended = true;
    const message = "connection terminated: the thread that writes chunks has ended";
    answer?.reject(new Error(message, { cause }));
  };
  worker.on("message", (outcomes: FromAppendWorker) => answer?.resolve(outcomes));
  worker.on("error", end);
  worker.on("exit", () => end());
  return {
    worker,
    ended: () => ended,
    async commit(appends) {
      answer = Promise.withResolvers();
      // Work that waits keeps the process alive.
      worker.ref();
      try {
        worker.postMessage({ type: "append", appends: pack(appends) } satisfies ToAppendWorker);
        return await answer.promise;
      } finally {
        worker.unref();
        answer = undefined;
      }
    },
  };
}

async function close(worker: Worker): Promise<void> {
  if (worker.threadId === -1) return;
  const exit = once(worker, "exit");
  worker.ref();
  worker.postMessage({ type: "close" } satisfies ToAppendWorker);
  await exit;
}

/** One for each append of the transaction. */
function toResults(outcome: TransactionOutcome, began: number, flush: boolean): AppendResult[] {
  const { work, commit, members } = outcome;
  const at = { began, worked: began + work, members, syncMs: flush ? commit : undefined };
  if (outcome.status === "failed") {
    const { stage, code, message } = outcome;
    const error = new SQLite.SqliteError(message, code);
    return Array.from({ length: members }, () => ({ status: "failed", stage, error, ...at }));
  }
  const { lastSeqs, cancelTurnIds, gone } = outcome;
  return lastSeqs.map((lastSeq, index): AppendResult => {
    if (lastSeq > 0) {
      return { status: "committed", lastSeq, cancelTurnId: cancelTurnIds?.[index] ?? null, ...at };
    }
    return { status: "failed", stage: "work", error: refusalOf(!gone.includes(index)), ...at };
  });
}
