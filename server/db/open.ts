import { closeSync, existsSync, openSync } from "node:fs";
import SQLite from "better-sqlite3";
import { Kysely, type LogEvent, PostgresDialect, SqliteDialect, sql } from "kysely";
import { ChatError } from "../errors.ts";
import type { Log } from "../log.ts";
import { APPEND_LANES, type AppendLog, createPostgresAppendLog } from "./commit/append-log.ts";
import { CommitGroup } from "./commit/commit-group.ts";
import { createSqliteAppendLog } from "./commit/sqlite-append-log.ts";
import { WriterGate } from "./commit/writer-gate.ts";
import { guardDialect, refuseInsideWork } from "./engine/guarded-dialect.ts";
import { nativeBinding } from "./engine/native-binding.ts";
import { createHintChannel, type HintChannel } from "./engine/notify-channel.ts";
import { createPool } from "./engine/postgres-pool.ts";
import { readingDialect } from "./engine/reading-dialect.ts";
import { isDamage, toStorageError } from "./engine/storage-errors.ts";
import { migratePostgres } from "./migrate.ts";
import { migrateSqlite } from "./migrate-sqlite.ts";
import type { Database, Reader } from "./tables/schema.ts";
import { foldCase } from "./tables/search.ts";

/** `directUrl`: of the server itself, where `url` leads to a proxy that pools transactions. */
export type DatabaseSource =
  | { engine: "sqlite"; path: string }
  | { engine: "postgres"; url: string; directUrl?: string };

/**
 * `full`: every commit is on the disk before anyone hears of it. `balanced`: so is every step but the deltas of an
 * answer, which survive a crash of any program but not a power cut until the next step.
 */
export const DURABILITIES = ["full", "balanced"] as const;
export type Durability = (typeof DURABILITIES)[number];

export interface OpenedDatabase {
  engine: "sqlite" | "postgres";
  durability: Durability;
  schemaVersion: number;
  /** For units of work only. */
  writer: Kysely<Database>;
  /** Shares physical commits among units of work, where that pays. */
  commitGroup: CommitGroup | undefined;
  /** Where the deltas of all streams are committed together. */
  appendLog: AppendLog;
  /** To other companions on the same database; undefined where there can be none. */
  hints: HintChannel | undefined;
  /** For reads outside of transactions; never waits for a writer. */
  reader: Reader;
  /** Resolves if the database answers a read and a write lock can be had; rejects with `ChatError`. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens and migrates. Rejects with `ChatError` in words for people; the file or server is then untouched.
 * `onDamage` hears of each statement, now or later, that meets a damaged place of a SQLite file.
 */
export async function openDatabase(
  source: DatabaseSource,
  log: Log,
  durability: Durability = "full",
  onDamage: (err: unknown) => void = () => {},
): Promise<OpenedDatabase> {
  try {
    return source.engine === "sqlite"
      ? await openSqlite(source.path, log, durability, onDamage)
      : await openPostgres(source.url, source.directUrl ?? source.url, log);
  } catch (thrown) {
    throw toStorageError(thrown);
  }
}

/** "SKEE": lets tools and us tell our files from others' (https://sqlite.org/pragma.html#pragma_application_id). */
export const APPLICATION_ID = 0x534b4545;

/** Two connections on one WAL file can corrupt it before this version (https://sqlite.org/wal.html#walresetbug). */
const OLDEST_SQLITE = 3_051_003;

/** A wait for a lock blocks the event loop, so it is short; the unit of work tries again without blocking. */
const BUSY_TIMEOUT_MS = 20;

/** A thread moves the WAL into the file (checkpoint-worker.ts); this connection does only if that falls far behind. */
const LATE_CHECKPOINT_PAGES = 131_072;

/** A WAL that a burst has made large is cut to this once it starts again. */
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;

async function openSqlite(
  path: string,
  log: Log,
  durability: Durability,
  onDamage: (err: unknown) => void,
): Promise<OpenedDatabase> {
  const notice = (err: unknown) => {
    if (isDamage(err)) onDamage(err);
  };
  const look = (event: LogEvent) => {
    if (event.level === "error") notice(event.error);
  };
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
    readDatabase.function("fold_case", { deterministic: true }, (text) => foldCase(String(text)));
    const reader = new Kysely<Database>({
      dialect: readingDialect(new SqliteDialect({ database: withStatementCache(readDatabase) })),
      plugins: [refuseInsideWork],
      log: look,
    });
    const gate = new WriterGate();
    const threads = { path, flush: durability === "full" };
    const appendLog = createSqliteAppendLog(threads, gate, notice);
    return {
      engine: "sqlite",
      durability,
      schemaVersion,
      writer,
      commitGroup: new CommitGroup(writer, gate),
      appendLog,
      hints: undefined,
      reader,
      ping: () => pinged(reader),
      async close() {
        await appendLog.close();
        await reader.destroy();
        await writer.destroy();
        if (readDatabase.open) readDatabase.close();
        if (database.open) database.close();
      },
    };
  } catch (thrown) {
    database.close();
    throw thrown;
  }
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

/** Kysely prepares anew for every query; our statements are few, so each is prepared once. */
function withStatementCache(database: SQLite.Database) {
  const prepared = new Map<string, SQLite.Statement>();
  return {
    prepare(text: string): SQLite.Statement {
      let statement = prepared.get(text);
      if (!statement) {
        statement = database.prepare(text);
        // Multi-row inserts differ by their row count; the bound keeps odd sizes from piling up.
        if (prepared.size >= 500) prepared.clear();
        prepared.set(text, statement);
      }
      return statement;
    },
    close: () => database.close(),
  };
}

/** In one message with BEGIN, so that no further round trip is needed and transaction-pooling proxies keep them apart. */
const POSTGRES_BEGIN =
  "begin; set local statement_timeout = 5000; set local lock_timeout = 2000; " +
  "set local idle_in_transaction_session_timeout = 10000";

async function openPostgres(url: string, directUrl: string, log: Log): Promise<OpenedDatabase> {
  const direct = createPool(directUrl, 1, log);
  let schemaVersion: number;
  const migrating = new Kysely<Database>({ dialect: new PostgresDialect({ pool: direct }) });
  try {
    schemaVersion = await migratePostgres(migrating);
  } finally {
    await migrating.destroy();
  }
  const writer = new Kysely<Database>({
    dialect: guardDialect(new PostgresDialect({ pool: createPool(url, 10, log) }), {
      begin: POSTGRES_BEGIN,
    }),
    plugins: [refuseInsideWork],
  });
  const readers = new PostgresDialect({ pool: createPool(url, 6, log) });
  const reader = new Kysely<Database>({
    dialect: readingDialect(readers),
    plugins: [refuseInsideWork],
  });
  // Its own: a stream that runs never waits behind those that begin.
  const appender = new Kysely<Database>({
    dialect: new PostgresDialect({ pool: createPool(url, APPEND_LANES, log) }),
    plugins: [refuseInsideWork],
  });
  const hints = createHintChannel(directUrl, reader, log);
  return {
    engine: "postgres",
    durability: "full",
    schemaVersion,
    writer,
    // Its connections already commit side by side.
    commitGroup: undefined,
    appendLog: createPostgresAppendLog(appender),
    hints,
    reader,
    ping: () => pinged(reader),
    async close() {
      await hints.close();
      await reader.destroy();
      await appender.destroy();
      await writer.destroy();
    },
  };
}

async function pinged(reader: Reader): Promise<void> {
  try {
    await sql`select 1`.execute(reader);
  } catch (thrown) {
    throw toStorageError(thrown);
  }
}
