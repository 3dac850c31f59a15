import { existsSync } from "node:fs";
import SQLite from "better-sqlite3";
import { type Dialect, Kysely, PostgresDialect, SqliteDialect } from "kysely";
import pg from "pg";
import { createLog } from "../log.ts";
import { hostsOf } from "../shared/postgres-hosts.ts";
import { nativeBinding } from "./engine/native-binding.ts";
import { createPool, NUMBERS } from "./engine/postgres-pool.ts";
import { createServers } from "./engine/postgres-servers.ts";
import { readingDialect } from "./engine/reading-dialect.ts";
import { withStatementCache } from "./engine/statement-cache.ts";
import type { DatabaseSource } from "./opened-database.ts";
import type { Database } from "./tables/schema.ts";

/**
 * A database that is only read: nothing is made, migrated or locked, so a companion
 * may work on it meanwhile.
 */
export interface ReadonlyDatabase {
  reader: Kysely<Database>;
  close(): Promise<void>;
}

/**
 * Undefined if there is no such file. Errors are those of the driver; many come with
 * the first statement only.
 */
export function openReadonly(source: DatabaseSource): ReadonlyDatabase | undefined {
  if (source.engine === "sqlite") {
    if (!existsSync(source.path)) return undefined;
    const database = openFile(source.path);
    const reader = new Kysely<Database>({ dialect: new SqliteDialect({ database }) });
    return { reader, close: () => closing(reader, () => database.close()) };
  }
  const hosts = hostsOf(source.url);
  if (hosts.length > 1) return lookAtPrimary(hosts, (dialect) => dialect);
  const pool = new pg.Pool({
    connectionString: source.url,
    max: 1,
    connectionTimeoutMillis: 5_000,
    application_name: "streamkeeper doctor",
    types: NUMBERS,
  });
  pool.on("error", () => {});
  const reader = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return { reader, close: () => reader.destroy() };
}

/** The same for what a client has asked for: its errors are told as those of any read. */
export function openReader(source: DatabaseSource): ReadonlyDatabase {
  if (source.engine === "postgres") return lookAtPrimary(hostsOf(source.url), readingDialect);
  const database = openFile(source.path);
  database.pragma("trusted_schema = OFF");
  const dialect = readingDialect(new SqliteDialect({ database: withStatementCache(database) }));
  const reader = new Kysely<Database>({ dialect });
  return { reader, close: () => closing(reader, () => database.close()) };
}

function openFile(path: string): SQLite.Database {
  return new SQLite(path, { readonly: true, timeout: 5_000, ...nativeBinding() });
}

/** Of several servers the one that the companions write to. */
function lookAtPrimary(
  hosts: readonly string[],
  wrap: (dialect: Dialect) => Dialect,
): ReadonlyDatabase {
  const log = createLog("silent");
  const servers = createServers(hosts, log);
  const pool = createPool(servers, 1, log);
  const reader = new Kysely<Database>({ dialect: wrap(new PostgresDialect({ pool })) });
  return { reader, close: () => closing(reader, () => servers.close()) };
}

/** Kysely closes only what it has used. */
async function closing(reader: Kysely<Database>, close: () => void): Promise<void> {
  await reader.destroy();
  close();
}
