import { type Kysely, PostgresAdapter } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { ChatError } from "../errors.ts";
import { refuseTransactionPool } from "./engine/check-server.ts";
import { toStorageError } from "./engine/storage-errors.ts";
import * as initial from "./migrations/0001-initial.ts";
import * as searchAndCompaction from "./migrations/0002-search-and-compaction.ts";
import * as tools from "./migrations/0003-tools.ts";
import * as summaries from "./migrations/0004-summaries.ts";
import * as toolOutput from "./migrations/0005-tool-output.ts";
import * as epochsAndSampling from "./migrations/0006-epochs-and-sampling.ts";
import * as heldAnswers from "./migrations/0007-held-answers.ts";
import * as instructions from "./migrations/0008-instructions.ts";
import * as attachments from "./migrations/0009-attachments.ts";
import * as queue from "./migrations/0010-queue.ts";
import * as approvals from "./migrations/0011-approvals.ts";
import * as deletedChats from "./migrations/0012-deleted-chats.ts";
import * as list from "./migrations/0013-list.ts";
import * as titles from "./migrations/0014-titles.ts";
import * as tail from "./migrations/0015-tail.ts";
import * as appendsAlone from "./migrations/0016-appends-alone.ts";
import { differenceOf } from "./sqlite-schema.ts";
import type { Database } from "./tables/schema.ts";

/** Forward only, in this order; static, because a bundle has no folder to read. */
export const MIGRATIONS: Record<string, Migration> = {
  "0001-initial": initial,
  "0002-search-and-compaction": searchAndCompaction,
  "0003-tools": tools,
  "0004-summaries": summaries,
  "0005-tool-output": toolOutput,
  "0006-epochs-and-sampling": epochsAndSampling,
  "0007-held-answers": heldAnswers,
  "0008-instructions": instructions,
  "0009-attachments": attachments,
  "0010-queue": queue,
  "0011-approvals": approvals,
  "0012-deleted-chats": deletedChats,
  "0013-list": list,
  "0014-titles": titles,
  "0015-tail": tail,
  "0016-appends-alone": appendsAlone,
};
const NAMES = Object.keys(MIGRATIONS);
export const NEWEST = NAMES.length;

/**
 * Brings a Postgres to this version under the migrator's lock, in one transaction (Kysely's, since
 * Postgres takes DDL in one). That lock belongs to the database session, so `db` must be a direct
 * connection, not one through a transaction pool, which is refused. A database that a newer version
 * has migrated is refused untouched.
 */
export async function migratePostgres(db: Kysely<Database>, url: string): Promise<number> {
  const { missing, unknown } = await compareSchema(db);
  refuseNewer(unknown);
  if (missing.length === 0) return NEWEST;
  await refuseTransactionPool(url);
  const provider = { getMigrations: () => Promise.resolve(MIGRATIONS) };
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error !== undefined) throw notMigrated(error);
  return NEWEST;
}

export function refuseNewer(unknown: readonly string[]): void {
  if (unknown.length === 0) return;
  throw new ChatError(
    "database_unavailable",
    `This database was made by a newer Streamkeeper (it has ${unknown.join(", ")}). Nothing in it was changed.`,
    { hint: "Update Streamkeeper, or start it with another database." },
  );
}

/** The disk's own troubles keep their code, so that they are told as what they are. */
export function notMigrated(cause: unknown): ChatError {
  const meant = toStorageError(cause);
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ChatError(
    meant instanceof ChatError ? meant.code : "database_unavailable",
    `The database could not be brought to this version: ${why}.`,
    {
      cause,
      hint: "Nothing in it was changed: the steps to a version are one transaction. Remove the cause, then start again.",
    },
  );
}

export interface SchemaState {
  /** What this version would still do to the database. */
  missing: string[];
  /** What a newer version has done. */
  unknown: string[];
  /**
   * On SQLite: tables, columns … of later steps than it says were done, and
   * those it lacks of what was.
   */
  difference: { surplus: string[]; lacking: string[] };
}

/** Changes nothing. */
export async function compareSchema(db: Kysely<Database>): Promise<SchemaState> {
  const applied = await appliedNames(db);
  const missing = NAMES.filter((name) => !applied.includes(name));
  const unknown = applied.filter((name) => !(name in MIGRATIONS));
  // Those before the first that is missing; a record that is lost has others after it.
  const done = missing[0] === undefined ? NEWEST : NAMES.indexOf(missing[0]);
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter;
  const difference =
    isPostgres || unknown.length > 0
      ? { surplus: [], lacking: [] }
      : await differenceOf(db, Object.values(MIGRATIONS), done);
  return { missing, unknown, difference };
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
