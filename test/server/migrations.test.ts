// A migration that is cut off anywhere, as versions did it that had no transaction around
// it, and as this one does.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import SQLite from "better-sqlite3";
import { Kysely, type SqliteDatabase, SqliteDialect, sql } from "kysely";
import { MIGRATIONS } from "../../server/db/migrate.ts";
import { migrateSqlite, UnmendableSchema } from "../../server/db/migrate-sqlite.ts";
import { openDatabase } from "../../server/db/open.ts";
import { checkDatabase } from "../../server/doctor/check/check-database.ts";
import { query, tamper } from "../support/damage.ts";
import { SQLITE } from "../support/engines.ts";
import { memoryLog } from "../support/log.ts";
import { makeOldDatabase } from "../support/old-database.ts";

const NAMES = Object.keys(MIGRATIONS);
const TABLES =
  "select name from sqlite_schema where type in ('table', 'view') and name not glob 'sqlite_*'";

const makeOld = (path: string, count: number) => makeOldDatabase({ engine: "sqlite", path }, count);

class Cut extends Error {}

/**
 * Runs one migration as old versions did, each statement for good, up to `statements`;
 * returns how many there were.
 */
async function runOld(path: string, name: string, statements = Number.POSITIVE_INFINITY) {
  const database = new SQLite(path);
  database.pragma("synchronous = off");
  let count = 0;
  const counting: SqliteDatabase = {
    prepare(text) {
      if (count === statements) throw new Cut();
      count++;
      return database.prepare(text);
    },
    close: () => database.close(),
  };
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: counting }) });
  try {
    await MIGRATIONS[name]?.up(db);
  } catch (thrown) {
    if (!(thrown instanceof Cut)) throw thrown;
  } finally {
    database.close();
  }
  return count;
}

/**
 * All rows of all tables that are there, but for columns that a migration may fill. Those of the
 * tail are moved by each start.
 */
function rowsOf(path: string): Record<string, unknown[]> {
  const tables = query<{ name: string }>(path, TABLES).map(({ name }) => name);
  const own = tables.filter((name) => !/^kysely|^tail$|^(?:messages|sessions)_search/.test(name));
  return Object.fromEntries(own.map((name) => [name, query(path, `select * from ${name}`)]));
}

async function assertWhole(path: string, before: Record<string, unknown[]>): Promise<void> {
  const database = await openDatabase({ engine: "sqlite", path }, memoryLog().log);
  try {
    for (const [table, rows] of Object.entries(before)) {
      const now = rowsOf(path)[table] ?? [];
      // A table that was empty may be one that the migration fills itself.
      if (rows.length === 0) continue;
      assert.equal(now.length, rows.length, `${table} has all its rows`);
      assert.partialDeepStrictEqual(now, withoutNulls(rows), table);
    }
    assert.deepEqual(
      query<{ name: string }>(path, "select name from kysely_migration order by name").map(
        ({ name }) => name,
      ),
      NAMES,
    );
    if ((before["messages"] ?? []).length > 0) {
      const { rows } = await sql`
        select rowid from messages_search where messages_search match '"wor"'`.execute(
        database.reader,
      );
      assert.deepEqual(rows, [{ rowid: 1 }], "each message is found once");
    }
  } finally {
    await database.close();
  }
  const { damage, findings } = await checkDatabase({ engine: "sqlite", path }, false);
  assert.equal(damage, "none");
  assert.ok(!findings.some(({ check }) => check === "schema"), JSON.stringify(findings));
}

function withoutNulls(rows: unknown[]): unknown[] {
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row as object).filter(([, value]) => value !== null)),
  );
}

async function withFile(body: (path: string) => Promise<void>): Promise<void> {
  const test = await SQLITE.create();
  try {
    if (test.source.engine === "sqlite") await body(test.source.path);
  } finally {
    await test.remove();
  }
}

describe("a migration that an older version left half done", () => {
  for (const [index, name] of NAMES.entries()) {
    it(`is finished, whichever statement of ${name} was the last, with all that is stored`, async () => {
      let statements = 0;
      let problems = 0;
      for (let cut = 0; cut === 0 || cut <= statements; cut++) {
        await withFile(async (path) => {
          await makeOld(path, index);
          if (cut === 0) statements = await countOf(index);
          await runOld(path, name, cut);
          const before = rowsOf(path);
          if (cut > 0) {
            const { findings } = await checkDatabase({ engine: "sqlite", path }, false);
            const told = findings.filter(({ check }) => check === "schema");
            assert.equal(told.length, 1);
            if (told[0]?.what.startsWith("An upgrade was cut off")) problems++;
          }
          await assertWhole(path, before).catch((thrown: unknown) => {
            throw new Error(`cut after statement ${cut} of ${statements}`, { cause: thrown });
          });
        });
      }
      assert.equal(problems, statements, "the doctor sees each");
    });

    it(`is known to be whole where only the record of ${name} and of those after it is gone`, () =>
      withFile(async (path) => {
        await makeOld(path, NAMES.length);
        const before = rowsOf(path);
        // As the program has indexed it.
        tamper(path, "update messages set search_id = 1");
        tamper(path, `delete from kysely_migration where name >= '${name}'`);
        await assertWholeButSearch(path, before);
      }));

    it(`is known to be whole where only the record of ${name} is gone`, () =>
      withFile(async (path) => {
        await makeOld(path, NAMES.length);
        const before = rowsOf(path);
        tamper(path, `delete from kysely_migration where name = '${name}'`);
        await assertWholeButSearch(path, before);
      }));
  }

  it("is told with its cause where it cannot be finished, and nothing is changed; its rows can be salvaged", () =>
    withFile(async (path) => {
      await makeOld(path, 2);
      // Of somebody else, under a name of ours.
      tamper(path, "create table plans (whatever text)", "insert into plans values ('x')");
      const before = rowsOf(path);
      await assert.rejects(
        openDatabase({ engine: "sqlite", path }, memoryLog().log),
        (thrown) =>
          thrown instanceof UnmendableSchema &&
          /cannot be finished: no such column/.test(thrown.message),
      );
      assert.deepEqual(rowsOf(path), before);
      const folder = path.replace(/\/[^/]+$/, "");
      const args = ["server/main.ts", "doctor", "--data-dir", folder, "--database", path];
      const said = execFileSync(process.execPath, [...args, "--repair"], { encoding: "utf8" });
      assert.match(said, /set-aside-.*Brought back 1 session, 1 message/s);
      assert.equal(query(path, "select content from messages").length, 1);
    }));
});

async function assertWholeButSearch(path: string, before: Record<string, unknown[]>) {
  const database = await openDatabase({ engine: "sqlite", path }, memoryLog().log);
  await database.close();
  for (const [table, rows] of Object.entries(before)) {
    assert.equal(rowsOf(path)[table]?.length, rows.length, table);
  }
  assert.equal(query(path, "select name from kysely_migration").length, NAMES.length);
}

async function countOf(index: number): Promise<number> {
  let count = 0;
  await withFile(async (path) => {
    await makeOld(path, index);
    count = await runOld(path, NAMES[index] ?? "");
  });
  return count;
}

describe("a migration that fails", () => {
  it("leaves a file as it was, whichever statement it is", async () => {
    const statements = await failAt(Number.POSITIVE_INFINITY);
    assert.ok(statements > 30, `${statements} statements`);
    for (let cut = 1; cut <= statements; cut++) await failAt(cut);
  });
});

/** Upgrades a file of the first version; returns how many statements were asked for. */
async function failAt(cut: number): Promise<number> {
  let count = 0;
  await withFile(async (path) => {
    await makeOld(path, 1);
    const before = rowsOf(path);
    const schema = query(path, "select * from sqlite_schema");
    const database = new SQLite(path);
    const prepare = database.prepare.bind(database);
    Object.assign(database, {
      prepare(text: string) {
        if (!/^\s*select/i.test(text) && ++count === cut) throw new Error("planted");
        return prepare(text);
      },
    });
    const migrating = migrateSqlite(database, memoryLog().log);
    if (cut === Number.POSITIVE_INFINITY) await migrating;
    else await assert.rejects(migrating, /planted/);
    database.close();
    if (cut !== Number.POSITIVE_INFINITY) {
      assert.deepEqual(query(path, "select * from sqlite_schema"), schema);
      assert.deepEqual(rowsOf(path), before);
    }
    await assertWhole(path, before);
  });
  return count;
}
