// What a SQLite file consists of, and what it should consist of.
import SQLite from "better-sqlite3";
import { Kysely, SqliteDialect, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { nativeBinding } from "./engine/native-binding.ts";
import type { Database } from "./tables/schema.ts";

/** `table plans`, `column plans.id`, `index plans_by_turn`, `trigger …`. */
export type Thing = string;

/**
 * What is there of this version beside, and what is short of, what the first `count` of all
 * migrations make. What others have made is nobody's business.
 */
export async function differenceOf(
  db: Kysely<Database>,
  all: readonly Migration[],
  count: number,
): Promise<{ surplus: Thing[]; lacking: Thing[] }> {
  const is = await thingsIn(db);
  const { things: should } = await thingsOf(all.slice(0, count));
  const { ever } = await thingsOf(all);
  return {
    surplus: [...is].filter((thing) => ever.has(thing) && !should.has(thing)),
    lacking: [...should].filter((thing) => !is.has(thing)),
  };
}

async function thingsIn(db: Kysely<Database>): Promise<Set<Thing>> {
  const { rows } = await sql<{ thing: Thing }>`
    select type || ' ' || name as thing from sqlite_schema
    where name not glob 'sqlite_*' and name not glob 'kysely_*'
    union all
    select 'column ' || tables.name || '.' || columns.name
    from sqlite_schema as tables join pragma_table_xinfo(tables.name) as columns
    where tables.type = 'table' and tables.name not glob 'kysely_*'`.execute(db);
  return new Set(rows.map(({ thing }) => thing));
}

interface Made {
  things: Set<Thing>;
  /** With those that a later one of them has removed or given another name. */
  ever: Set<Thing>;
}

const made = new Map<number, Made>();

/** What the first migrations make; found out in memory, once for each count of them. */
export async function thingsOf(migrations: readonly Migration[]): Promise<Made> {
  const found = made.get(migrations.length) ?? (await make(migrations));
  made.set(migrations.length, found);
  return found;
}

async function make(migrations: readonly Migration[]): Promise<Made> {
  const database = new SQLite(":memory:", nativeBinding());
  const db = new Kysely<Database>({ dialect: new SqliteDialect({ database }) });
  try {
    let things = new Set<Thing>();
    const ever = new Set<Thing>();
    for (const { up } of migrations) {
      await up(db);
      things = await thingsIn(db);
      for (const thing of things) ever.add(thing);
    }
    return { things, ever };
  } finally {
    await db.destroy();
    if (database.open) database.close();
  }
}
