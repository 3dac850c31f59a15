// The tables as the program believes them to be, against the real ones.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { sql } from "kysely";
import { openDatabase } from "../../server/db/open.ts";
import { ChatError } from "../../server/errors.ts";
import { withDatabase } from "../support/database.ts";
import { ENGINES } from "../support/engines.ts";
import { memoryLog } from "../support/log.ts";

interface Column {
  name: string;
  type: "text" | "bigint";
  nullable: boolean;
}

/**
 * Read from the source, since types are gone at run time: one interface per
 * table, one line per column.
 */
function declaredTables(): Map<string, Column[]> {
  const source = readFileSync("server/db/tables/schema.ts", "utf8");
  const columnsOf = new Map<string, Column[]>();
  for (const [, name, body] of source.matchAll(/export interface (\w+Table) \{([\s\S]*?)\n\}/g)) {
    const lines = [...(body ?? "").matchAll(/^ {2}(\w+): ([^;]+);/gm)];
    const columns = lines.map(([, column = "", type = ""]): Column => {
      const isNumber = /\b(number|Milliseconds)\b/.test(type);
      return { name: column, type: isNumber ? "bigint" : "text", nullable: /\bnull\b/.test(type) };
    });
    columnsOf.set(name ?? "", columns);
  }
  const database = /export interface Database \{([\s\S]*?)\n\}/.exec(source)?.[1] ?? "";
  const tables = new Map<string, Column[]>();
  for (const [, table = "", type = ""] of database.matchAll(/^ {2}(\w+): (\w+);/gm)) {
    tables.set(table, columnsOf.get(type) ?? []);
  }
  return tables;
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);

for (const engine of ENGINES) {
  describe(`schema on ${engine.engine}`, () => {
    it("has exactly the tables and columns that the types declare", () =>
      withDatabase(engine, async ({ database }) => {
        const declared = declaredTables();
        assert.ok(declared.size >= 6);
        const all = await database.writer.introspection.getTables();
        // The full-text indexes are no tables of the program's, nor are their own.
        const tables = all.filter(
          ({ name, isView }) => !isView && !/^(?:messages|sessions)_search/.test(name),
        );
        const isSqlite = engine.engine === "sqlite";
        // There a view of two tables; of the second only the appending thread knows.
        const real = tables
          .filter(({ name }) => !isSqlite || name !== "tail")
          .map((table) => (table.name === "settled_chunks" ? { ...table, name: "chunks" } : table));
        assert.equal(real.length, tables.length - (isSqlite ? 1 : 0));
        assert.deepEqual(
          real.map((table) => table.name).toSorted(),
          [...declared.keys()].toSorted(),
        );
        for (const table of real) {
          const columns = table.columns.map((column): Column => {
            const isNumber = /int/i.test(column.dataType);
            const type = isNumber ? "bigint" : "text";
            return { name: column.name, type, nullable: column.isNullable };
          });
          assert.deepEqual(
            columns.toSorted(byName),
            declared.get(table.name)?.toSorted(byName),
            table.name,
          );
        }
      }));

    it("opens again what it made, and refuses a newer database untouched", async () => {
      const test = await engine.create();
      const { log } = memoryLog();
      const first = await openDatabase(test.source, log);
      await first.close();
      const second = await openDatabase(test.source, log);
      await sql`insert into kysely_migration (name, timestamp) values ('9999-future', 'x')`.execute(
        second.writer,
      );
      await second.close();
      await assert.rejects(openDatabase(test.source, log), (thrown) => {
        assert.ok(thrown instanceof ChatError);
        assert.match(thrown.message, /newer Streamkeeper.*9999-future/);
        return true;
      });
      await test.remove();
    });

    it("migrates once when two companions start together", async () => {
      const test = await engine.create();
      const { log } = memoryLog();
      const both = await Promise.allSettled([
        openDatabase(test.source, log),
        openDatabase(test.source, log),
      ]);
      const opened = both.filter((result) => result.status === "fulfilled");
      // On SQLite the leader lock lets one companion in at a time; Postgres must cope by itself.
      if (engine.engine === "postgres") assert.equal(opened.length, 2);
      assert.ok(opened.length >= 1);
      for (const { value } of opened) await value.close();
      await test.remove();
    });
  });
}
