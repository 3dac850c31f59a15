// Ready means that a write was possible a moment ago, though nobody has written.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";

import { join } from "node:path";
import pg from "pg";
import { Ready } from "../../server/protocol/responses.ts";
import { buildDiskFaults } from "../faults/support/disk-faults.ts";
import { ask, lastOf, until } from "../support/asking.ts";
import { type Companion, startCompanion, withCompanion } from "../support/companion.ts";
import { POSTGRES } from "../support/engines.ts";
import { mountSmallDisk } from "../support/small-disk.ts";

async function problemOf(companion: Companion): Promise<string | undefined> {
  const response = await companion.request("GET", "/readyz");
  const ready = Ready.parse(await response.json());
  assert.equal(response.status, ready.ready ? 200 : 503);
  assert.equal(ready.ready, ready.problem === null);
  return ready.problem?.code;
}

/** What the status bar reads. */
async function failing(companion: Companion): Promise<string | undefined> {
  const metrics = await (await companion.request("GET", "/metrics")).text();
  return /^storage_failing\{code="(\w+)"\} 1$/m.exec(metrics)?.[1];
}

async function probes(companion: Companion): Promise<number> {
  const metrics = await (await companion.request("GET", "/metrics")).text();
  const counts =
    /^sse_transaction_commits_total\{operation="probe_storage",status="success"\} (\d+)$/m;
  return Number(counts.exec(metrics)?.[1] ?? 0);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a companion that nobody writes to", () => {
  it("is not ready while another program holds the file, and is at once when that lets go", () =>
    withCompanion({}, async (companion) => {
      await pause(1_100);
      assert.equal(await problemOf(companion), undefined);
      const file = join(companion.dataDir, "streamkeeper.db");
      const args = ["test/support/planted/lock-database.ts", file];
      const other = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
      try {
        await once(other.stdout, "data");
        await pause(1_100);
        assert.equal(await problemOf(companion), "storage_busy");
        await until(
          "the status bar says it",
          async () => (await failing(companion)) === "storage_busy",
        );
        const ended = once(other, "exit");
        other.stdin.end();
        await ended;
        await until("ready", async () => (await problemOf(companion)) === undefined);
      } finally {
        other.kill();
      }
    })).timeout(60_000);

  it("is not ready on a full disk, and is again when there is room", async function () {
    const disk = mountSmallDisk(16);
    if (!disk) return this.skip();
    const companion = await startCompanion({ dataDir: join(disk.folder, "data"), quick: true });
    try {
      await lastOf((await ask(companion, "Hello")).chunks);
      await pause(2_500);
      assert.equal(await problemOf(companion), undefined);
      disk.fill();
      await until("full", async () => (await problemOf(companion)) === "storage_full");
      assert.equal(await failing(companion), "storage_full");
      disk.free();
      await until("ready", async () => (await problemOf(companion)) === undefined);
    } finally {
      await companion.kill();
      disk.unmount();
    }
  }).timeout(60_000);

  it("is not ready while Postgres lets itself be read only, and is again", async () => {
    const database = await POSTGRES.create();
    const client = new pg.Client({ connectionString: database.flag });
    await client.connect();
    const name = new URL(database.flag).pathname.slice(1);
    try {
      await withCompanion({ args: ["--database", database.flag] }, async (companion) => {
        await pause(1_100);
        assert.equal(await problemOf(companion), undefined);
        await client.query(`alter database "${name}" set default_transaction_read_only = on`);
        await client.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()",
          [name],
        );
        await until("read-only", async () => (await problemOf(companion)) === "storage_readonly");
        await client.query("set default_transaction_read_only = off");
        await client.query(`alter database "${name}" reset default_transaction_read_only`);
        await client.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()",
          [name],
        );
        await until("ready", async () => (await problemOf(companion)) === undefined);
      });
    } finally {
      await client.end();
      await database.remove();
    }
  }).timeout(60_000);

  it("is not ready on a disk that refuses writes, though it was asked and looked at all the time", async function () {
    const disk = buildDiskFaults({ failEvery: 1, error: "EROFS" });
    if (!disk) return this.skip();
    try {
      await withCompanion({ env: disk.env }, async (companion) => {
        // One write of its own, and looks without any: they count for nothing.
        await until("a write", async () => {
          await failing(companion);
          return (await probes(companion)) > 0;
        });
        disk.begin();
        await pause(5_100);
        await failing(companion);
        assert.match((await problemOf(companion)) ?? "ready", /^(storage_readonly|commit_failed)$/);
        disk.end();
        await until("ready", async () => (await problemOf(companion)) === undefined);
      });
    } finally {
      disk.remove();
    }
  }).timeout(60_000);

  it("writes next to nothing, however often it is asked", () =>
    withCompanion({}, async (companion) => {
      const before = await probes(companion);
      const end = performance.now() + 6_500;
      while (performance.now() < end) {
        assert.equal(await problemOf(companion), undefined);
        await pause(50);
      }
      const written = (await probes(companion)) - before;
      assert.ok(written >= 1 && written <= 2, `${written} writes`);
    })).timeout(60_000);
});
