import type { Kysely } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { ChatError } from "../errors.ts";
import * as initial from "./migrations/0001-initial.ts";
import * as searchAndCompaction from "./migrations/0002-search-and-compaction.ts";
import * as tools from "./migrations/0003-tools.ts";
import * as summaries from "./migrations/0004-summaries.ts";
import * as toolOutput from "./migrations/0005-tool-output.ts";
import type { Database } from "./tables/schema.ts";

/** Forward only, in this order; static, because a bundle has no folder to read. */
const MIGRATIONS: Record<string, Migration> = {
  "0001-initial": initial,
  "0002-search-and-compaction": searchAndCompaction,
  "0003-tools": tools,
  "0004-summaries": summaries,
  "0005-tool-output": toolOutput,
};
const NEWEST = Object.keys(MIGRATIONS).length;

/**
 * Brings the database to this version under the migrator's lock and returns its schema version.
 * A database that a newer version has migrated is refused untouched. On Postgres the lock belongs to the
 * database session, so `db` must be a direct connection, not one through a transaction pool.
 */
export async function migrate(db: Kysely<Database>): Promise<number> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(MIGRATIONS) },
  });
  const { unknown } = await compareSchema(db);
  if (unknown.length > 0) {
    throw new ChatError(
      "database_unavailable",
      `This database was made by a newer Streamkeeper (it has ${unknown.join(", ")}). Nothing in it was changed.`,
      { hint: "Update Streamkeeper, or start it with another database." },
    );
  }
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) {
    throw new ChatError("database_unavailable", "The database could not be migrated.", {
      cause: error,
      hint: "Nothing was half done: each migration commits whole or not at all.",
    });
  }
  return NEWEST;
}

/** What this version would still do to the database, and what a newer one has done. Changes nothing. */
export async function compareSchema(
  db: Kysely<Database>,
): Promise<{ missing: string[]; unknown: string[] }> {
  const applied = await appliedNames(db);
  return {
    missing: Object.keys(MIGRATIONS).filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !(name in MIGRATIONS)),
  };
}

async function appliedNames(db: Kysely<Database>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === "kysely_migration")) return [];
  const rows = await db
    .withTables<{ kysely_migration: { name: string } }>()
    .selectFrom("kysely_migration")
    .select("name")
    .execute();
  return rows.map((row) => row.name);
}
