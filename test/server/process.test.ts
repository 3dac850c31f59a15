// The process contract: flags, files, the one companion of a data directory, and its end.
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import SQLite from "better-sqlite3";
import {
  type Ended,
  newDataDir,
  runCompanion,
  startCompanion,
  withCompanion,
} from "../support/companion.ts";

const PLANTED = "sk-planted-0123456789abcdef";

describe("the companion's process", () => {
  const dirs: string[] = [];
  const dataDir = () => {
    const dir = newDataDir();
    dirs.push(dir);
    return dir;
  };
  after(() => {
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  });

  it("says in one line what is wrong with its flags, and exits with 2", async () => {
    for (const args of [
      ["--nope"],
      ["--port", "99999"],
      ["--port", "abc"],
      ["--context-windows", "ollama/qwen3:8b"],
      ["--context-windows", "ollama/qwen3:8b=8192,nobody=many"],
      ["--model", "nonsense"],
      ["--idle-exit", "soon"],
      ["--host", "0.0.0.0"],
      ["--database", "mysql://x"],
      ["--database-direct", "postgres://localhost/x"],
      ["--database", "postgres://localhost/x", "--database-direct", "postgres://db.example/x"],
      ["--database", "postgres://localhost,db.example/x"],
      ["--database", "postgres://localhost:1,localhost:99999/x"],
      ["--database", "postgres://localhost,localhost/x?port=1,2,3"],
      ["--database", "postgres://localhost,localhost/x?target_session_attrs=standby"],
      ["--database", "postgres://localhost/x", "--database-patience", "for ever"],
      ["--log-level", "loud"],
      ["extra"],
    ]) {
      const run = runCompanion(["--data-dir", dataDir(), ...args]);
      assert.equal((await run.ended).code, 2, args.join(" "));
      assert.match(run.output(), /^streamkeeper: [^\n]+\n$/, args.join(" "));
    }
    const env = runCompanion(["--data-dir", dataDir()], { STREAMKEEPER_PORT: "x" });
    assert.equal((await env.ended).code, 2);
    const help = runCompanion(["--help"]);
    assert.equal((await help.ended).code, 0);
    assert.match(help.output(), /--idle-exit/);
    const version = runCompanion(["--version"]);
    await version.ended;
    assert.match(version.output(), /^\d+\.\d+\.\d+\n$/);
  }).timeout(60_000);

  it("keeps its files to this user, whatever the mask, and takes them away at its end", async () => {
    const dir = dataDir();
    chmodSync(dir, 0o755);
    const companion = await startCompanion({ dataDir: dir });
    assert.equal(statSync(dir).mode & 0o777, 0o700);
    for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      assert.equal(mode, entry.isDirectory() ? 0o700 : 0o600, entry.name);
    }
    const targets = JSON.parse(readFileSync(join(dir, "prometheus/targets.json"), "utf8"));
    assert.deepEqual(targets[0].targets, [`127.0.0.1:${companion.port}`]);
    assert.deepEqual(await companion.stop(), { code: 0, signal: null });
    assert.equal(existsSync(join(dir, "server.json")), false);
    assert.equal(existsSync(join(dir, "prometheus/targets.json")), false);
    const again = await startCompanion({ dataDir: dir });
    assert.equal(again.token, companion.token, "tokens outlive a restart");
    await again.stop();
  }).timeout(30_000);

  it("does not trust a token that others could have put there", async () => {
    const dir = dataDir();
    writeFileSync(join(dir, "token"), "A".repeat(43), { mode: 0o644 });
    const elsewhere = join(dataDir(), "victim");
    writeFileSync(elsewhere, "untouched");
    symlinkSync(elsewhere, join(dir, "metrics_token"));
    const companion = await startCompanion({ dataDir: dir });
    assert.notEqual(companion.token, "A".repeat(43));
    assert.equal(readFileSync(elsewhere, "utf8"), "untouched");
    await companion.stop();
    const link = join(dataDir(), "link");
    symlinkSync(dir, link);
    const refused = runCompanion(["--data-dir", link]);
    assert.equal((await refused.ended).code, 2);
    assert.match(refused.output(), /not a directory/);
  }).timeout(30_000);

  it("is alone in its data directory, and a second start says who is there", () =>
    withCompanion({}, async (companion) => {
      const second = runCompanion(["--data-dir", companion.dataDir]);
      assert.equal((await second.ended).code, 3);
      const { pid } = companion.process;
      assert.match(second.output(), new RegExp(`companion ${pid} at ${companion.url}`));
    })).timeout(30_000);

  it("ends as one when many start at the same time", async () => {
    const dir = dataDir();
    const runs = Array.from({ length: 6 }, () => runCompanion(["--data-dir", dir]));
    const ends = await Promise.all(runs.map(started));
    assert.equal(ends.filter((end) => end === "ready").length, 1);
    assert.equal(ends.filter((end) => end !== "ready" && end.code === 3).length, 5);
    for (const run of runs) run.process.kill("SIGKILL");
    await Promise.all(runs.map((run) => run.ended));
  }).timeout(60_000);

  it("takes over after kill -9", async () => {
    const dir = dataDir();
    const first = await startCompanion({ dataDir: dir });
    await first.kill();
    assert.ok(existsSync(join(dir, "server.json")), "the dead one's file is still there");
    const second = await startCompanion({ dataDir: dir });
    assert.notEqual(second.process.pid, first.process.pid);
    await second.stop();
  }).timeout(30_000);

  it("ends itself when it is not used", async () => {
    const companion = await startCompanion({ dataDir: dataDir(), args: ["--idle-exit", "1"] });
    assert.deepEqual(await companion.ended, { code: 0, signal: null });
  }).timeout(30_000);

  it("does not touch a database that is not its own, or newer", async () => {
    const dir = dataDir();
    const foreign = join(dir, "other.db");
    const other = new SQLite(foreign);
    other.exec("create table theirs (id int)");
    other.close();
    const before = readFileSync(foreign);
    const refused = runCompanion(["--data-dir", join(dir, "data"), "--database", foreign]);
    assert.equal((await refused.ended).code, 1);
    assert.match(refused.output(), /database of another program/);
    assert.deepEqual(readFileSync(foreign), before);

    const garbage = join(dir, "garbage.db");
    writeFileSync(garbage, "this is not a database".repeat(1000));
    const damaged = runCompanion(["--data-dir", join(dir, "data"), "--database", garbage]);
    assert.equal((await damaged.ended).code, 1);
    assert.match(damaged.output(), /damaged/);
  }).timeout(30_000);

  it("keeps keys in memory: not in the database, the log or an error", async () => {
    const dir = dataDir();
    mkdirSync(dir, { recursive: true });
    const args = ["--log-level", "debug"];
    const env = { OPENAI_API_KEY: PLANTED, OPENAI_BASE_URL: "http://127.0.0.1:1/v1" };
    const companion = await startCompanion({ dataDir: dir, args, env });
    const put = await companion.request("PUT", "/v1/keys/anthropic", { key: `${PLANTED}-2` });
    assert.equal(put.status, 204);
    const body = { model: "openai/gpt-5", message: { type: "user_message", content: "hi" } };
    const answer = await companion.request("POST", "/v1/messages/stream", body);
    const text = await answer.text();
    assert.match(text, /upstream_unreachable/);
    await companion.stop();
    assert.ok(!text.includes(PLANTED));
    assert.ok(!companion.output().includes(PLANTED));
    for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      assert.ok(!readFileSync(join(entry.parentPath, entry.name)).includes(PLANTED), entry.name);
    }
  }).timeout(60_000);
});

/** How a companion started, or ended before it had. */
async function started(run: ReturnType<typeof runCompanion>): Promise<"ready" | Ended> {
  while (run.process.exitCode === null) {
    if (run.output().includes('"msg":"ready"')) return "ready";
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return await run.ended;
}
