// Attacks by another user of the machine, and what could give a secret away, by their
// ids in docs/security.md.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type Agent, get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProvenAgent } from "../../extension/companion/proven-agent.ts";
import { type Companion, newDataDir, runCompanion, startCompanion } from "../support/companion.ts";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const KEY = "sk-planted-KEY-0123456789abcdef";
const CANARY = "a canary sentence that nobody logs";

describe("attacks by another user of the machine", function () {
  this.timeout(60_000);
  const dirs: string[] = [];
  after(() => {
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  });
  function scratch(): string {
    const dir = newDataDir();
    dirs.push(dir);
    return dir;
  }

  it("L1 another user reads no file and gets in without a token nowhere", async function () {
    if (!isRoot) return this.skip();
    const dataDir = scratch();
    const companion = await startCompanion({ dataDir });
    try {
      await say(companion, CANARY);
      const files = filesOf(dataDir);
      assert.ok(files.some((file) => file.endsWith("streamkeeper.db-wal")));
      // The folder above it is open to all, as /home is.
      for (const file of files) {
        const reading = spawnSync("cat", [file], { uid: NOBODY, gid: NOBODY });
        assert.notEqual(reading.status, 0, file);
        assert.equal(reading.stdout.length, 0, file);
      }
      assert.equal((await fetch(`${companion.url}/v1/sessions`)).status, 401);
    } finally {
      await companion.kill();
    }
  });

  it("L2 no secret stands in a command line", async () => {
    const companion = await startCompanion({ dataDir: scratch(), env: { OPENAI_API_KEY: KEY } });
    try {
      const line = readFileSync(`/proc/${companion.process.pid}/cmdline`, "utf8");
      for (const secret of [KEY, companion.token, companion.metricsToken]) {
        assert.ok(!line.includes(secret));
      }
      assert.equal(statSync(`/proc/${companion.process.pid}/environ`).mode & 0o077, 0);
    } finally {
      await companion.kill();
    }
  });

  it("L3 a data directory that others prepared is closed to them, or refused", async () => {
    const open = scratch();
    chmodSync(open, 0o777);
    const companion = await startCompanion({ dataDir: open });
    await companion.stop();
    assert.equal(statSync(open).mode & 0o777, 0o700);

    const linked = scratch();
    const victim = join(scratch(), "victim");
    writeFileSync(victim, "{}");
    symlinkSync(victim, join(linked, "server.json"));
    const again = await startCompanion({ dataDir: linked });
    await again.stop();
    assert.equal(readFileSync(victim, "utf8"), "{}");

    if (!isRoot) return;
    const foreign = scratch();
    chownSync(foreign, NOBODY, NOBODY);
    const refused = runCompanion(["--data-dir", foreign]);
    assert.equal((await refused.ended).code, 2, refused.output());
    assert.match(refused.output(), /belongs to another user/);
  });

  it("L4 whoever takes the port after a crash hears no token", async () => {
    const companion = await startCompanion({ dataDir: scratch() });
    const { port, token } = companion;
    const { agent } = createProvenAgent({ host: "127.0.0.1", port }, token);
    assert.equal(await statusFrom(agent, port, token), 200);
    await companion.kill();
    let heard = "";
    const thief = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (data) => {
        heard += data.toString();
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
      });
    });
    await new Promise<void>((resolve) => thief.listen(port, "127.0.0.1", resolve));
    try {
      for (let n = 0; n < 5; n++) await assert.rejects(statusFrom(agent, port, token));
    } finally {
      agent.destroy();
      await new Promise((resolve) => thief.close(resolve));
    }
    assert.match(heard, /GET \/v1\/hello/);
    assert.doesNotMatch(heard, /authorization/i);
    assert.ok(!heard.includes(token));
  });

  it("L7 a crash leaves nothing that others could read", async () => {
    const dataDir = scratch();
    const companion = await startCompanion({ dataDir });
    await say(companion, CANARY);
    companion.process.kill("SIGABRT");
    await companion.ended;
    const others = filesOf(dataDir).filter((file) => (statSync(file).mode & 0o077) !== 0);
    assert.deepEqual(others, []);
    const reports = readdirSync(".").filter((name) => /^(report\.|Heap\.|core)/.test(name));
    assert.deepEqual(reports, []);
  });

  it("C4 a folder that is named like a command is a folder", async () => {
    const above = scratch();
    const dataDir = join(above, "$(touch pwned); `touch pwned` \"'& x");
    mkdirSync(dataDir);
    const companion = await startCompanion({ dataDir });
    await say(companion, "hello");
    await companion.stop();
    assert.deepEqual(readdirSync(above).length, 1);
    for (const place of [above, dataDir, "."]) assert.ok(!existsSync(join(place, "pwned")));
  });

  it("L6 files are this user's whatever the mask", async () => {
    for (const mask of ["000", "022", "077"]) {
      const dataDir = scratch();
      // A shell sets the mask; the companion is its only command.
      const run = spawnSync(
        "sh",
        [
          "-c",
          `umask ${mask}; ${process.execPath} server/main.ts --data-dir ${dataDir} --idle-exit 1 > /dev/null;` +
            `${process.execPath} server/main.ts doctor --data-dir ${dataDir} --backup > /dev/null`,
        ],
        { timeout: 20_000 },
      );
      assert.equal(run.status, 0, run.stderr.toString());
      for (const file of filesOf(dataDir))
        assert.equal(statSync(file).mode & 0o077, 0, `${mask}: ${file}`);
    }
  });
});

describe("files with secrets", function () {
  this.timeout(60_000);

  it("L6 are closed to others from their first byte on, not by a change of mode afterwards", async () => {
    const dataDir = newDataDir();
    const module = "./test/support/planted/no-chmod.ts";
    const run = runCompanion(
      ["--data-dir", dataDir, "--idle-exit", "1"],
      {},
      { node: ["--import", module] },
    );
    await run.ended;
    const files = filesOf(dataDir);
    assert.ok(files.length > 0);
    for (const file of files) assert.equal(statSync(file).mode & 0o077, 0, file);
    rmSync(dataDir, { recursive: true, force: true });
  });
});

describe("secrets", function () {
  this.timeout(60_000);

  it("G1 G2 G3 are in no file, no answer, no metric and no log, nor is a chat in a log", async () => {
    const dataDir = newDataDir();
    const password = "pg-planted-PASSWORD";
    const env = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: "http://127.0.0.1:1/v1" };
    const companion = await startCompanion({ dataDir, env });
    const heard: string[] = [];
    const hear = async (response: Promise<Response>) => heard.push(await (await response).text());
    const put = (provider: string, body: unknown) =>
      hear(companion.request("PUT", `/v1/keys/${provider}`, body));
    try {
      await put("anthropic", { key: `${KEY}-anthropic` });
      await put("openai", { key: `${KEY}\nnewline` });
      await put("nobody", { key: KEY });
      await put("openai", { key: KEY, base_url: "not a url" });
      for (const model of ["openai/gpt-5", "anthropic/claude", "demo/demo", `${KEY}/x`]) {
        const body = {
          model,
          message: { type: "user_message", content: `${CANARY}\n\u001b[31m{"level":"error"}` },
        };
        await hear(companion.request("POST", "/v1/messages/stream", body));
      }
      for (const path of [
        "/metrics",
        "/readyz",
        "/v1/models",
        "/v1/sessions",
        "/v1/agents",
        "/nowhere",
      ]) {
        await hear(companion.request("GET", path));
      }
      await hear(companion.request("POST", "/v1/sessions", { title: 7, token: companion.token }));
    } finally {
      await companion.stop();
    }
    const refused = runCompanion([
      "--data-dir",
      join(dataDir, "other"),
      "--database",
      `postgres://u:${password}@127.0.0.1:1/x`,
    ]);
    assert.notEqual((await refused.ended).code, 0);

    const secrets = [KEY, companion.token, companion.metricsToken, password];
    const own = new Set([join(dataDir, "token"), join(dataDir, "metrics_token")]);
    for (const file of filesOf(dataDir)) {
      if (own.has(file) || /other\/(metrics_)?token$/.test(file)) continue;
      const bytes = readFileSync(file);
      for (const secret of secrets) {
        // What a person has typed as a model's name is chat, not a secret that leaked:
        // nothing of it may be stored.
        assert.ok(!bytes.includes(secret), `${file} has ${secret.slice(0, 12)}…`);
      }
    }
    const logs = companion.output() + refused.output();
    for (const secret of secrets)
      assert.ok(!logs.includes(secret), `the log has ${secret.slice(0, 12)}…`);
    assert.ok(!logs.includes(CANARY), "no chat in the log");
    for (const line of companion.output().split("\n").filter(Boolean)) JSON.parse(line);
    const answers = heard.join("\n").replaceAll(`${KEY}/x`, "the model's name as it was asked for");
    for (const secret of [...secrets])
      assert.ok(!answers.includes(secret), `an answer has ${secret.slice(0, 12)}…`);
    rmSync(dataDir, { recursive: true, force: true });
  });

  it("C6 C7 a database that is none, another program's, or another machine's in the open, is refused", async () => {
    const folder = mkdtempSync(join(tmpdir(), "streamkeeper-config-"));
    try {
      mkdirSync(join(folder, "directory"));
      for (const [database, said] of [
        ["/dev/zero", /./],
        [join(folder, "directory"), /./],
        ["mysql://u@h/x", /not supported/],
        ["postgres://u:planted@db.example/x", /db\.example is another machine.*sslmode/],
        ["postgres://u:planted@db.example/x?sslmode=prefer", /another machine/],
        ["postgres://u:planted@127.0.0.1.evil.example/x", /another machine/],
        ["postgres://u:planted@localhost/x?host=db.example", /db\.example is another machine/],
      ] as const) {
        const refused = runCompanion(["--data-dir", join(folder, "data"), "--database", database]);
        const timer = setTimeout(() => refused.process.kill("SIGKILL"), 15_000);
        const { code } = await refused.ended;
        clearTimeout(timer);
        assert.ok(code === 1 || code === 2, `${database}: ${code}`);
        assert.match(refused.output(), said);
        assert.ok(!refused.output().includes("planted"), database);
      }
      assert.equal(existsSync(join(folder, "data", "server.json")), false);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

async function say(companion: Companion, content: string): Promise<void> {
  const body = { message: { type: "user_message", content } };
  await (await companion.request("POST", "/v1/messages/stream", body)).text();
}

function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function statusFrom(agent: Agent, port: number, token: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const request = get(
      { host: "127.0.0.1", port, path: "/v1/agents", headers, agent },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode));
      },
    );
    request.on("error", reject);
  });
}
