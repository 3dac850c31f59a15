// A Postgres as the companion uses it: which connections there are, and what each of them is for.
import { Kysely, PostgresDialect, sql } from "kysely";
import { ChatError } from "../errors.ts";
import type { Log } from "../log.ts";
import { hostsOf } from "../shared/postgres-hosts.ts";
import { createInsertGroup } from "./commit/insert-group.ts";
import { createPostgresAppendLog } from "./commit/postgres-append-log.ts";
import { refuseUnfit } from "./engine/check-server.ts";
import { guardDialect, refuseInsideWork } from "./engine/guarded-dialect.ts";
import { createNotifyChannel } from "./engine/notify-channel.ts";
import { DEFAULT_PATIENCE_SECONDS } from "./engine/patience.ts";
import { createPool } from "./engine/postgres-pool.ts";
import { createServers, type Servers } from "./engine/postgres-servers.ts";
import { readingDialect } from "./engine/reading-dialect.ts";
import { createSecondMachine, levelOf, standingOf } from "./engine/second-machine.ts";
import { createStatementNames } from "./engine/statement-names.ts";
import { toStorageError } from "./engine/storage-errors.ts";
import { createStorageHealth } from "./engine/storage-health.ts";
import { migratePostgres } from "./migrate.ts";
import type { DatabaseSource, OpenedDatabase } from "./opened-database.ts";
import type { Database, Reader } from "./tables/schema.ts";

/**
 * In one message with BEGIN, so that no further round trip is needed and transaction-pooling
 * proxies keep them apart.
 */
const POSTGRES_BEGIN =
  "begin; set local statement_timeout = 5000; set local lock_timeout = 2000; " +
  "set local idle_in_transaction_session_timeout = 10000";

/**
 * A limit would end the wait for a synchronous standby with a mere warning: the server then says
 * that it has committed what only this machine has. The client's own patience ends with "nobody
 * knows" instead.
 */
const POSTGRES_COMMIT = "set local statement_timeout = 0; commit";

type PostgresSource = Extract<DatabaseSource, { engine: "postgres" }>;

export async function openPostgres(source: PostgresSource, log: Log): Promise<OpenedDatabase> {
  const { url, directUrl } = source;
  const servers = createServers(hostsOf(url), log);
  const directServers = directUrl === undefined ? servers : createServers(hostsOf(directUrl), log);
  try {
    return await openAt({ servers, directServers }, source, log);
  } catch (thrown) {
    servers.close();
    directServers.close();
    throw thrown;
  }
}

async function openAt(
  { servers, directServers }: { servers: Servers; directServers: Servers },
  source: PostgresSource,
  log: Log,
): Promise<OpenedDatabase> {
  const { patienceSeconds = DEFAULT_PATIENCE_SECONDS, shown } = source;
  if (directServers.hosts > 1) await directServers.ready();
  await refuseUnfit(directServers.url);
  await servers.ready();
  if (directServers !== servers) {
    servers.listen({ onAway: () => directServers.doubt(undefined, directServers.doubts) });
  }
  const direct = createPool(directServers, 1, log);
  let schemaVersion: number;
  const migrating = new Kysely<Database>({ dialect: new PostgresDialect({ pool: direct }) });
  try {
    schemaVersion = await migratePostgres(migrating, directServers.url);
  } finally {
    await migrating.destroy();
  }
  // Not for reads: what a search is best found by depends on its words.
  const names = createStatementNames(log);
  const writer = new Kysely<Database>({
    dialect: guardDialect(new PostgresDialect({ pool: createPool(servers, 10, log, { names }) }), {
      begin: POSTGRES_BEGIN,
      commit: POSTGRES_COMMIT,
    }),
    plugins: [refuseInsideWork],
  });
  const readers = new PostgresDialect({ pool: createPool(servers, 6, log) });
  const reader = new Kysely<Database>({
    dialect: readingDialect(readers),
    plugins: [refuseInsideWork],
  });
  // The same connections; who closes the one closes the other.
  const patientReader = new Kysely<Database>({
    dialect: readingDialect(readers, patienceSeconds),
    plugins: [refuseInsideWork],
  });
  // Its own: a stream that runs never waits behind those that begin.
  const appender = new Kysely<Database>({
    dialect: new PostgresDialect({ pool: createPool(servers, 1, log, { names }) }),
    plugins: [refuseInsideWork],
  });
  const leaseWriter = new Kysely<Database>({
    dialect: guardDialect(new PostgresDialect({ pool: createPool(servers, 1, log, { names }) }), {
      begin: POSTGRES_BEGIN,
      commit: POSTGRES_COMMIT,
    }),
    plugins: [refuseInsideWork],
  });
  const alone = new PostgresDialect({
    pool: createPool(servers, 1, log, { isThere: servers.found }),
  });
  const atOnce = {
    reader: new Kysely<Database>({
      dialect: readingDialect(alone, patienceSeconds),
      plugins: [refuseInsideWork],
    }),
    writer: new Kysely<Database>({
      dialect: guardDialect(alone, { begin: POSTGRES_BEGIN, commit: POSTGRES_COMMIT }),
      plugins: [refuseInsideWork],
    }),
  };
  const peerChannel = createNotifyChannel(directServers, reader, log);
  const health = createStorageHealth();
  const secondMachine = shown === "two_machines" ? createSecondMachine(reader, health) : undefined;
  return {
    engine: "postgres",
    source: () => source,
    health,
    durability: "full",
    schemaVersion,
    writer,
    leaseWriter,
    // Its connections already commit side by side.
    commitGroup: undefined,
    appendLog: createPostgresAppendLog(appender, secondMachine),
    insertGroup: createInsertGroup(writer, secondMachine),
    tail: undefined,
    peerChannel,
    reader,
    patientReader,
    slowReader: reader,
    atOnce,
    patienceSeconds,
    away: servers,
    level: async () =>
      shown === "replicated_storage"
        ? "two_machines"
        : levelOf(await standingOf(reader).catch(() => undefined)),
    secondMachine,
    async ping() {
      await servers.ready(TOLD_SOON_MS).catch((thrown: unknown) => {
        throw toStorageError(thrown, "reading");
      });
      // Of the one that was found: who asks while it is looked for has nothing to doubt.
      const { doubts } = servers;
      try {
        await writable(reader);
      } catch (thrown) {
        // A standby reads on as if nothing had happened.
        servers.doubt(thrown, doubts);
        throw toStorageError(thrown, "reading");
      }
      await secondMachine?.ready().catch((thrown: unknown) => {
        throw toStorageError(thrown);
      });
    },
    async close() {
      servers.close();
      directServers.close();
      await peerChannel.close();
      await reader.destroy();
      await appender.destroy();
      await leaseWriter.destroy();
      await atOnce.writer.destroy();
      await writer.destroy();
    },
  };
}

/** Who asks whether storing works is told what is the matter, not that it takes long. */
const TOLD_SOON_MS = 1_000;

/** A standby, or a server that was told to be read only, answers as well. */
async function writable(reader: Reader): Promise<void> {
  try {
    const { rows } = await sql<{ only: string }>`
      select current_setting('transaction_read_only') as only`.execute(reader);
    if (rows[0]?.only !== "on") return;
  } catch (thrown) {
    throw toStorageError(thrown, "reading");
  }
  throw new ChatError("storage_readonly", "The database cannot be written.", {
    hint: "Everything shown so far is saved. Make the database writable again.",
  });
}
