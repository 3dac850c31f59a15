// Reads that take long have a thread of their own on SQLite.
import assert from "node:assert/strict";
import { sql } from "kysely";
import { isDamage } from "../../server/db/engine/storage-errors.ts";
import { insertSession } from "../../server/db/tables/sessions.ts";
import { newSession, withDatabase } from "../support/database.ts";
import { SQLITE } from "../support/engines.ts";

/** Some hundred milliseconds of nothing but SQLite. */
const LONG = sql<{ n: number }>`
  with recursive counted(n) as (select 1 union all select n + 1 from counted where n < 1000000)
  select max(n) as n from counted`;

describe("A read that takes long", () => {
  it("lets commits and other reads through meanwhile", async () => {
    await withDatabase(SQLITE, async ({ database, uow }) => {
      let isOver = false;
      const long = LONG.execute(database.slowReader).then(({ rows }) => {
        isOver = true;
        return rows;
      });
      await uow().commit("create_session", (trx) => insertSession(trx, newSession("s")));
      await sql`select 1`.execute(database.reader);
      assert.ok(!isOver);
      assert.deepEqual(await long, [{ n: 1_000_000 }]);
    });
  });

  it("gives what a short one gives, bytes and what was committed just before it", async () => {
    await withDatabase(SQLITE, async ({ database, uow }) => {
      for (const id of ["a", "b"]) {
        await uow().commit("create_session", (trx) => insertSession(trx, newSession(id)));
        const query = sql`select id, x'00ff' as bytes, null as empty from sessions order by id`;
        const slow = await query.execute(database.slowReader);
        assert.deepEqual(slow.rows, (await query.execute(database.reader)).rows);
        assert.ok(
          slow.rows.some((row) => Object(row).id === id && Buffer.isBuffer(Object(row).bytes)),
        );
      }
    });
  });

  it("fails as a short one does, and the next does not", async () => {
    await withDatabase(SQLITE, async ({ database }) => {
      const wrong = sql`select * from not_there`;
      const told = async (reader: typeof database.reader): Promise<unknown> => {
        try {
          return await wrong.execute(reader);
        } catch (error) {
          return error;
        }
      };
      const [slow, short] = [await told(database.slowReader), await told(database.reader)];
      assert.ok(slow instanceof Error && short instanceof Error);
      assert.equal(slow.message, short.message);
      assert.ok(!isDamage(slow));
      const write = sql`delete from sessions`.execute(database.slowReader);
      await assert.rejects(write);
      assert.deepEqual((await sql`select 1 as one`.execute(database.slowReader)).rows, [
        { one: 1 },
      ]);
    });
  });

  it("fails when the database is closed meanwhile", async () => {
    let failed: Promise<void> | undefined;
    await withDatabase(SQLITE, async ({ database }) => {
      failed = assert.rejects(LONG.execute(database.slowReader));
      await sql`select 1`.execute(database.reader);
    });
    await failed;
  });
});
