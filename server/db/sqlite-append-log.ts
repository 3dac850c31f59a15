import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import SQLite from "better-sqlite3";
import { type Append, type AppendLog, type AppendResult, refusalOf } from "./append-log.ts";
import type { AppendOutcome, ToAppendWorker } from "./append-worker.ts";
import { Gatherer } from "./gatherer.ts";
import type { WriterGate } from "./writer-gate.ts";
import { startThread, type WriterThreadData } from "./writer-threads.ts";

/** Appends in a thread of its own, one group at a time, taking turns with the connection of this thread. */
export function createSqliteAppendLog(data: WriterThreadData, gate: WriterGate): AppendLog {
  const worker = startThread("append-worker", data);
  const checkpoints = startThread("checkpoint-worker", data);
  let answer: PromiseWithResolvers<AppendOutcome[]> | undefined;
  let broken: unknown;
  const fail = (error: unknown) => {
    broken = error;
    answer?.reject(error);
  };
  worker.on("message", (outcomes: AppendOutcome[]) => answer?.resolve(outcomes));
  worker.on("error", fail);
  worker.on("exit", () => fail(new Error("the thread that writes chunks has ended")));
  checkpoints.on("error", fail);

  const send = (message: ToAppendWorker) => worker.postMessage(message);
  const gatherer = new Gatherer<Append, AppendResult>((appends) =>
    gate.with(async () => {
      if (broken !== undefined) throw broken;
      const began = performance.now();
      answer = Promise.withResolvers();
      // Work that waits keeps the process alive.
      worker.ref();
      try {
        send({ type: "append", appends });
        const outcomes = await answer.promise;
        return outcomes.map((outcome) => toResult(outcome, began));
      } finally {
        worker.unref();
        answer = undefined;
      }
    }),
  );
  return {
    append: (append) => gatherer.add(append),
    async close() {
      await Promise.all([ended(worker), ended(checkpoints)]);
    },
  };
}

async function ended(worker: Worker): Promise<void> {
  if (worker.threadId === -1) return;
  const exit = once(worker, "exit");
  worker.ref();
  worker.postMessage({ type: "close" } satisfies ToAppendWorker);
  await exit;
}

function toResult(outcome: AppendOutcome, began: number): AppendResult {
  const at = { began, worked: began + outcome.work };
  switch (outcome.status) {
    case "committed": {
      const { lastSeq, cancelTurnId } = outcome;
      return { status: "committed", lastSeq, cancelTurnId, ...at };
    }
    case "refused":
      return { status: "failed", stage: "work", error: refusalOf(outcome.sessionExists), ...at };
    case "failed": {
      const { stage, code, message } = outcome;
      return { status: "failed", stage, error: new SQLite.SqliteError(message, code), ...at };
    }
  }
}
