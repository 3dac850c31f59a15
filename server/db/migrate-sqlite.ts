// The tables of a SQLite file, made and changed in one transaction: all of them and their
// records, or nothing. Versions before this one had none: a kill or a full disk left the first
// statements of a migration without its record, and nothing could start on the file. Such a file
// is brought to this version all the same: what a statement would make and is there is left as
// it is, with what is in it.
import type SQLite from "better-sqlite3";
import { Kysely, type SqliteDatabase, SqliteDialect } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { ChatError } from "../errors.ts";
import type { Log } from "../log.ts";
import { compareSchema, MIGRATIONS, NEWEST, notMigrated, refuseNewer } from "./migrate.ts";
import { differenceOf, type Thing, thingsOf } from "./sqlite-schema.ts";
import type { Database } from "./tables/schema.ts";

/**
 * Its tables are in a state that no run of migrations leads out of; its rows can still be salvaged.
 */
export class UnmendableSchema extends ChatError {}

/** Returns the schema version. Rejects with `ChatError`; the file is then as it was. */
export async function migrateSqlite(database: SQLite.Database, log: Log): Promise<number> {
  const { missing, unknown, difference } = await compareSchema(asKysely(database));
  refuseNewer(unknown);
  if (missing.length === 0) return NEWEST;
  const { surplus, lacking } = difference;
  const isCutOff = surplus.length > 0 || lacking.length > 0;
  if (isCutOff) {
    log.warn({ missing, surplus, lacking }, "an upgrade of the database was cut off; it goes on");
  }
  database.exec("begin immediate");
  try {
    await migrateInside(database, missing, surplus, isCutOff);
    database.exec("commit");
  } catch (thrown) {
    // A full disk has ended it by itself.
    if (database.inTransaction) database.exec("rollback");
    if (thrown instanceof ChatError) throw thrown;
    throw isCutOff ? unmendable(messageOf(thrown), thrown) : notMigrated(thrown);
  }
  return NEWEST;
}

async function migrateInside(
  database: SQLite.Database,
  missing: readonly string[],
  surplus: readonly Thing[],
  isCutOff: boolean,
): Promise<void> {
  const db = asKysely(isCutOff ? tolerant(database, new Set(surplus)) : database);
  const migrations = isCutOff ? await withoutComplete(missing, surplus) : MIGRATIONS;
  const provider = { getMigrations: () => Promise.resolve(migrations) };
  const migrator = new Migrator({ db, provider, allowUnorderedMigrations: isCutOff });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  if (!isCutOff) return;
  const { lacking } = await differenceOf(db, Object.values(MIGRATIONS), NEWEST);
  if (lacking.length > 0) throw unmendable(`it still lacks ${lacking.slice(0, 5).join(", ")}`);
}

function unmendable(why: string, cause?: unknown): UnmendableSchema {
  return new UnmendableSchema(
    "database_unavailable",
    `An upgrade of the database was cut off, and it cannot be finished: ${why}.`,
    {
      cause,
      hint: "Nothing in it was changed. `npm run doctor -- --repair` sets the file aside and brings its rows into a new one.",
    },
  );
}

/** Not destroyed after use: that would close the connection, which is the caller's. */
function asKysely(database: SqliteDatabase): Kysely<Database> {
  return new Kysely<Database>({ dialect: new SqliteDialect({ database }) });
}

/**
 * One that a later one has built on was done to its end: only its record is missing, and
 * doing it again might undo.
 */
async function withoutComplete(
  missing: readonly string[],
  surplus: readonly Thing[],
): Promise<Record<string, Migration>> {
  const all = Object.values(MIGRATIONS);
  const { things: everything } = await thingsOf(all);
  const entries = await Promise.all(
    Object.entries(MIGRATIONS).map(async ([name, migration], index) => {
      const { things: until } = await thingsOf(all.slice(0, index + 1));
      const isBuiltOn = surplus.some((thing) => everything.has(thing) && !until.has(thing));
      const isComplete = missing.includes(name) && isBuiltOn;
      return [name, isComplete ? { up: () => Promise.resolve() } : migration] as const;
    }),
  );
  return Object.fromEntries(entries);
}

const DONE: SqliteStatement = {
  reader: false,
  all: () => [],
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
  iterate: () => [][Symbol.iterator](),
};
type SqliteStatement = ReturnType<SqliteDatabase["prepare"]>;

/** Leaves out what is done already. `found`: what was there before the first statement. */
function tolerant(database: SQLite.Database, found: ReadonlySet<Thing>): SqliteDatabase {
  const has = (thing: Thing) => found.has(thing);
  return {
    prepare(text) {
      const { virtual, made, column, gone, renamed, filled } = partsOf(text);
      // It is made from the tables; what a first part of its rows are, nobody knows.
      if (virtual !== undefined && has(`table ${virtual}`))
        database.exec(`drop table "${virtual}"`);
      else if (made !== undefined && has(made)) return DONE;
      if (column !== undefined && has(column)) return DONE;
      if (renamed !== undefined && has(renamed)) return DONE;
      if (gone !== undefined && !isThere(database, gone)) return DONE;
      const isKept = filled !== undefined && has(`table ${filled}`) && !isVirtual(database, filled);
      return database.prepare(isKept ? text.replace(/insert/i, "insert or ignore") : text);
    },
    close: () => {},
  };
}

interface Parts {
  virtual: string | undefined;
  made: Thing | undefined;
  column: Thing | undefined;
  gone: string | undefined;
  renamed: Thing | undefined;
  filled: string | undefined;
}

const NAME = `["\`[]?(\\w+)["\`\\]]?`;
const IF = "(?:if (?:not )?exists )?";
const VIRTUAL = new RegExp(`^create virtual table ${IF}${NAME}`, "i");
const MADE = new RegExp(`^create (?:unique )?(table|index|trigger|view) ${IF}${NAME}`, "i");
const COLUMN = new RegExp(`^alter table ${NAME} add (?:column )?${NAME}`, "i");
const GONE = new RegExp(`^drop (?:table|index|trigger|view) ${IF}${NAME}`, "i");
const RENAMED = new RegExp(`^alter table ${NAME} rename to ${NAME}`, "i");
const FILLED = new RegExp(`^insert into ${NAME}`, "i");

/** What a statement of a migration is about. */
function partsOf(text: string): Parts {
  const statement = text.trim().replaceAll(/\s+/g, " ");
  const virtual = VIRTUAL.exec(statement)?.[1];
  const [, kind, name] = MADE.exec(statement) ?? [];
  const [, table, added] = COLUMN.exec(statement) ?? [];
  const [, , newName] = RENAMED.exec(statement) ?? [];
  return {
    virtual,
    made: kind === undefined ? undefined : `${kind.toLowerCase()} ${name}`,
    column: table === undefined ? undefined : `column ${table}.${added}`,
    gone: GONE.exec(statement)?.[1],
    renamed: newName === undefined ? undefined : `table ${newName}`,
    filled: FILLED.exec(statement)?.[1],
  };
}

function isThere(database: SQLite.Database, name: string): boolean {
  return database.prepare("select 1 from sqlite_schema where name = ?").get(name) !== undefined;
}

function isVirtual(database: SQLite.Database, name: string): boolean {
  const find = database.prepare<[string], string>("select sql from sqlite_schema where name = ?");
  return /^create virtual/i.test(find.pluck().get(name) ?? "");
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
