import { closeSync, existsSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import SQLite from "better-sqlite3";
import { Kysely, type LogEvent, SqliteDialect, sql } from "kysely";
import { ChatError } from "../errors.ts";
import type { Log } from "../log.ts";
import { CommitGroup } from "./commit/commit-group.ts";
import { createSettling } from "./commit/settle.ts";
import { createSqliteAppendLog } from "./commit/sqlite-append-log.ts";
import { Tail } from "./commit/tail.ts";
import { WriterGate } from "./commit/writer-gate.ts";
import { type Taken, watchFiles } from "./engine/file-watch.ts";
import { guardDialect, refuseInsideWork } from "./engine/guarded-dialect.ts";
import { nativeBinding } from "./engine/native-binding.ts";
import { NEVER_AWAY } from "./engine/postgres-servers.ts";
import { readingDialect } from "./engine/reading-dialect.ts";
import { readingThreadDialect } from "./engine/reading-thread.ts";
import { withStatementCache } from "./engine/statement-cache.ts";
import { isConflict, isDamage, toStorageError } from "./engine/storage-errors.ts";
import { createStorageHealth } from "./engine/storage-health.ts";
import { isLogAlone } from "./engine/write-ahead-log.ts";
import { migrateSqlite } from "./migrate-sqlite.ts";
import { openPostgres } from "./open-postgres.ts";
import type { DatabaseSource, Durability, OpenedDatabase } from "./opened-database.ts";
import type { Database, Reader } from "./tables/schema.ts";

export interface Notices {
  /** A statement has met a damaged place. */
  onDamage?: (err: unknown) => void;
  /**
   * A file was deleted, moved, replaced or overwritten, and nothing is committed any more. Resolves
   * with where all of it has been saved, if it could be.
   */
  onTaken?: (taken: Taken) => Promise<{ saved: string; what: "all" | "put" } | undefined>;
}

/**
 * Opens and migrates. Rejects with `ChatError` in words for people; the file or server is then
 * untouched. Of a SQLite file, `notices` hears what happens to it later.
 */
export async function openDatabase(
  source: DatabaseSource,
  log: Log,
  durability: Durability = "full",
  notices: Notices = {},
): Promise<OpenedDatabase> {
  try {
    return source.engine === "sqlite"
      ? await openSqlite(source.path, log, durability, notices)
      : await openPostgres(source, log);
  } catch (thrown) {
    throw toStorageError(thrown);
  }
}

/**
 * "SKEE": lets tools and us tell our files from others'
 * (https://sqlite.org/pragma.html#pragma_application_id).
 */
export const APPLICATION_ID = 0x534b4545;

/**
 * Two connections on one WAL file can corrupt it before this version
 * (https://sqlite.org/wal.html#walresetbug).
 */
const OLDEST_SQLITE = 3_051_003;

/**
 * A wait for a lock blocks the event loop, so it is short; the unit of work
 * tries again without blocking.
 */
const BUSY_TIMEOUT_MS = 20;

/** Of the look whether the database can be written. */
const MAX_LOCK_TRIES = 15;

/**
 * A thread moves the WAL into the file (checkpoint-worker.ts); this connection does only
 * if that falls far behind.
 */
const LATE_CHECKPOINT_PAGES = 131_072;

/** A WAL that a burst has made large is cut to this once it starts again. */
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;

const KEY = "session_id = old.session_id and seq = old.seq";
const SETTLED_ONLY = `
  create temp view chunks as select session_id, seq, turn_id, type, payload from settled_chunks;
  create temp trigger chunks_insert instead of insert on chunks begin
    insert into settled_chunks (session_id, seq, turn_id, type, payload)
    values (new.session_id, new.seq, new.turn_id, new.type, new.payload);
  end;
  create temp trigger chunks_update instead of update on chunks begin
    update settled_chunks set session_id = new.session_id, seq = new.seq, turn_id = new.turn_id,
      type = new.type, payload = new.payload where ${KEY};
  end;
  create temp trigger chunks_delete instead of delete on chunks begin
    delete from settled_chunks where ${KEY};
  end;
`;

async function openSqlite(
  path: string,
  log: Log,
  durability: Durability,
  { onDamage, onTaken }: Notices,
): Promise<OpenedDatabase> {
  const notice = (err: unknown) => {
    if (isDamage(err)) onDamage?.(err);
  };
  const look = (event: LogEvent) => {
    if (event.level === "error") notice(event.error);
  };
  if (isLogAlone(path)) {
    throw new ChatError("storage_corrupt", `${path} is empty beside a log that is not.`, {
      hint: "It was not opened, since that would delete the log. `npm run doctor -- --repair` brings back what is in it.",
    });
  }
  // SQLite makes files that every user may read; -wal and -shm take their mode from this one.
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));

  const database = new SQLite(path, { timeout: BUSY_TIMEOUT_MS, ...nativeBinding() });
  try {
    checkSqlite(database, path);
    // What compaction frees goes back to the disk; takes effect in a new file only.
    database.pragma("auto_vacuum = INCREMENTAL");
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    database.pragma("trusted_schema = OFF");
    database.pragma(`journal_size_limit = ${WAL_LIMIT_BYTES}`);
    database.pragma(`wal_autocheckpoint = ${LATE_CHECKPOINT_PAGES}`);

    const writer = new Kysely<Database>({
      dialect: guardDialect(new SqliteDialect({ database: withStatementCache(database) }), {
        // A plain BEGIN that later writes fails at once with BUSY_SNAPSHOT, whatever the timeout.
        begin: "begin immediate",
        inTransaction: () => database.inTransaction,
      }),
      plugins: [refuseInsideWork],
      log: look,
    });
    const schemaVersion = await migrateSqlite(database, log);
    database.pragma(`application_id = ${APPLICATION_ID}`);

    const readDatabase = new SQLite(path, { readonly: true, timeout: 1_000, ...nativeBinding() });
    readDatabase.pragma("trusted_schema = OFF");
    const reader = new Kysely<Database>({
      dialect: readingDialect(new SqliteDialect({ database: withStatementCache(readDatabase) })),
      plugins: [refuseInsideWork],
      log: look,
    });
    const gate = new WriterGate();
    const threads = { path, flush: durability === "full" };
    const tail = openTail(database, writer, log);
    const appendLog = createSqliteAppendLog(threads, gate, tail, notice);
    let gone: (() => ChatError) | undefined;
    const slowReader = new Kysely<Database>({
      dialect: readingDialect(readingThreadDialect(path, () => gone?.())),
      plugins: [refuseInsideWork],
      log: look,
    });
    const health = createStorageHealth();
    const files = watchFiles(path, (taken) => {
      health.failed("storage_gone");
      let error = takenError(taken.what, undefined);
      gone = () => error;
      void gate.shut(gone, async () => {
        error = takenError(taken.what, await onTaken?.({ ...taken, save: appendLog.save }));
      });
    });
    return {
      engine: "sqlite",
      source() {
        if (gone) throw gone();
        return { engine: "sqlite", path };
      },
      health,
      durability,
      schemaVersion,
      writer,
      leaseWriter: writer,
      commitGroup: new CommitGroup(writer, gate, tail),
      appendLog,
      // All steps of a moment share a commit.
      insertGroup: undefined,
      tail,
      peerChannel: undefined,
      reader,
      patientReader: reader,
      slowReader,
      atOnce: undefined,
      patienceSeconds: 0,
      away: NEVER_AWAY,
      level: () => Promise.resolve("one_machine" as const),
      secondMachine: undefined,
      async ping() {
        if (gone) throw gone();
        await pinged(reader);
        await gate.with(() => lockable(database));
      },
      async close() {
        await appendLog.close();
        await reader.destroy();
        await slowReader.destroy();
        await writer.destroy();
        if (readDatabase.open) readDatabase.close();
        if (database.open) database.close();
        files.stop();
      },
    };
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/**
 * What a companion that died has left is settled before anybody else writes. From here on `chunks`
 * is what is settled on this connection: see tail.ts.
 */
function openTail(database: SQLite.Database, writer: Kysely<Database>, log: Log): Tail {
  const settling = createSettling(database);
  database.exec("begin immediate");
  try {
    const { rows, holes } = settling.settleAll();
    database.exec("commit");
    if (rows > 0) log.info({ rows }, "words that were not in their logs yet are there now");
    if (holes.length > 0) log.warn({ sessions: holes }, "logs have holes; the doctor fills them");
  } catch (thrown) {
    if (database.inTransaction) database.exec("rollback");
    throw thrown;
  }
  database.exec(SETTLED_ONLY);
  return new Tail(settling, (work) => writer.transaction().execute(() => Promise.resolve(work())));
}

function takenError(
  what: string,
  kept: { saved: string; what: "all" | "put" } | undefined,
): ChatError {
  return new ChatError(
    "storage_gone",
    `The database was taken away while the companion runs: ${what}.`,
    {
      hint:
        kept === undefined
          ? "Nothing is saved or shown any more. Put the file back if you have it, or a backup, and restart the companion."
          : kept.what === "all"
            ? `Nothing is saved or shown any more. All that was shown is kept in ${kept.saved}; restart the companion, which puts it back.`
            : `Nothing is saved or shown any more. The database that was copied over ours is kept in ${kept.saved}; restart the companion, which goes on with it and sets aside what is left of ours.`,
    },
  );
}

/** Changes nothing: a transaction that is not used. */
async function lockable(database: SQLite.Database): Promise<void> {
  if (database.inTransaction) return;
  for (let tries = 0; !database.inTransaction; tries++) {
    try {
      database.exec("begin immediate");
    } catch (thrown) {
      // Somebody else writes at this moment.
      if (!isConflict(thrown) || tries === MAX_LOCK_TRIES) throw toStorageError(thrown);
      await delay(BUSY_TIMEOUT_MS);
    }
  }
  database.exec("rollback");
}

function checkSqlite(database: SQLite.Database, path: string): void {
  const version = String(database.prepare("select sqlite_version()").pluck().get());
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  if (major * 1_000_000 + minor * 1_000 + patch < OLDEST_SQLITE) {
    throw new ChatError("internal", `SQLite ${version} is too old to be safe; 3.51.3 is needed.`);
  }
  const id = Number(database.pragma("application_id", { simple: true }));
  const tables = Number(database.prepare("select count(*) from sqlite_schema").pluck().get());
  if (id !== APPLICATION_ID && !(id === 0 && tables === 0) && !isOurs(database)) {
    throw new ChatError("database_unavailable", `${path} is a database of another program.`, {
      hint: "It was not changed. Start with another --database.",
    });
  }
}

/** A file of ours whose first start was cut off between the migration and the mark. */
function isOurs(database: SQLite.Database): boolean {
  const count = database
    .prepare("select count(*) from sqlite_schema where name in ('kysely_migration', 'sessions')")
    .pluck()
    .get();
  return Number(count) > 0;
}

async function pinged(reader: Reader): Promise<void> {
  try {
    await sql`select 1`.execute(reader);
  } catch (thrown) {
    throw toStorageError(thrown);
  }
}
