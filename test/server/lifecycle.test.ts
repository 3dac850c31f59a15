// One companion per data directory: who becomes it, how it is found, how it ends.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { findCompanion } from "../../extension/companion/companion.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { ask, lastOf, until } from "../support/asking.ts";
import {
  type Companion,
  chunksOf,
  newDataDir,
  runCompanion,
  type StartOptions,
  startCompanion,
} from "../support/companion.ts";
import { ENGINES } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { mountSmallDisk } from "../support/small-disk.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

describe("the one companion of a data directory", () => {
  let dirs: string[] = [];
  let companions: Companion[] = [];
  let started: ReturnType<typeof runCompanion>[] = [];
  const newDir = () => {
    const dir = newDataDir();
    dirs.push(dir);
    return dir;
  };
  const start = async (options: Partial<StartOptions> = {}) => {
    const companion = await startCompanion({ dataDir: newDir(), ...options });
    companions.push(companion);
    return companion;
  };
  afterEach(async () => {
    await Promise.all(companions.map((companion) => companion.kill()));
    for (const run of started) run.process.kill("SIGKILL");
    await Promise.all(started.map(({ ended }) => ended));
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
    dirs = [];
    companions = [];
    started = [];
  });

  it("is exactly one of ten that start at the same moment, round after round", async () => {
    const dataDir = newDir();
    for (let round = 1; round <= (FULL ? 10 : 2); round++) {
      const runs = Array.from({ length: 10 }, () => runCompanion(["--data-dir", dataDir]));
      started.push(...runs);
      const codes: (number | null)[] = [];
      for (const run of runs) void run.ended.then(({ code }) => codes.push(code));
      const leader = await until("nine have ended", () =>
        codes.length === 9 ? runs.find((run) => run.process.exitCode === null) : undefined,
      );
      assert.deepEqual(codes, Array(9).fill(3), `round ${round}`);
      assert.ok(leader);
      await until("ready", () => leader.output().includes('"msg":"ready"'));
      const late = runCompanion(["--data-dir", dataDir, "--print-url"]);
      assert.equal((await late.ended).code, 3);
      const { port } = JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8"));
      assert.match(
        late.output(),
        new RegExp(
          `companion ${leader.process.pid} at http://127.0.0.1:${port} \\(version \\d.*give another --data-dir`,
        ),
      );
      const token = readFileSync(join(dataDir, "token"), "utf8");
      assert.ok(late.output().includes(`runs: http://127.0.0.1:${port}/#token=${token}`));
      // Every other round the leader leaves its runtime file behind.
      leader.process.kill(round % 2 ? "SIGKILL" : "SIGTERM");
      await leader.ended;
    }
  }).timeout(FULL ? 300_000 : 90_000);

  it("takes over from a dead one whose process id belongs to somebody else now, and leaves that one alone", async () => {
    const dataDir = newDir();
    const foreign = spawn(process.execPath, ["-e", "process.stdin.resume()"]);
    try {
      assert.ok(foreign.pid);
      const stale = { host: "127.0.0.1", port: 9, version: "0.0.1", protocol: 1, started_at: "" };
      writeFileSync(join(dataDir, "server.json"), JSON.stringify({ ...stale, pid: foreign.pid }), {
        mode: 0o600,
      });
      const companion = await start({ dataDir });
      const found = await findCompanion(dataDir);
      assert.equal(found?.hello.pid, companion.process.pid);
      found?.close();
      assert.equal(foreign.exitCode, null);
      assert.ok(process.kill(foreign.pid, 0));
    } finally {
      await end(foreign);
    }
  }).timeout(30_000);

  it("waits for its place when told so, and says who has it when that takes too long", async () => {
    const first = await start();
    const { dataDir } = first;
    const impatient = runCompanion(["--data-dir", dataDir, "--wait", "0.3"]);
    assert.equal((await impatient.ended).code, 3);
    const patient = start({ dataDir, args: ["--wait", "20"] });
    await first.stop();
    const second = await patient;
    assert.notEqual(second.process.pid, first.process.pid);
  }).timeout(30_000);

  it("writes again what others delete or change: who it is, and the tokens", async () => {
    const companion = await start();
    const { dataDir } = companion;
    const names = ["server.json", "token", "metrics_token", "prometheus/targets.json"];
    const before = names.map((name) => readFileSync(join(dataDir, name), "utf8"));
    for (const name of names) rmSync(join(dataDir, name));
    const look = () =>
      names.map((name) => {
        const path = join(dataDir, name);
        if (!existsSync(path)) return undefined;
        assert.equal(statSync(path).mode & 0o777, 0o600);
        return readFileSync(path, "utf8");
      });
    await until("all are back", () => JSON.stringify(look()) === JSON.stringify(before), 5_000);
    writeFileSync(join(dataDir, "server.json"), "{}");
    await until("it is true again", () => JSON.stringify(look()) === JSON.stringify(before), 5_000);
    const answer = await companion.request("GET", "/readyz");
    assert.equal(answer.status, 200);
  }).timeout(30_000);

  it("ends when its data directory is removed, and does not bring it back", async () => {
    const companion = await start();
    rmSync(companion.dataDir, { recursive: true });
    assert.deepEqual(await companion.ended, { code: 0, signal: null });
    assert.ok(!existsSync(companion.dataDir));
  }).timeout(30_000);

  it("needs next to nothing of a processor while nobody uses it", async function () {
    if (!existsSync("/proc/self/stat")) this.skip();
    const seconds = FULL ? 20 : 6;
    await Promise.all(
      ENGINES.map(async ({ engine, create }) => {
        const database = await create();
        try {
          const companion = await start({ args: ["--database", database.flag] });
          await new Promise((resolve) => setTimeout(resolve, 3_000));
          const before = cpuSeconds(companion);
          await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
          const share = (cpuSeconds(companion) - before) / seconds;
          // Seen: 0.2 to 0.4 %; 1.8 % where a core was lent out for most of the time.
          assert.ok(share < 0.03, `${engine}: ${(share * 100).toFixed(2)} % of a core`);

          await companion.kill();
        } finally {
          await database.remove();
        }
      }),
    );
  }).timeout(60_000);

  it("refuses a network drive in words that say what to do", async () => {
    const node = ["--import", "./test/support/planted/network-drive.ts"];
    const refused = runCompanion(["--data-dir", newDir()], {}, { node });
    assert.deepEqual(await refused.ended, { code: 2, signal: null });
    assert.match(refused.output(), /^streamkeeper: \S+ is on a network drive \(NFS\)[^\n]+\n$/);
    assert.match(refused.output(), /--data-dir/);
  }).timeout(30_000);

  it("says in one line that its disk is full, and starts when there is room", async function () {
    const disk = mountSmallDisk(4);
    if (!disk) return this.skip();
    const dataDir = join(disk.folder, "data");
    try {
      disk.fill();
      const refused = runCompanion(["--data-dir", dataDir]);
      assert.deepEqual(await refused.ended, { code: 1, signal: null });
      assert.match(refused.output(), /^streamkeeper: The disk is full[^\n]+\n$/);
      disk.free();
      await (await start({ dataDir })).stop();
    } finally {
      disk.unmount();
    }
  }).timeout(30_000);

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`ends within 5 s at ${signal} with 200 readers, who get the committed end first`, async () => {
      const companion = await start();
      const { sessionId, leave } = await ask(companion);
      leave();
      const reads: Promise<string | undefined>[] = [];
      for (let n = 0; n < 200; n++) {
        // A session may have 64 readers at once.
        const session = n % 4 === 0 ? sessionId : await newSession(companion);
        reads.push(
          lastType(chunksOf(await companion.request("GET", `/v1/sessions/${session}/stream`))),
        );
      }
      const begun = performance.now();
      companion.process.kill(signal);
      assert.deepEqual(await companion.ended, { code: 0, signal: null });
      const seconds = (performance.now() - begun) / 1000;
      assert.ok(seconds < 5, `${seconds} s`);
      const types = await Promise.all(reads);
      for (const [n, type] of types.entries()) {
        assert.equal(type, n % 4 === 0 ? "interrupted" : "session_info");
      }
    }).timeout(60_000);
  }

  it("ends within 5 s while the database is away, and at once at a second signal", async () => {
    const postgres = ENGINES.find(({ engine }) => engine === "postgres");
    const database = await postgres?.create();
    assert.ok(database);
    const target = new URL(database.flag);
    const proxy = await startTcpProxy(Number(target.port));
    target.port = String(proxy.port);
    try {
      for (const second of [false, true]) {
        proxy.onClientData = () => "pass";
        const args = ["--database", target.href];
        const companion = await start({ args });
        const { leave } = await ask(companion);
        proxy.onClientData = () => "drop";
        const begun = performance.now();
        companion.process.kill("SIGTERM");
        if (second) {
          setTimeout(() => companion.process.kill("SIGTERM"), 1_200);
          assert.deepEqual(await companion.ended, { code: 143, signal: null });
        } else assert.deepEqual(await companion.ended, { code: 0, signal: null });
        const seconds = (performance.now() - begun) / 1000;
        assert.ok(seconds < (second ? 2.5 : 5), `${seconds} s`);
        leave();
      }
    } finally {
      await proxy.close();
      await database.remove();
    }
  }).timeout(60_000);

  it("ends within a second after an error that nobody caught, with its answers marked", async () => {
    const node = ["--import", "./test/support/planted/crash.ts"];
    const companion = await start({ node });
    const { sessionId, leave } = await ask(companion);
    const begun = performance.now();
    companion.process.kill("SIGUSR2");
    assert.deepEqual(await companion.ended, { code: 1, signal: null });
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(seconds < 1.5, `${seconds} s`);
    assert.match(companion.output(), /"level":"fatal"[^\n]*planted/);
    leave();
    assert.ok(existsSync(join(companion.dataDir, "server.json")), "a crash is not a clean end");
    const next = await start({ dataDir: companion.dataDir });
    assert.ok(!next.output().includes("closed turns"), "marked before the end already");
    const log = await next.request("GET", `/v1/sessions/${sessionId}/stream?until=turn_end`);
    assert.equal(await lastType(chunksOf(log)), "interrupted");
  }).timeout(30_000);
});

describe("two companions that could answer in one session", () => {
  it("say who does, and both can stop it", async () => {
    const database = await ENGINES.find(({ engine }) => engine === "postgres")?.create();
    assert.ok(database);
    const args = ["--database", database.flag];
    const dirs = [newDataDir(), newDataDir()];
    const companions: Companion[] = [];
    try {
      for (const dataDir of dirs) companions.push(await startCompanion({ dataDir, args }));
      const [writer, other] = companions;
      assert.ok(writer && other);
      const { sessionId, chunks } = await ask(writer);
      const message = { type: "user_message", content: "Me, too" };
      const body = { session_id: sessionId, message };
      const refused = await other.request("POST", "/v1/messages/stream", body);
      assert.equal(refused.status, 409);
      const { error } = (await refused.json()) as { error: { code: string; message: string } };
      assert.equal(error.code, "session_busy");
      const who = `in the companion on ${hostname()} (process ${writer.process.pid})`;
      assert.ok(error.message.includes(who), error.message);
      const seen = other.request("GET", `/v1/sessions/${sessionId}/stream?until=turn_end`);
      const stopped = await other.request("POST", `/v1/sessions/${sessionId}/cancel`, {});
      assert.equal(stopped.status, 200);
      assert.equal(metadataOf(await lastOf(chunks)).code, "cancelled");
      assert.equal(metadataOf(await lastOf(chunksOf(await seen))).code, "cancelled");
    } finally {
      await Promise.all(companions.map((companion) => companion.kill()));
      for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
      await database.remove();
    }
  }).timeout(60_000);
});

async function newSession(companion: Companion): Promise<string> {
  const made = await companion.request("POST", "/v1/sessions", { title: "quiet" });
  const { id } = (await made.json()) as { id: string };
  return id;
}

function cpuSeconds(companion: Companion): number {
  // `pid (name) state ppid …`; user and system time are the 14th and 15th field,
  // in hundredths of a second.
  const stat = readFileSync(`/proc/${companion.process.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

async function lastType(chunks: AsyncIterable<StreamChunk>): Promise<string | undefined> {
  return (await lastOf(chunks))?.type;
}
