import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import SQLite from "better-sqlite3";
import {
  type AppendLog,
  type AppendRequest,
  type AppendResult,
  type PackedAppends,
  pack,
  refusalOf,
} from "./append-log.ts";
import type {
  FromAppendWorker,
  Saved,
  ToAppendWorker,
  TransactionOutcome,
} from "./append-worker.ts";
import { Gatherer } from "./gatherer.ts";
import { SETTLE_AFTER_MS, type Tail, type TailOrders } from "./tail.ts";
import { PLACE_TAKEN } from "./tail-places.ts";
import type { WriterGate } from "./writer-gate.ts";
import { CheckpointTimes, startThread, type WriterThreadData } from "./writer-threads.ts";

export interface SqliteAppendLog extends AppendLog {
  /**
   * Copies the whole database, as this process has it open, to an empty file. Call
   * it with the gate in hand.
   */
  save(target: string): Promise<void>;
}

/** Settled by the timer at once; what waits behind it waits no longer for more. */
const ROWS_BY_TIMER = 500;
const NEXT_BY_TIMER_MS = 20;

/**
 * Who appends more often settles by the way, and a lot of the timer's would only hold it up; but
 * one that says little does not settle what a thousand have left.
 */
const QUIET_MS = 250;

/**
 * Appends in a thread of its own, one group at a time, taking turns with the connection of this
 * thread; see tail.ts for where. A thread that dies is started again with the next group; what
 * became of the group it had is read back. `onError` hears what the database threw.
 */
export function createSqliteAppendLog(
  data: { path: string; flush: boolean },
  gate: WriterGate,
  tail: Tail,
  onError: (err: unknown) => void,
): SqliteAppendLog {
  const checkpointTimes = new CheckpointTimes();
  const threadData = { ...data, checkpointTimes: checkpointTimes.memory };
  const start = () => startAppending(threadData, () => tail.lose());
  let appending = start();
  let checkpoints = startThread("checkpoint-worker", threadData);
  checkpoints.on("error", restartCheckpoints);
  // Rarely needed: it swallows what the disk throws, and commits move the
  // pages when nobody else does.
  function restartCheckpoints(): void {
    checkpoints = startThread("checkpoint-worker", threadData);
    checkpoints.on("error", () => {});
  }

  const carryOut = async (
    appends: readonly AppendRequest[],
    orders: TailOrders,
  ): Promise<AppendResult[]> => {
    const began = performance.now();
    const packed = pack(appends, tail);
    const { outcomes, unsettled } = await appending.commit(packed, orders);
    const now = performance.now();
    const [failure] = unsettled;
    if (failure) {
      onError(new SQLite.SqliteError(failure.message, failure.code));
      tail.notCarriedOut(orders, failure.sessionId, now);
    } else tail.carriedOut(orders);
    if (outcomes.some((one) => one.status === "failed" && one.code === PLACE_TAKEN)) tail.lose();
    const results = outcomes.flatMap((outcome) => toResults(outcome, began, data.flush));
    for (const [index, result] of results.entries()) {
      const append = appends[index];
      if (result.status === "failed") onError(result.error);
      else if (append) {
        const first = packed.firstPosition + (packed.starts[index] ?? 0);
        tail.add(append.sessionId, first, append.rows.length, result.lastSeq, now);
      }
    }
    return results;
  };
  let lastGroupAt = 0;
  const commit = async (appends: readonly AppendRequest[]): Promise<AppendResult[]> => {
    const began = performance.now();
    lastGroupAt = began;
    if (appending.ended()) appending = start();
    await tail.find();
    const rows = appends.reduce((count, append) => count + append.rows.length, 0);
    const orders = tail.due(rows, began);
    try {
      return await carryOut(appends, orders);
    } catch (error) {
      return failed(appends, "commit", error, began);
    } finally {
      settleLater(SETTLE_AFTER_MS);
    }
  };
  // Where nobody appends any more.
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  function settleLater(afterMs: number): void {
    if (isClosed || tail.isEmpty) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      const now = performance.now();
      if (now - lastGroupAt < QUIET_MS && !tail.isBehind(now)) settleLater(QUIET_MS);
      else void settleDue();
    }, afterMs).unref();
  }
  async function settleDue(): Promise<void> {
    let isMore = false;
    await gate
      .with(async () => {
        if (isClosed || appending.ended()) return;
        const orders = tail.due(ROWS_BY_TIMER, performance.now());
        isMore = orders.settle.length > 0;
        if (isMore || orders.removeFrom !== undefined) await carryOut([], orders);
      })
      .catch(onError);
    settleLater(isMore ? NEXT_BY_TIMER_MS : SETTLE_AFTER_MS);
  }
  const gatherer = new Gatherer<AppendRequest, AppendResult>((appends) => {
    const began = performance.now();
    return gate
      .with(() => commit(appends))
      .catch((error: unknown) => failed(appends, "work", error, began));
  });
  return {
    append: (append) => gatherer.add(append),
    put: (append, settle) => gatherer.put(append, settle),
    save: (target) => appending.save(target),
    checkpointMs: (lastMs) => checkpointTimes.within(lastMs),
    async close() {
      // What cannot be settled any more is settled by the next start.
      if (!tail.isEmpty) await gate.with(() => tail.settleAll()).catch(onError);
      isClosed = true;
      clearTimeout(timer);
      await Promise.all([close(appending.worker), close(checkpoints)]);
    },
  };
}

function failed(
  appends: readonly AppendRequest[],
  stage: "work" | "commit",
  error: unknown,
  began: number,
): AppendResult[] {
  const at = { began, worked: performance.now(), members: 1, syncMs: undefined };
  return appends.map(() => ({ status: "failed", stage, error, ...at }));
}

interface Appending {
  worker: Worker;
  ended(): boolean;
  /** One at a time. Rejects as a lost connection does when the thread ends before its answer. */
  commit(appends: PackedAppends, orders: TailOrders): Promise<FromAppendWorker>;
  save(target: string): Promise<void>;
}

function startAppending(data: WriterThreadData, onEnd: () => void): Appending {
  const worker = startThread("append-worker", data);
  let answer: PromiseWithResolvers<FromAppendWorker | Saved> | undefined;
  let ended = false;
  const end = (cause?: unknown) => {
    ended = true;
    onEnd();
    const message = "connection terminated: the thread that writes chunks has ended";
    answer?.reject(new Error(message, { cause }));
  };
  worker.on("message", (said: FromAppendWorker | Saved) => answer?.resolve(said));
  worker.on("error", end);
  worker.on("exit", () => end());
  const ask = async (message: ToAppendWorker): Promise<FromAppendWorker | Saved> => {
    answer = Promise.withResolvers();
    // Work that waits keeps the process alive.
    worker.ref();
    try {
      worker.postMessage(message);
      return await answer.promise;
    } finally {
      worker.unref();
      answer = undefined;
    }
  };
  return {
    worker,
    ended: () => ended,
    async commit(appends, orders) {
      const said = await ask({ type: "append", appends, orders });
      if ("outcomes" in said) return said;
      throw new Error("the thread that writes chunks answered another question");
    },
    async save(target) {
      const said = await ask({ type: "save", target });
      const failure = "outcomes" in said ? "it answered another question" : said.failure;
      if (failure !== undefined) throw new Error(failure);
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
  const { worked, syncMs } = at;
  return lastSeqs.map((lastSeq, index): AppendResult => {
    if (lastSeq > 0) {
      const cancelTurnId = cancelTurnIds?.[index] ?? null;
      return { status: "committed", lastSeq, cancelTurnId, began, worked, members, syncMs };
    }
    return { status: "failed", stage: "work", error: refusalOf(!gone.includes(index)), ...at };
  });
}
