// Whether storing works can be seen from outside, and is noticed by itself when it does again.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { ask, lastOf, until } from "../support/asking.ts";
import { type Companion, withCompanion } from "../support/companion.ts";
import { ENGINES } from "../support/engines.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

/** What `storage_failing` names. */
async function failing(companion: Companion): Promise<string> {
  const metrics = await (await companion.request("GET", "/metrics")).text();
  return [...metrics.matchAll(/^storage_failing\{code="(\w+)"\} 1$/gm)]
    .map(([, code]) => code)
    .join();
}

describe("storing that fails", () => {
  it("is told while another program holds the file, and until it lets go", () =>
    withCompanion({ quick: true }, async (companion) => {
      const { chunks } = await ask(companion, "Hello");
      assert.equal((await lastOf(chunks))?.type, "done");
      assert.equal(await failing(companion), "");
      const file = join(companion.dataDir, "streamkeeper.db");
      const args = ["test/support/planted/lock-database.ts", file];
      const other = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
      try {
        await once(other.stdout, "data");
        await assert.rejects(ask(companion, "Hello"), /503.*storage_busy/);
        assert.equal(await failing(companion), "storage_busy");
        const ended = once(other, "exit");
        other.stdin.end();
        await ended;
        await until("it works again", async () => (await failing(companion)) === "");
        assert.match(companion.output(), /"code":"storage_busy","msg":"nothing can be stored"/);
        assert.match(companion.output(), /storing works again/);
        const sessions = await companion.request("GET", "/v1/sessions");
        const listed = (await sessions.json()) as { sessions: unknown[] };
        assert.equal(listed.sessions.length, 1, "the probe leaves nothing");
      } finally {
        other.kill();
      }
    })).timeout(60_000);

  it("is told while Postgres is away though nobody writes, and until it is back", async () => {
    const database = await ENGINES.find(({ engine }) => engine === "postgres")?.create();
    assert.ok(database);
    const url = new URL(database.flag);
    const proxy = await startTcpProxy(Number(url.port));
    url.port = String(proxy.port);
    try {
      await withCompanion({ args: ["--database", url.href], quick: true }, async (companion) => {
        proxy.onClientData = () => "cut";
        await until("away", async () => (await failing(companion)) === "database_unavailable");
        proxy.onClientData = () => "pass";
        await until("back", async () => (await failing(companion)) === "");
        const { chunks } = await ask(companion, "Hello");
        assert.equal((await lastOf(chunks))?.type, "done");
      });
    } finally {
      await proxy.close();
      await database.remove();
    }
  }).timeout(60_000);
});
