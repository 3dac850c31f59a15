// Many ask for few connections: nobody is told that a server which answers is dead, and streams
// that run do not wait behind those that begin.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { createPool } from "../../server/db/engine/postgres-pool.ts";
import { createServers } from "../../server/db/engine/postgres-servers.ts";
import { changeSession, insertSession, takeLease } from "../../server/db/tables/sessions.ts";
import { newSession, storeSession, withDatabase } from "../support/database.ts";
import { POSTGRES } from "../support/engines.ts";
import { memoryLog } from "../support/log.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

describe("connections to Postgres", () => {
  it("are waited for as long as work gets done, and never by the chunks of an answer", () =>
    withDatabase(POSTGRES, async (open) => {
      const fence = await open.uow().commit("create_session", async (trx) => {
        await insertSession(trx, newSession("runs"));
        return await takeLease(trx, "runs", "me");
      });
      const ids = Array.from({ length: 21 }, (_, index) => `begins ${index}`);
      for (const id of ids) await storeSession(open, id);
      let done = 0;
      // Ten connections: the last of these waits for six seconds.
      const begin = Promise.all(
        ids.map(async (id) => {
          await open.uow().commit("update_session", async (trx) => {
            await changeSession(trx, id, { title: "begun" });
            await delay(3_000);
          });
          done++;
        }),
      );
      await delay(500);
      const rows = [{ type: "assistant_message", payload: "{}" }];
      const append = {
        sessionId: "runs",
        turnId: "turn",
        fence,
        commitId: "marker",
        after: 0,
        rows,
      };
      await open.uow().append("append_chunks", append, () => {});
      assert.equal(done, 0, "the chunk came before all that began");
      await begin;
      assert.equal(done, ids.length);
    }));

  it("that cannot be had are told to all who wait at once", () =>
    withDatabase(POSTGRES, async ({ test }) => {
      if (test.source.engine !== "postgres") throw new Error("not Postgres");
      const url = new URL(test.source.url);
      const proxy = await startTcpProxy(Number(url.port));
      url.port = String(proxy.port);
      const servers = createServers([url.href], memoryLog().log);
      const pool = createPool(servers, 2, memoryLog().log);
      try {
        proxy.onClientData = () => "drop";
        const started = performance.now();
        const asked = await Promise.allSettled(Array.from({ length: 40 }, () => pool.connect()));
        const seconds = (performance.now() - started) / 1000;
        for (const one of asked) assert.equal(one.status, "rejected");
        assert.ok(seconds < 9, `they were told after ${seconds} s, one connection takes five`);

        proxy.onClientData = () => "pass";
        const clients = await Promise.all([pool.connect(), pool.connect()]);
        const third = pool.connect();
        for (const client of clients) client.release();
        (await third).release();
      } finally {
        servers.close();
        await pool.end();
        await proxy.close();
      }
    }));
});
