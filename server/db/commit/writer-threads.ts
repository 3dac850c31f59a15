import { Worker } from "node:worker_threads";
import { programFile } from "../../program-file.ts";

/** What the threads that work on the same file are started with. */
export interface WriterThreadData {
  path: string;
  /** Each group of appends reaches the disk before it is acknowledged. */
  flush: boolean;
  /** See `CheckpointTimes`. */
  checkpointTimes: SharedArrayBuffer;
}

/**
 * When the last checkpoint began and ended, in memory that both threads see: a message
 * about it would wait behind the very commit that it explains. By the clock of the process,
 * which its threads share.
 */
export class CheckpointTimes {
  readonly memory: SharedArrayBuffer;
  readonly #times: Float64Array;

  constructor(memory = new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#times = new Float64Array(memory);
  }

  /** Around what the thread of checkpoint-worker.ts does. */
  time(checkpoint: () => void): void {
    this.#times[0] = clockMs();
    try {
      checkpoint();
    } finally {
      this.#times[1] = clockMs();
    }
  }

  /** How many of the last `lastMs` milliseconds the last checkpoint took. */
  within(lastMs: number): number {
    const [began = 0, ended = 0] = this.#times;
    if (began === 0) return 0;
    const now = clockMs();
    return Math.max(0, (ended < began ? now : ended) - Math.max(began, now - lastMs));
  }
}

function clockMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** Starts a thread that does not keep the process alive. */
export function startThread(
  name: "append-worker" | "checkpoint-worker",
  workerData: WriterThreadData,
): Worker {
  const worker = new Worker(programFile(name, import.meta.url), { workerData, name });
  worker.unref();
  return worker;
}
