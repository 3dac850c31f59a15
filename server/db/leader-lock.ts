import { closeSync, existsSync, openSync } from "node:fs";
import SQLite from "better-sqlite3";
import { nativeBinding } from "./native-binding.ts";

export interface LeaderLock {
  release(): void;
}

/**
 * Makes this process the one companion of its data directory, or returns undefined if another is. An exclusive
 * transaction on a database of its own: the kernel frees it whatever way the process ends, keeps it while the
 * process sleeps, and no process id has to be believed. Never open the file twice in one process: closing one
 * handle would free the lock of the other (POSIX).
 */
export function takeLeaderLock(path: string): LeaderLock | undefined {
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
