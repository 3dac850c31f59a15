// What a driver's error means: one table. SQLite result codes: https://sqlite.org/rescode.html
// Postgres SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
import { ChatError } from "../../errors.ts";
import type { ErrorCode } from "../../protocol/errors.ts";

/**
 * What it says about the work that met it:
 * - `conflict`: nothing of it was stored; it vanishes when the whole work is done again.
 * - `lost`: the connection broke or the answer did not come. What was under way is undone,
 * or done, or will still be
 *   done by a server that has not noticed: nobody knows until it is read back.
 * - `unsent`: there was no connection, so nothing of it can have been stored.
 * - `not_writable`: a file that lets itself be read only.
 * - `elsewhere`: the same of a server: nothing was stored, and another may be
 * the one to write to by now.
 * - `refused`: the database answers and says no; the same again gets the same answer.
 */
export type ErrorKind =
  | "conflict"
  | "lost"
  | "unsent"
  | "not_writable"
  | "elsewhere"
  | "refused"
  | "full"
  | "damaged"
  | "io";

interface Told {
  code: ErrorCode;
  message: string;
  hint: string;
  retryAfterSeconds?: number;
}

interface Meaning extends Told {
  kind: ErrorKind;
  /** The driver's code, or its words where it has none. */
  codes: RegExp;
  words?: RegExp;
  /** Where the same is told otherwise of a read. */
  reading?: Told;
}

const AWAY = {
  code: "database_unavailable",
  message: "The database does not answer.",
  hint: "Everything shown so far is saved. The chat goes on when the database is back.",
  retryAfterSeconds: 2,
} as const satisfies Told;

const NOTHING = /^$/;

const STANDBY_HINT =
  "Everything shown so far is saved. The chat goes on when there is a server that can be written.";

const MEANINGS: readonly Meaning[] = [
  {
    // The driver knows its connection to be dead, or could not make one: the statement
    // never left this process.
    kind: "unsent",
    codes: /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|53300|57P03)$/,
    words: /not queryable|client was closed|timeout exceeded when trying to connect/i,
    ...AWAY,
  },
  {
    // SQLSTATE classes 08 and 57P, and what the driver and the socket say
    // when the connection is gone.
    kind: "lost",
    codes:
      /^(08...|57P0[1245]|25P0[34]|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|ENETRESET|ENETDOWN)$/,
    words:
      /connection terminated|connection ended|query read timeout|timeout expired|connection has been discarded/i,
    ...AWAY,
  },
  {
    kind: "full",
    // SHMSIZE: no room for what the connections of a WAL share.
    codes: /^(SQLITE_FULL|SQLITE_IOERR_SHMSIZE|53100|ENOSPC)$/,
    code: "storage_full",
    message: "The disk is full, so nothing more can be saved.",
    hint: "Everything shown so far is saved. Free some space; the chat goes on by itself.",
  },
  {
    kind: "not_writable",
    codes: /^(SQLITE_READONLY.*|SQLITE_PERM|EROFS)$/,
    code: "storage_readonly",
    message: "The database cannot be written.",
    hint: "Everything shown so far is saved. Make the database writable again.",
  },
  {
    // The role is only asked of a connection that is otherwise whole.
    kind: "elsewhere",
    codes: NOTHING,
    words: /^the server is a standby$/,
    code: "storage_readonly",
    message: "The database server is a standby: it can only be read.",
    hint: STANDBY_HINT,
    retryAfterSeconds: 2,
  },
  {
    kind: "elsewhere",
    codes: /^25006$/,
    code: "storage_readonly",
    message: "The database cannot be written.",
    hint: "Everything shown so far is saved. Make the database writable again.",
  },
  {
    kind: "damaged",
    codes: /^(SQLITE_CORRUPT.*|SQLITE_NOTADB|XX001|XX002)$/,
    code: "storage_corrupt",
    message: "The database file is damaged.",
    hint: "Do not delete it. Restart the companion: the file is checked and, if it cannot be read, set aside; see docs/troubleshooting.md.",
  },
  {
    kind: "conflict",
    codes: /^(SQLITE_BUSY.*|SQLITE_LOCKED.*)$/,
    code: "storage_busy",
    message: "The database is locked by another program.",
    hint: "Nothing was lost. Close the program that holds it, then try again.",
  },
  {
    // Also what a server cancels by itself: a statement that took too long. And a number of a
    // session's log that somebody else has taken meanwhile.
    kind: "conflict",
    codes: /^(40001|40P01|55P03|57014|23505 chunks_primary_key)$/,
    // `NameLost`
    words: /^a named statement is not there as it was$/,
    code: "storage_busy",
    message: "The database did not get to it in time.",
    hint: "Nothing was lost. Try again in a moment.",
    retryAfterSeconds: 2,
  },
  {
    kind: "io",
    codes: /^(SQLITE_IOERR.*|SQLITE_CANTOPEN.*|58030|EIO)$/,
    code: "commit_failed",
    message: "The disk reported an error while saving.",
    hint: "Everything shown so far is saved. Check the disk, then try again.",
    reading: {
      code: "database_unavailable",
      message: "The disk reported an error while reading.",
      hint: "Nothing was changed. Check the disk, then try again.",
      retryAfterSeconds: 5,
    },
  },
  {
    // Out of memory, or a fault of its own.
    kind: "refused",
    codes: /^(53...|54...|58...|XX000|SQLITE_NOMEM)$/,
    code: "database_unavailable",
    message: "The database reports an error of its own.",
    hint: "Everything shown so far is saved. Its log says what is wrong; then try again.",
    retryAfterSeconds: 5,
  },
  {
    kind: "refused",
    codes: /^(28...|3D000|42501|42P01|3F000)$/,
    words: /SASL|password must be a string|does not support SSL/i,
    code: "database_unavailable",
    message: "The database refuses the companion.",
    hint: "Check the name, the user, the password and the rights of --database. Everything shown so far is saved.",
    retryAfterSeconds: 5,
  },
  {
    // This process is on its way out.
    kind: "refused",
    codes: NOTHING,
    words:
      /after calling end on the pool|driver has already been destroyed|connection is not open/i,
    ...AWAY,
  },
];

function meaningOf(thrown: unknown): Meaning | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const code = codeOf(thrown);
  const byCode = MEANINGS.find(({ codes }) => code !== "" && codes.test(code));
  return byCode ?? MEANINGS.find(({ words }) => words?.test(thrown.message));
}

/** Undefined: it is not the storage's. */
export function kindOf(thrown: unknown): ErrorKind | undefined {
  if (thrown instanceof NoConnection)
    return kindOf(thrown.cause) === "refused" ? "refused" : "unsent";
  return meaningOf(thrown)?.kind;
}

export function isConflict(thrown: unknown): boolean {
  return kindOf(thrown) === "conflict";
}

/** This connection is of no use any more; another may be. */
export function isConnectionLost(thrown: unknown): boolean {
  const kind = kindOf(thrown);
  return kind === "lost" || kind === "unsent" || kind === "elsewhere";
}

/** It surely left nothing behind. */
export function wasNeverSent(thrown: unknown): boolean {
  const kind = kindOf(thrown);
  return kind === "unsent" || kind === "elsewhere";
}

/** A read changes nothing, so whatever may be over in a moment is worth another try. */
export function mayReadAgain(thrown: unknown): boolean {
  const kind = kindOf(thrown);
  return kind === "conflict" || kind === "io" || isConnectionLost(thrown);
}

/** A server that was asked for its role, and is a standby or does not say. */
export class NotPrimary extends Error {
  readonly isStandby: boolean;
  constructor(isStandby: boolean) {
    super(isStandby ? "the server is a standby" : "query read timeout");
    this.name = "NotPrimary";
    this.isStandby = isStandby;
  }
}

/** `standbys` of the `all` that were asked; the others do not answer. */
export function noPrimary(all: number, standbys: number): Error {
  if (all === 1) return new NotPrimary(standbys === 1);
  const message =
    standbys === 0
      ? `None of the ${all} database servers answers.`
      : `None of the ${all} database servers can be written: ${standbys} of them only let themselves be read.`;
  return new ChatError("database_unavailable", message, {
    hint: STANDBY_HINT,
    retryAfterSeconds: 2,
  });
}

/** No connection could be made, whatever the reason: nothing was sent. */
export class NoConnection extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "NoConnection";
  }
}

/**
 * A `ChatError` for what a driver threw; errors that are not the storage's
 * pass through as they are.
 */
export function toStorageError(thrown: unknown, doing: "reading" | "writing" = "writing"): unknown {
  if (thrown instanceof ChatError) return thrown;
  if (thrown instanceof NoConnection) {
    if (thrown.cause instanceof ChatError) return thrown.cause;
    return explained(meaningOf(thrown.cause) ?? AWAY, thrown.cause);
  }
  const meaning = meaningOf(thrown);
  if (!meaning) return thrown;
  return explained((doing === "reading" && meaning.reading) || meaning, thrown);
}

function explained({ code, message, hint, retryAfterSeconds }: Told, cause: unknown): ChatError {
  const again = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  return new ChatError(code, message, { cause, hint, ...again });
}

/** Whether a driver has met bytes that are no database of its kind. */
export function isDamage(thrown: unknown): boolean {
  const error = toStorageError(thrown);
  return error instanceof ChatError && error.code === "storage_corrupt";
}

/** Of what has to be unique on Postgres, with the name of the constraint. */
function codeOf(thrown: Error): string {
  if (!("code" in thrown) || typeof thrown.code !== "string") return "";
  const isTaken = thrown.code === "23505" && "constraint" in thrown;
  return isTaken ? `${thrown.code} ${String(thrown.constraint)}` : thrown.code;
}
