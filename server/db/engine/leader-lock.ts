import { closeSync, existsSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import SQLite from "better-sqlite3";
import { nativeBinding } from "./native-binding.ts";

export interface LeaderLock {
  release(): void;
}

/**
 * How often the lock is asked for by one who waits; a client of the old holder needs far
 * longer to start another.
 */
const LOCK_POLL_MS = 10;

/** `takeLeaderLock`, asked again for so long; `onWait` hears once that somebody else has it. */
export async function waitForLeaderLock(
  path: string,
  seconds: number,
  onWait: () => void = () => {},
): Promise<LeaderLock | undefined> {
  const deadline = performance.now() + seconds * 1000;
  for (let waits = false; ; waits = true) {
    const lock = takeLeaderLock(path);
    if (lock || performance.now() >= deadline) return lock;
    if (!waits) onWait();
    await delay(LOCK_POLL_MS);
  }
}

/**
 * Makes this process the one companion of its data directory, or returns undefined if another is.
 * An exclusive transaction on a database of its own: the kernel frees it whatever way the process
 * ends, keeps it while the process sleeps, and no process id has to be believed. Never open the
 * file twice in one process: closing one handle would free the lock of the other (POSIX).
 */
function takeLeaderLock(path: string): LeaderLock | undefined {
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
  const database = new SQLite(path, { timeout: 0, ...nativeBinding() });
  try {
    // Nothing is ever written, so a full disk is no reason not to get it.
    database.pragma("journal_mode = memory");
    database.exec("begin exclusive");
  } catch (thrown) {
    database.close();
    if (thrown instanceof SQLite.SqliteError && thrown.code.startsWith("SQLITE_BUSY"))
      return undefined;
    throw thrown;
  }
  return { release: () => database.close() };
}
