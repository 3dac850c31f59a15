// A thread of its own that moves the write-ahead log into the database file while others write on: what a checkpoint
// reads, writes and syncs would otherwise be part of some stream's commit, or block the event loop.
import { parentPort, workerData } from "node:worker_threads";
import SQLite from "better-sqlite3";
import { nativeBinding } from "./native-binding.ts";
import type { WriterThreadData } from "./writer-threads.ts";

const LOOK_MS = 250;

/** 8 MB. Pages that are written again and again cost less, the longer they gather. */
const MIN_PAGES = 2_000;

const { path } = workerData as WriterThreadData;
const database = new SQLite(path, { fileMustExist: true, timeout: 0, ...nativeBinding() });
let seenVersion: unknown;
const timer = setInterval(() => {
  try {
    const version = database.pragma("data_version", { simple: true });
    if (version === seenVersion) return;
    seenVersion = version;
    if (pagesToMove() >= MIN_PAGES) database.pragma("wal_checkpoint(PASSIVE)");
  } catch {
    // A full or failing disk: whoever writes next meets the same error and tells it.
  }
}, LOOK_MS);

/** NOOP only counts (https://sqlite.org/pragma.html#pragma_wal_checkpoint). */
function pagesToMove(): number {
  const rows = database.pragma("wal_checkpoint(NOOP)") as { log: number; checkpointed: number }[];
  return rows[0] ? rows[0].log - rows[0].checkpointed : 0;
}

parentPort?.once("message", () => {
  clearInterval(timer);
  database.close();
  parentPort?.close();
});
