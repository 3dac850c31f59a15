import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import pg from "pg";
import { RENEWED_AT_ONCE, renewLeases } from "../../server/db/tables/sessions.ts";
import { type Script, say, stall, text, withChat } from "../support/chat.ts";
import { newSession, type OpenTestDatabase, withDatabase } from "../support/database.ts";
import { ENGINES, POSTGRES } from "../support/engines.ts";

const RUNNING = 4 * RENEWED_AT_ONCE - 50;

async function storeLeased({ database, uow }: OpenTestDatabase, owner: string): Promise<void> {
  await uow().commit("create_session", async (trx) => {
    const rest = { created_at: 0, updated_at: 0, last_seq: 0, lease_fence: 0 };
    const rows = Array.from({ length: RUNNING }, (_, n) => newSession(`s${n}`));
    await trx
      .insertInto("sessions")
      .values(rows.map((row) => ({ ...row, ...rest })))
      .execute();
  });
  // Whoever plans by this expects none of them to be anybody's.
  await sql`analyze sessions`.execute(database.writer);
  await uow().commit("update_session", async (trx) => {
    const lease = { lease_owner: owner, lease_fence: 1, lease_expires_at: 1 };
    await trx.updateTable("sessions").set(lease).execute();
  });
}

for (const engine of ENGINES) {
  describe(`leases on ${engine.engine}`, () => {
    it("are renewed a hundred at a time until all are, whatever is expected of the table", () =>
      withDatabase(engine, async (open) => {
        await storeLeased(open, "a");
        const renewed: string[][] = [];
        do {
          const rows = await open.uow().commit("renew_lease", (trx) => renewLeases(trx, "a"));
          renewed.push(rows.map(({ session_id }) => session_id));
        } while (renewed.at(-1)?.length === RENEWED_AT_ONCE);
        assert.deepEqual(
          renewed.map(({ length }) => length),
          [RENEWED_AT_ONCE, RENEWED_AT_ONCE, RENEWED_AT_ONCE, RUNNING - 3 * RENEWED_AT_ONCE],
        );
        assert.equal(new Set(renewed.flat()).size, RUNNING);
        const nobodys = await open.database.reader
          .selectFrom("sessions")
          .select("id")
          .where("lease_expires_at", "=", 1)
          .execute();
        assert.deepEqual(nobodys, []);
      }));
  });
}

describe("leases on Postgres beside a row that somebody holds", () => {
  it("are renewed, and that one's once it is let go", () =>
    withDatabase(POSTGRES, async (open) => {
      await storeLeased(open, "a");
      const renew = async (): Promise<string[]> => {
        const ids: string[] = [];
        for (let more = true; more; ) {
          const rows = await open.uow().commit("renew_lease", (trx) => renewLeases(trx, "a"));
          ids.push(...rows.map(({ session_id }) => session_id));
          more = rows.length === RENEWED_AT_ONCE;
        }
        return ids;
      };
      const client = new pg.Client({ connectionString: open.test.flag });
      await client.connect();
      try {
        await client.query("begin; update sessions set title = 'held' where id = 's7'");
        const others = await renew();
        assert.deepEqual([others.length, others.includes("s7")], [RUNNING - 1, false]);
      } finally {
        // Its end lets the row go, and what waits for it.
        await client.end();
      }
      assert.deepEqual(await renew(), ["s7"]);
    }));
});

describe("leases on Postgres whose steps wait in line", () => {
  it("or whose reads do, are renewed meanwhile: no other companion takes the answers over", async () => {
    const script: Script = async function* (_request, signal) {
      yield text("a word");
      await stall(signal);
    };
    await withChat(POSTGRES, script, async ({ chat, deps, database }, { flag }) => {
      const turn = await say(chat, "Hello");
      // Ten at a time: the last of them wait for longer than a lease lasts.
      const steps = Array.from({ length: 40 }, () =>
        deps.newUnitOfWork().commit("update_session", async (trx) => {
          await sql`select pg_sleep(2)`.execute(trx);
        }),
      );
      const reads = Array.from({ length: 24 }, () =>
        sql`select pg_sleep(2)`.execute(database.reader),
      );
      await delay(7_000);
      const client = new pg.Client({ connectionString: flag });
      await client.connect();
      const { rows } = await client.query<{ left: string }>(
        "select lease_expires_at - extract(epoch from clock_timestamp()) * 1000 as left from sessions",
      );
      await client.end();
      assert.ok(Number(rows[0]?.left) > 1_000, `${rows[0]?.left} ms are left of the lease`);
      await Promise.all([...steps, ...reads]);
      await deps.turns.cancel(turn.session_id);
    });
  }).timeout(30_000);
});
