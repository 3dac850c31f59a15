// Reading a model's answer costs more than all else that is done for a word of it. On machines with
// cores to spare threads do it (answer-worker.ts), and the event loop that serves every stream
// takes what they read, many answers' words in one message. On two cores it would only cost more:
// a message between threads is no less work than it saves, and there is no core to do it on.
import { AsyncLocalStorage } from "node:async_hooks";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { ChatError, fromTold } from "../errors.ts";
import { programFile } from "../program-file.ts";
import type { FromAnswerWorker, Reading, ToAnswerWorker } from "./answer-worker.ts";
import { type Batches, toBatches } from "./batches.ts";
import type { ResumeCause, WireProviderDeps } from "./hear-answer.ts";
import type { Provider } from "./provider.ts";
import type { SkippedKind } from "./wire/answer-state.ts";

const CORES_PER_THREAD = 4;
const MAX_THREADS = 4;

/** How many threads read answers if nobody says: none where the cores are few. */
export function usualAnswerThreads(cores: number = availableParallelism()): number {
  return Math.min(MAX_THREADS, Math.floor(cores / CORES_PER_THREAD));
}

export interface AnswerThreads {
  /** The same provider, its answers read by the thread that has the fewest. */
  reading(provider: Provider, deps: Pick<Reading, "access" | "limits">): Provider;
  /** See `doubtConnections`. */
  doubtConnections(quietMs: number): void;
}

/**
 * `count` threads, each begun when it is first needed, and anew after it has died: its answers end
 * with an error, others go on.
 */
export function createAnswerThreads(
  count: number,
  { onSkipped, onResumed }: Pick<WireProviderDeps, "onSkipped" | "onResumed">,
): AnswerThreads {
  const threads = Array.from({ length: count }, () => createThread({ onSkipped, onResumed }));
  const read = (reading: Reading, batches: Batches): Promise<void> => {
    const [quietest] = threads.toSorted((one, other) => one.busy() - other.busy());
    if (!quietest) throw new RangeError("there are no threads");
    return quietest.read(reading, batches);
  };
  return {
    reading(provider, deps) {
      const { held } = provider;
      return {
        ...provider,
        stream: (request, signal) =>
          toBatches((batches) => read({ ...deps, request }, batches), signal),
        held: held && {
          ...held,
          replay: (answer, request, signal) =>
            toBatches((batches) => read({ ...deps, request, held: answer }, batches), signal),
        },
      };
    },
    doubtConnections(quietMs) {
      for (const thread of threads) thread.doubtConnections(quietMs);
    },
  };
}

interface Thread {
  /** How many answers it reads. */
  busy(): number;
  /** Settles as the answer ends. */
  read(reading: Reading, batches: Batches): Promise<void>;
  doubtConnections(quietMs: number): void;
}

interface Taker {
  push: Batches["push"];
  end(error: Error | undefined): void;
}

interface Listener {
  onSkipped(provider: string, kind: SkippedKind, count: number): void;
  onResumed(provider: string, cause: ResumeCause): void;
}

function createThread({ onSkipped, onResumed }: Listener): Thread {
  let worker: Worker | undefined;
  let lastId = 0;
  const takers = new Map<number, Taker>();

  const end = (id: number, error: Error | undefined): void => {
    const taker = takers.get(id);
    takers.delete(id);
    taker?.end(error);
  };
  const hear = (news: FromAnswerWorker): void => {
    for (const piece of news) {
      if ("events" in piece) takers.get(piece.id)?.push([...piece.events]);
      else if ("id" in piece) end(piece.id, piece.ended && fromTold(piece.ended));
      else if ("skipped" in piece) {
        const { provider, kind, count } = piece.skipped;
        onSkipped(provider, kind, count);
      } else onResumed(piece.resumed.provider, piece.resumed.cause);
    }
  };
  const start = (): Worker => {
    const started = startWorker();
    const lost = (cause?: unknown): void => {
      if (worker !== started) return;
      // The next answer gets another.
      worker = undefined;
      const message = "The thread that read this answer from the model has ended.";
      const hint = "What had arrived is kept. Continue or retry.";
      for (const id of takers.keys())
        end(id, new ChatError("upstream_cut", message, { cause, hint }));
    };
    started.on("message", hear);
    started.on("error", lost);
    started.on("exit", () => lost());
    // Last: a listener for messages would hold the process again.
    started.unref();
    return started;
  };
  const post = (message: ToAnswerWorker): void => {
    worker ??= start();
    worker.postMessage(message);
  };

  return {
    busy: () => takers.size,
    read(reading, batches) {
      const id = ++lastId;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      // What the thread brings is heard in nobody's context; it belongs to who asked.
      const inContext = AsyncLocalStorage.snapshot();
      takers.set(id, {
        push(events) {
          inContext(batches.push, events);
          if (!batches.isFull() || batches.onRoom) return;
          post({ type: "wait", id });
          batches.onRoom = () => {
            batches.onRoom = undefined;
            if (takers.has(id)) post({ type: "go", id });
          };
        },
        end: (error) => inContext(() => (error ? reject(error) : resolve())),
      });
      batches.left.addEventListener("abort", () => {
        if (takers.has(id)) post({ type: "leave", id });
      });
      post({ type: "read", id, reading });
      return promise;
    },
    doubtConnections(quietMs) {
      if (worker) post({ type: "doubt_connections", quietMs });
    },
  };
}

function startWorker(): Worker {
  return new Worker(programFile("answer-worker", import.meta.url), { name: "answer-worker" });
}
