// Statements with names: fewer words for a server to read, and never a chat that a pool of
// transactions in between would break.
import assert from "node:assert/strict";
import { sql } from "kysely";
import { createPool } from "../../server/db/engine/postgres-pool.ts";
import { createServers } from "../../server/db/engine/postgres-servers.ts";
import { createStatementNames } from "../../server/db/engine/statement-names.ts";
import { insertSession, takeLease } from "../../server/db/tables/sessions.ts";
import { newSession, type OpenTestDatabase, withDatabase } from "../support/database.ts";
import { POSTGRES } from "../support/engines.ts";
import { memoryLog } from "../support/log.ts";
import { startTransactionPool, type TransactionPool } from "../support/transaction-pool.ts";

const CHATS = 30;
const LOST = "a named statement was lost: from now on none has a name";
const POOLED = "the database is behind a pool: statements have no names";

/** Chats that begin and go on at once, as those of a companion do. */
async function talk(open: OpenTestDatabase, names: string, rounds: number): Promise<void> {
  const ids = Array.from({ length: CHATS }, (_, index) => `${names} ${index}`);
  await Promise.all(ids.map((id) => talkIn(open, id, rounds)));
  const stored = await sql<{ id: string; seqs: number[] }>`
    select session_id as id, array_agg(seq::int order by seq) as seqs from chunks
    where session_id like ${`${names} %`} group by session_id`.execute(open.database.reader);
  const whole = Array.from({ length: rounds }, (_, index) => index + 1);
  assert.equal(stored.rows.length, CHATS);
  for (const { id, seqs } of stored.rows) assert.deepEqual(seqs, whole, id);
}

async function talkIn(open: OpenTestDatabase, id: string, rounds: number): Promise<void> {
  const uow = open.uow();
  const fence = await uow.commit("create_session", async (trx) => {
    await insertSession(trx, newSession(id));
    return await takeLease(trx, id, "me");
  });
  for (let after = 0; after < rounds; after++) {
    const rows = [{ type: "assistant_message", payload: "{}" }];
    const append = { sessionId: id, turnId: "turn", fence, after, commitId: `${id} ${after}` };
    await uow.append("append_chunks", { ...append, rows }, () => {});
  }
}

async function throughPool(
  keepsNames: boolean,
  body: (open: OpenTestDatabase, pool: TransactionPool) => Promise<void>,
): Promise<void> {
  let pool: TransactionPool | undefined;
  const create = async () => {
    const test = await POSTGRES.create();
    const url = new URL(test.flag);
    pool = await startTransactionPool(url.href, 4);
    pool.keepsNames = keepsNames;
    const directUrl = url.href;
    url.port = String(pool.port);
    const source = { engine: "postgres", url: url.href, directUrl } as const;
    const remove = async () => {
      await pool?.close();
      await test.remove();
    };
    return { ...test, source, remove };
  };
  await withDatabase({ engine: "postgres", create }, async (open) => {
    assert.ok(pool);
    await body(open, pool);
  });
}

const said = ({ lines }: OpenTestDatabase, message: string) =>
  lines.filter((line) => line.msg === message).length;

/** Of a server's process that a client of the pool is given. */
async function preparedBehind({ database }: OpenTestDatabase): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from pg_prepared_statements`.execute(database.reader);
  return rows[0]?.count ?? Number.NaN;
}

describe("a statement of Postgres", () => {
  it("has a name where it is asked often, and no connection keeps more than a hundred", () =>
    withDatabase(POSTGRES, async ({ test }) => {
      const servers = createServers([test.flag], memoryLog().log);
      const { log } = memoryLog();
      const pool = createPool(servers, 1, log, { names: createStatementNames(log) });
      const client = await pool.connect();
      const kept = async () => {
        const { rows } = await client.query<{ statement: string }>(
          "select statement from pg_prepared_statements",
          [],
        );
        return rows.map(({ statement }) => statement);
      };
      try {
        const ask = async (text: string) => (await client.query<{ n: string }>(text, ["7"])).rows;
        const often = "select $1::text as n";
        await ask("select $1::text || '' as n");
        for (let times = 0; times < 10; times++) assert.deepEqual(await ask(often), [{ n: "7" }]);
        assert.deepEqual(await kept(), [often]);
        for (let index = 0; index < 150; index++) {
          for (let times = 0; times < 6; times++) await ask(`select $1::text as n, ${index}`);
        }
        assert.equal((await kept()).length, 100);
      } finally {
        client.release();
        await pool.end();
        servers.close();
      }
    }));

  it("has none behind a pool that would forget it, and leaves none there", () =>
    throughPool(false, async (open, pool) => {
      await talk(open, "forgetful", 20);
      assert.equal(said(open, POOLED), 1);
      assert.equal(said(open, LOST), 0);
      for (let times = 0; times < 8; times++) assert.equal(await preparedBehind(open), 0);
      // Each connection asks once.
      assert.ok(pool.named.used <= 12, `${pool.named.used} were sent by name`);
    }));

  it("has one behind a pool that keeps it", () =>
    throughPool(true, async (open, pool) => {
      await talk(open, "mindful", 20);
      assert.equal(said(open, POOLED) + said(open, LOST), 0);
      assert.ok(pool.named.used > 2 * CHATS, `${pool.named.used} were sent by name`);
      assert.ok(pool.named.parsed < pool.named.used, `${pool.named.parsed} were read`);
    }));

  it("loses it without a word being lost when such a pool becomes one that forgets", () =>
    throughPool(true, async (open, pool) => {
      await talk(open, "before", 20);
      pool.keepsNames = false;
      await talk(open, "after", 20);
      assert.equal(said(open, LOST), 1);
      const { used } = pool.named;
      await talk(open, "later", 5);
      assert.equal(pool.named.used, used);
    }));

  it("is sent again without it where it was thrown away, or its columns have changed", () =>
    withDatabase(POSTGRES, async (open) => {
      const db = open.database.writer;
      await sql`create table words (id int, said text)`.execute(db);
      await sql`insert into words values (1, 'hello')`.execute(db);
      const read = () =>
        open.uow().commit("update_session", async (trx) => {
          const { rows } = await sql`select * from words where id = ${1}`.execute(trx);
          return rows;
        });
      for (let times = 0; times < 10; times++) await read();
      assert.equal(said(open, LOST), 0);
      await sql`alter table words add column at int default 3`.execute(db);
      assert.deepEqual(await read(), [{ id: 1, said: "hello", at: 3 }]);
      assert.equal(said(open, LOST), 1);
    }));
});
