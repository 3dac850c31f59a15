// A thread of its own that moves the write-ahead log into the database file while others
// write on: what a checkpoint reads, writes and syncs would otherwise be part of some
// stream's commit, or block the event loop. While nobody writes it gives pages that
// compaction has freed back to the disk.
import { parentPort, workerData } from "node:worker_threads";
import SQLite from "better-sqlite3";
import { nativeBinding } from "../engine/native-binding.ts";
import { CheckpointTimes, type WriterThreadData } from "./writer-threads.ts";

const LOOK_MS = 250;

/** 8 MB. Pages that are written again and again cost less, the longer they gather. */
const MIN_PAGES = 2_000;

/** A second. */
const TIDY_AFTER_LOOKS = 4;
const RETURNED_AT_ONCE = 500;

/** Some are worth keeping: the next answer takes them. */
const KEPT_FREE_PAGES = 100;

const { path, checkpointTimes } = workerData as WriterThreadData;
const times = new CheckpointTimes(checkpointTimes);
const database = new SQLite(path, { fileMustExist: true, timeout: 0, ...nativeBinding() });
let seenVersion: unknown;
let quietLooks = 0;
const timer = setInterval(() => {
  try {
    look();
  } catch {
    // A full or failing disk: whoever writes next meets the same error and tells it.
  }
}, LOOK_MS);

function look(): void {
  const version = database.pragma("data_version", { simple: true });
  quietLooks = version === seenVersion ? quietLooks + 1 : 0;
  seenVersion = version;
  if (quietLooks === 0) {
    if (pagesToMove() >= MIN_PAGES) times.time(() => database.pragma("wal_checkpoint(PASSIVE)"));
  } else if (quietLooks % TIDY_AFTER_LOOKS === 0) times.time(tidy);
}

/**
 * Gives back what was freed, and the log's own file: a little each second, so that a writer
 * who comes waits for little.
 */
function tidy(): void {
  const free = Number(database.pragma("freelist_count", { simple: true }));
  if (free > KEPT_FREE_PAGES) database.pragma(`incremental_vacuum(${RETURNED_AT_ONCE})`);
  // Once: nothing is written meanwhile but by this thread.
  if (free > KEPT_FREE_PAGES || quietLooks === TIDY_AFTER_LOOKS) {
    database.pragma("wal_checkpoint(TRUNCATE)");
  }
}

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
