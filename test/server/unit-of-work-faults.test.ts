// What the Unit of Work does when the database fails it.
import assert from "node:assert/strict";
import SQLite from "better-sqlite3";
import { sql } from "kysely";
import { RecentTransactions } from "../../server/db/commit/recent-transactions.ts";
import { SSEUnitOfWork } from "../../server/db/commit/unit-of-work.ts";
import { openDatabase } from "../../server/db/open.ts";
import { appendChunks, begunAt, committedAt } from "../../server/db/tables/chunks.ts";
import {
  changeSession,
  insertSession,
  sessionRow,
  takeLease,
} from "../../server/db/tables/sessions.ts";
import { ChatError } from "../../server/errors.ts";
import { createMetrics } from "../../server/observe/metrics.ts";
import { until } from "../support/asking.ts";
import {
  metric,
  newSession,
  type OpenTestDatabase,
  sessionIds,
  storeSession,
  withDatabase,
} from "../support/database.ts";
import { ENGINES, type Engine } from "../support/engines.ts";
import { memoryLog } from "../support/log.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

function engineNamed(name: Engine["engine"]): Engine {
  const engine = ENGINES.find((candidate) => candidate.engine === name);
  if (!engine) throw new Error(`no engine ${name}`);
  return engine;
}

/**
 * A simple query message: its type, its length, the text. The word alone also occurs in parameters.
 */
const isCommit = (data: Buffer) => /^Q....(?:[^\0]*; )?commit\0$/is.test(data.toString("latin1"));

const isCode = (code: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof ChatError, String(thrown));
  assert.equal(thrown.code, code);
  return true;
};

describe("unit of work when SQLite fails", () => {
  const engine = engineNamed("sqlite");
  const holdLock = ({ test }: OpenTestDatabase) => {
    if (test.source.engine !== "sqlite") throw new Error("not SQLite");
    const other = new SQLite(test.source.path);
    other.exec("begin immediate");
    return other;
  };

  it("waits for a lock without blocking the event loop, then goes on", async () => {
    await withDatabase(engine, async (open) => {
      const other = holdLock(open);
      const retries = () =>
        metric(open.metrics, "sse_transaction_retries_total", { operation: "create_session" });
      // Looked for in the same event loop: one that is blocked for a lock's sake counts its
      // tries too late. Time decides how often it is tried.
      const goesOn = until("many tries", async () => (await retries()) > 6);
      await Promise.all([storeSession(open, "a"), goesOn.then(() => other.close())]);
      assert.deepEqual(await sessionIds(open), ["a"]);
    });
  });

  it("holds the write lock from its first read on, so nobody comes between reading and writing", async () => {
    await withDatabase(engine, async (open) => {
      const { test } = open;
      await storeSession(open, "a");
      const other = new SQLite(test.source.engine === "sqlite" ? test.source.path : "", {
        timeout: 0,
      });
      await open.uow().commit("update_session", async (trx) => {
        await trx.selectFrom("sessions").select("title").execute();
        assert.throws(() => other.exec("update sessions set title = 'between'"), /locked/);
        await changeSession(trx, "a", { title: "after" });
      });
      other.close();
    });
  });

  it("gives up on a lock that stays, with nothing stored", async () => {
    await withDatabase(engine, async (open) => {
      const other = holdLock(open);
      await assert.rejects(storeSession(open, "a"), isCode("storage_busy"));
      other.close();
      await storeSession(open, "b");
      assert.deepEqual(await sessionIds(open), ["b"]);
    });
  });

  it("stores no half of a step when the disk is full, and goes on when there is room", async () => {
    await withDatabase(engine, async (open) => {
      const { writer } = open.database;
      await storeSession(open, "before");
      const limit = (pages: number) =>
        sql`pragma max_page_count = ${sql.lit(pages)}`.execute(writer);
      await limit(1);
      await assert.rejects(
        open.uow().commit("create_session", async (trx) => {
          await insertSession(trx, newSession("first"));
          const title = "x".repeat(200_000);
          await insertSession(trx, { ...newSession("big"), title }).catch(() => {});
          await insertSession(trx, newSession("after")).catch(() => {});
        }),
        isCode("commit_failed"),
      );
      assert.deepEqual(await sessionIds(open), ["before"]);
      await assert.rejects(
        open
          .uow()
          .commit("create_session", (trx) =>
            insertSession(trx, { ...newSession("big"), title: "x".repeat(200_000) }),
          ),
        isCode("storage_full"),
      );
      await limit(1_000_000);
      await storeSession(open, "room");
      assert.deepEqual(await sessionIds(open), ["before", "room"]);
    });
  });
});

describe("unit of work when Postgres fails", function () {
  this.timeout(60_000);
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  async function opened(url: string) {
    const { log, lines } = memoryLog();
    const metrics = createMetrics("test");
    const database = await openDatabase({ engine: "postgres", url, directUrl: server.url }, log);
    const { writer: db, commitGroup: group, appendLog, insertGroup, tail, health } = database;
    const deps = {
      db,
      group,
      appendLog,
      insertGroup,
      tail,
      health,
      metrics,
      log,
      recent: new RecentTransactions(1),
    };
    return { database, metrics, lines, uow: () => new SSEUnitOfWork(deps) };
  }

  it("survives a restart in the middle of a transaction: one failed attempt, done again", async () => {
    const { database, uow } = await opened(server.url);
    let attempts = 0;
    await uow().commit("create_session", async (trx) => {
      attempts++;
      await insertSession(trx, newSession("restart"));
      if (attempts === 1) await server.restart("immediate");
    });
    assert.equal(attempts, 2);
    const rows = await database.reader.selectFrom("sessions").select("id").execute();
    assert.deepEqual(rows, [{ id: "restart" }]);
    await database.close();
  });

  for (const { when, verdict } of [
    { when: "before it reaches the server", verdict: "cut" },
    { when: "after the server has committed", verdict: "pass then cut" },
  ] as const) {
    it(`finds out what became of an append lost ${when}`, async () => {
      const proxy = await startTcpProxy(Number(new URL(server.url).port));
      const url = new URL(server.url);
      url.port = String(proxy.port);
      const { database, uow } = await opened(url.href);
      const id = `append-${verdict.replaceAll(" ", "-")}`;
      const fence = await uow().commit("create_session", async (trx) => {
        await insertSession(trx, newSession(id));
        return await takeLease(trx, id, "me");
      });
      let cuts = 0;
      proxy.onClientData = (data) => {
        if (cuts > 0 || !data.includes("insert into chunks")) return "pass";
        cuts++;
        return verdict;
      };
      const rows = [{ type: "assistant_message", payload: "{}" }];
      const append = { sessionId: id, turnId: "turn", fence, after: 0, commitId: "marker-2", rows };
      const published: number[] = [];
      await uow().append("append_chunks", append, ({ lastSeq }) => published.push(lastSeq));
      assert.equal(cuts, 1);
      assert.deepEqual(published, [1], "published once");
      const stored = await database.reader
        .selectFrom("chunks")
        .select("seq")
        .where("session_id", "=", id)
        .execute();
      assert.deepEqual(stored, [{ seq: 1 }], "stored once");
      await database.close();
      await proxy.close();
    });

    it(`finds out what became of new chats whose COMMIT was lost ${when}`, async () => {
      const proxy = await startTcpProxy(Number(new URL(server.url).port));
      const url = new URL(server.url);
      url.port = String(proxy.port);
      const { database, uow } = await opened(url.href);
      const ids = [1, 2, 3].map((n) => `new-${n}-${verdict.replaceAll(" ", "-")}`);
      let cuts = 0;
      proxy.onClientData = (data) => {
        if (cuts > 0 || !isCommit(data)) return "pass";
        cuts++;
        return verdict;
      };
      const published: string[] = [];
      await Promise.all(
        ids.map((id) => {
          const row = { ...newSession(id), last_seq: 0, lease_fence: 0, last_commit: `of ${id}` };
          return uow().insert(
            "create_session",
            { sessions: [sessionRow(row)] },
            () => published.push(id),
            (trx) => begunAt(trx, id, `of ${id}`),
          );
        }),
      );
      assert.equal(cuts, 1, "one COMMIT for all");
      assert.deepEqual(published.toSorted(), ids, "each published once");
      const stored = await database.reader
        .selectFrom("sessions")
        .select("id")
        .where("id", "in", ids)
        .orderBy("id")
        .execute();
      assert.deepEqual(
        stored,
        ids.map((id) => ({ id })),
        "stored once",
      );
      await database.close();
      await proxy.close();
    });

    it(`finds out what became of a COMMIT lost ${when}`, async () => {
      const proxy = await startTcpProxy(Number(new URL(server.url).port));
      const url = new URL(server.url);
      url.port = String(proxy.port);
      const { database, uow, metrics } = await opened(url.href);
      const id = `lost-${verdict.replaceAll(" ", "-")}`;
      await uow().commit("create_session", (trx) => insertSession(trx, newSession(id)));
      let cuts = 0;
      proxy.onClientData = (data) => {
        if (cuts > 0 || !isCommit(data)) return "pass";
        cuts++;
        return verdict;
      };
      const writer = { sessionId: id, turnId: undefined, fence: undefined };
      const published: number[] = [];
      await uow().commit(
        "append_chunks",
        async (trx, afterCommit) => {
          const { chunks } = await appendChunks(
            trx,
            writer,
            [{ type: "assistant_message", token: "once" }],
            "marker-1",
          );
          afterCommit(() => published.push(...chunks.map((chunk) => chunk.seq)));
        },
        async (trx) => (await committedAt(trx, id, "marker-1")) !== undefined,
      );
      assert.equal(cuts, 1);
      assert.deepEqual(published, [1], "published once");
      const rows = await database.reader
        .selectFrom("chunks")
        .select("seq")
        .where("session_id", "=", id)
        .execute();
      assert.deepEqual(rows, [{ seq: 1 }], "stored once");
      assert.equal(
        await metric(metrics, "sse_transaction_commits_total", {
          operation: "append_chunks",
          status: "success",
        }),
        1,
      );
      await database.close();
      await proxy.close();
    });
  }

  it("reports an unknown outcome when nobody can read it back", async () => {
    const proxy = await startTcpProxy(Number(new URL(server.url).port));
    const url = new URL(server.url);
    url.port = String(proxy.port);
    const { database, uow } = await opened(url.href);
    proxy.onClientData = (data) => (isCommit(data) ? "pass then cut" : "pass");
    await assert.rejects(
      uow().commit("create_session", (trx) => insertSession(trx, newSession("unknown"))),
      isCode("commit_outcome_unknown"),
    );
    await database.close();
    await proxy.close();
  });

  it("does a deadlock's victim again", async () => {
    const { database, uow, metrics } = await opened(server.url);
    for (const id of ["d1", "d2"]) {
      await uow().commit("create_session", (trx) => insertSession(trx, newSession(id)));
    }
    const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    const cross = (first: string, second: string, mine: 0 | 1) =>
      uow().commit("update_session", async (trx) => {
        await changeSession(trx, first, { title: `${first} by ${mine}` });
        both[mine].resolve();
        await both[mine === 0 ? 1 : 0].promise;
        await changeSession(trx, second, { title: `${second} by ${mine}` });
      });
    await Promise.all([cross("d1", "d2", 0), cross("d2", "d1", 1)]);
    const rows = await database.reader
      .selectFrom("sessions")
      .select("title")
      .where("id", "in", ["d1", "d2"])
      .execute();
    const writers = new Set(rows.map((row) => row.title.slice(-1)));
    assert.equal(writers.size, 1, "the later transaction wrote both rows");
    const retries = await metric(metrics, "sse_transaction_retries_total", {
      operation: "update_session",
    });
    assert.ok(retries >= 1);
    await database.close();
  });

  it("says that the database is away, and goes on when it is back", async () => {
    const proxy = await startTcpProxy(Number(new URL(server.url).port));
    const url = new URL(server.url);
    url.port = String(proxy.port);
    const { database, uow } = await opened(url.href);
    proxy.onClientData = () => "cut";
    await assert.rejects(
      uow().commit("create_session", (trx) => insertSession(trx, newSession("away"))),
      isCode("database_unavailable"),
    );
    proxy.onClientData = () => "pass";
    await uow().commit("create_session", (trx) => insertSession(trx, newSession("back")));
    await database.close();
    await proxy.close();
  });
});
