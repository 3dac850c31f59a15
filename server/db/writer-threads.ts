import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";

/** What the threads that work on the same file are started with. */
export interface WriterThreadData {
  path: string;
  /** Each group of appends reaches the disk before it is acknowledged. */
  flush: boolean;
}

/** Starts a thread that does not keep the process alive. */
export function startThread(
  name: "append-worker" | "checkpoint-worker",
  workerData: WriterThreadData,
): Worker {
  // Beside this module: in the bundle a file of JavaScript, in a checkout the source.
  const bundled = new URL(`./${name}.js`, import.meta.url);
  const file = existsSync(bundled) ? bundled : new URL(`./${name}.ts`, import.meta.url);
  const worker = new Worker(file, { workerData });
  worker.unref();
  return worker;
}
