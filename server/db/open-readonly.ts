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
    return openFile(source.path, (dialect) => dialect);
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
  return source.engine === "sqlite"
    ? openFile(source.path, readingDialect)
    : lookAtPrimary(hostsOf(source.url), readingDialect);
}

type Wrap = (dialect: Dialect) => Dialect;

function openFile(path: string, wrap: Wrap): ReadonlyDatabase {
  const database = new SQLite(path, { readonly: true, timeout: 5_000, ...nativeBinding() });
  const reader = new Kysely<Database>({ dialect: wrap(new SqliteDialect({ database })) });
  return { reader, close: () => closing(reader, () => database.close()) };
}

/** Of several servers the one that the companions write to. */
function lookAtPrimary(hosts: readonly string[], wrap: Wrap): ReadonlyDatabase {
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
