// A database as an earlier version has left it, with something in every table.
import SQLite from "better-sqlite3";
import { Kysely, PostgresDialect, SqliteDialect, sql } from "kysely";
import { Migrator } from "kysely/migration";
import pg from "pg";
import { MIGRATIONS } from "../../server/db/migrate.ts";
import type { DatabaseSource } from "../../server/db/opened-database.ts";

/** The one message in it. */
export const OLD_WORD = "an old Word";

/** Runs the first `count` migrations, each recorded, and stores a row in each table. */
export async function makeOldDatabase(source: DatabaseSource, count: number): Promise<void> {
  const db = connect(source);
  try {
    const first = Object.fromEntries(Object.entries(MIGRATIONS).slice(0, count));
    const provider = { getMigrations: () => Promise.resolve(first) };
    const { error } = await new Migrator({ db, provider }).migrateToLatest();
    if (error !== undefined) throw error;
    await fill(db);
  } finally {
    await db.destroy();
  }
}

function connect(source: DatabaseSource): Kysely<Record<string, Record<string, unknown>>> {
  if (source.engine === "postgres") {
    const pool = new pg.Pool({ connectionString: source.url, max: 1 });
    return new Kysely({ dialect: new PostgresDialect({ pool }) });
  }
  const database = new SQLite(source.path);
  database.pragma("journal_mode = wal");
  database.pragma("synchronous = off");
  return new Kysely({ dialect: new SqliteDialect({ database }) });
}

async function fill(db: ReturnType<typeof connect>): Promise<void> {
  const all = await db.introspection.getTables();
  const left = all.filter(({ name }) => !/^(?:messages|sessions)_search/.test(name));
  // What refers to others comes after them.
  for (let tries = left.length ** 2; left.length > 0; tries--) {
    const table = left.shift();
    if (!table) break;
    // The migration itself has filled it.
    if (await db.selectFrom(table.name).selectAll().limit(1).executeTakeFirst()) continue;
    const row = Object.fromEntries(
      table.columns
        .filter((column) => !column.hasDefaultValue)
        .map(({ name, dataType }) => [name, valueOf(table.name, name, /int/i.test(dataType))]),
    );
    try {
      await db.insertInto(table.name).values(row).execute();
    } catch (thrown) {
      if (tries === 0) throw thrown;
      left.push(table);
      continue;
    }
    if (table.name === "messages" && "search_id" in row && all.length > 0) await index(db);
  }
}

/** Only SQLite's index is filled by the program. */
async function index(db: ReturnType<typeof connect>): Promise<void> {
  const tables = await db.introspection.getTables();
  if (!tables.some(({ name }) => name === "messages_search")) return;
  await sql`insert into messages_search (rowid, text) values (1, ${OLD_WORD.toLowerCase()})`.execute(
    db,
  );
}

const JSON_COLUMNS = new Set(["payload", "metadata", "arguments", "body"]);
const FITTING: Record<string, string | null> = {
  type: "user_message",
  role: "user",
  content: OLD_WORD,
  payload: JSON.stringify({ content: OLD_WORD }),
  depends_on: "[]",
  lease_owner: null,
  cancel_turn_id: null,
  last_commit: null,
  replaced_by: null,
  error_code: null,
};

/** So that `session_id` of any table names the one session that there is. */
function valueOf(table: string, name: string, isNumber: boolean): unknown {
  if (name === "id") return `${table.replace(/s$/, "")}_id`;
  if (name === "lease_expires_at" || name === "undone_at" || name === "deleted_at") return null;
  if (name === "after_seq") return 0;
  if (isNumber) return 1;
  if (name === "status") return table === "turns" ? "done" : "complete";
  if (name in FITTING) return FITTING[name];
  return JSON_COLUMNS.has(name) ? "{}" : name;
}
