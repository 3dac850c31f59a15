// A companion that is started at a Postgres it cannot work with says what is the
// matter, and leaves it as it is.
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { newDataDir, runCompanion } from "../support/companion.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";

describe("a start at a Postgres", function () {
  this.timeout(60_000);
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  async function query<T extends pg.QueryResultRow>(text: string): Promise<T[]> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      return (await client.query<T>(text)).rows;
    } finally {
      await client.end();
    }
  }

  async function startFails(url: string): Promise<string> {
    const dataDir = newDataDir();
    try {
      const run = runCompanion(["--data-dir", dataDir, "--database", url]);
      // One that starts after all would never end.
      const patience = setTimeout(() => run.process.kill(), 20_000);
      const { code } = await run.ended;
      clearTimeout(patience);
      assert.equal(code, 1, run.output());
      return run.output();
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  }

  it("that lets itself only be read", async () => {
    await query("create database frozen");
    await query("alter database frozen set default_transaction_read_only = on");
    const url = new URL(server.url);
    url.pathname = "/frozen";
    assert.match(
      await startFails(url.href),
      /only be read\..*default_transaction_read_only is on/s,
    );
  });

  it("that shows a transaction nothing of what others commit meanwhile", async () => {
    await query("create database still");
    await query("alter database still set default_transaction_isolation = 'repeatable read'");
    const url = new URL(server.url);
    url.pathname = "/still";
    assert.match(await startFails(url.href), /default_transaction_isolation has to be/);
  });

  it("that does not have this database", async () => {
    const url = new URL(server.url);
    url.pathname = "/nowhere";
    assert.match(await startFails(url.href), /refuses the companion/);
  });

  it("that is a standby", async () => {
    const [row] = await query<{ data_directory: string }>("show data_directory");
    writeFileSync(join(row?.data_directory ?? "", "standby.signal"), "", { mode: 0o644 });
    await server.restart("fast");
    assert.match(await startFails(server.url), /is a standby.*address of its primary/s);
  });
});
