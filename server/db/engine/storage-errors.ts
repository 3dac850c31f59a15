// What a driver's error means. SQLite result codes: https://sqlite.org/rescode.html
// Postgres SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
import { ChatError } from "../../errors.ts";
import type { ErrorCode } from "../../protocol/errors.ts";

/** Conflicts that vanish when the whole work is done again; nothing of it was committed. */
const CONFLICTS = /^(SQLITE_BUSY.*|SQLITE_LOCKED.*|40001|40P01|55P03)$/;

/** SQLSTATE classes 08 and 57P, and what the driver and the socket say when the connection is gone. */
const CONNECTION_CODES =
  /^(08...|57P0[1-5]|53300|25P03|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH)$/;
const CONNECTION_MESSAGES =
  /connection terminated|connection ended|not queryable|query read timeout|timeout exceeded when trying to connect|connection has been discarded|client was closed/i;

export function isConflict(thrown: unknown): boolean {
  return CONFLICTS.test(codeOf(thrown));
}

export function isConnectionLost(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  return CONNECTION_CODES.test(codeOf(thrown)) || CONNECTION_MESSAGES.test(thrown.message);
}

/** The driver's words for a connection it knows to be dead: the statement never left this process. */
export function wasNeverSent(thrown: unknown): boolean {
  return thrown instanceof Error && /not queryable|client was closed/i.test(thrown.message);
}

const MEANINGS: [RegExp, ErrorCode, string, string][] = [
  [
    /^(SQLITE_FULL|53100|ENOSPC)$/,
    "storage_full",
    "The disk is full, so nothing more can be saved.",
    "Everything shown so far is saved. Free some space; the chat goes on by itself.",
  ],
  [
    /^(SQLITE_READONLY.*|SQLITE_PERM|25006|EROFS)$/,
    "storage_readonly",
    "The database cannot be written.",
    "Everything shown so far is saved. Make the file and its folder writable again.",
  ],
  [
    /^(SQLITE_CORRUPT.*|SQLITE_NOTADB|XX001|XX002)$/,
    "storage_corrupt",
    "The database file is damaged.",
    "Do not delete it. Restart the companion: the file is checked and, if it cannot be read, set aside; see docs/troubleshooting.md.",
  ],
  [
    CONFLICTS,
    "storage_busy",
    "The database is locked by another program.",
    "Nothing was lost. Close the program that holds it, then try again.",
  ],
  [
    /^(SQLITE_IOERR.*|SQLITE_CANTOPEN.*|58030)$/,
    "commit_failed",
    "The disk reported an error while saving.",
    "Everything shown so far is saved. Check the disk, then try again.",
  ],
];

/** A `ChatError` for what a driver threw; errors that are not the storage's pass through as they are. */
export function toStorageError(thrown: unknown): unknown {
  if (thrown instanceof ChatError) return thrown;
  const code = codeOf(thrown);
  for (const [pattern, meaning, message, hint] of MEANINGS) {
    if (pattern.test(code)) return new ChatError(meaning, message, { cause: thrown, hint });
  }
  if (isConnectionLost(thrown)) {
    return new ChatError("database_unavailable", "The database does not answer.", {
      cause: thrown,
      hint: "Everything shown so far is saved. The chat goes on when the database is back.",
      retryAfterSeconds: 2,
    });
  }
  return thrown;
}

/** Whether a driver has met bytes that are no database of its kind. */
export function isDamage(thrown: unknown): boolean {
  const error = toStorageError(thrown);
  return error instanceof ChatError && error.code === "storage_corrupt";
}

function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error) || !("code" in thrown)) return "";
  return typeof thrown.code === "string" ? thrown.code : "";
}
