// Many windows, some of them of other builds, and one companion: real processes on both sides.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findCompanion, stopCompanion } from "../../extension/companion/companion.ts";
import type { Problem } from "../../extension/problem.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { LONG_QUESTION, until } from "../support/asking.ts";
import { newDataDir } from "../support/companion.ts";
import { FULL } from "../support/length.ts";
import { isAlive, listProcesses } from "../support/processes.ts";
import { mountSmallDisk } from "../support/small-disk.ts";
import {
  type Build,
  makeBuild,
  openWindow,
  Reading,
  send,
  type Window,
  type WindowOptions,
} from "../support/window.ts";

const hasWords = (chunks: readonly StreamChunk[]) =>
  chunks.some(({ type }) => type === "assistant_message");

describe("windows and their companion", () => {
  let dataDir: string;
  let windows: Window[];
  let readings: Reading[];
  let builds: Build[] = [];

  beforeEach(() => {
    dataDir = newDataDir();
    windows = [];
    readings = [];
  });
  afterEach(async () => {
    await Promise.all(readings.map((reading) => reading.close()));
    for (const { server } of windows) server.close();
    const left = await findCompanion(dataDir);
    if (left) await stopCompanion(left);
    assert.deepEqual(await until("none is left", () => companions().length === 0 && []), []);
    rmSync(dataDir, { recursive: true, force: true });
  });
  after(() => {
    for (const build of builds) build.remove();
  });

  const open = async (options: Partial<WindowOptions> = {}): Promise<Window> => {
    const window = await openWindow({ dataDir, ...options });
    windows.push(window);
    return window;
  };
  const follow = (window: Window, sessionId: string, after = 0): Reading => {
    const reading = new Reading(window, sessionId, after);
    readings.push(reading);
    return reading;
  };
  const openMany = (count: number, options: Partial<WindowOptions> = {}) =>
    Promise.all(Array.from({ length: count }, () => open(options)));
  const build = (version: string, protocol: number): string => {
    const made = makeBuild(version, protocol);
    builds.push(made);
    return made.sources;
  };
  /** Processes that run on this data directory, whether they lead it or wait. */
  const companions = () => listProcesses().filter(({ args }) => args.includes(dataDir));
  /** Versions of the companions that got ready here, in order. */
  const history = (): string[] => {
    const path = join(dataDir, "logs/companion.log");
    const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
    return lines
      .filter((line) => line.includes('"msg":"ready"'))
      .map((line) => (JSON.parse(line) as { version: string }).version);
  };

  it("ten that open at the same moment share one, round after round", async () => {
    for (let round = 1; round <= (FULL ? 10 : 2); round++) {
      const ten = await openMany(10);
      const begun = performance.now();
      const found = await Promise.all(ten.map(({ server }) => server.ensure()));
      const seconds = (performance.now() - begun) / 1_000;
      assert.equal(new Set(found.map(({ hello }) => hello.pid)).size, 1);
      assert.equal(history().length, round);
      assert.ok(seconds < 45, `${seconds} s`);
      // Each speaks to it.
      await Promise.all(ten.map(({ client }) => client.call("list_agents", {})));
      const [first] = ten;
      await first?.server.stopRunning();
      await until("it has ended", () => companions().length === 0);
      for (const { server } of ten) server.close();
    }
  }).timeout(FULL ? 600_000 : 180_000);

  it("five whose companion is killed bring one back, and each goes on from where it was", async () => {
    const five = await openMany(5);
    const streams = await Promise.all(
      five.map(async (window) => {
        const { session_id } = await send(window, LONG_QUESTION);
        const reading = follow(window, session_id);
        await reading.shows(hasWords);
        return { window, session_id, reading };
      }),
    );
    const first = await five[0]?.server.ensure();
    assert.ok(first);
    const killed = performance.now();
    process.kill(first.hello.pid, "SIGKILL");
    const ends = await Promise.all(streams.map(({ reading }) => reading.end()));
    const seconds = (performance.now() - killed) / 1_000;
    assert.deepEqual(ends, Array(5).fill("interrupted"));
    // Seen: 0.9 s on an idle machine, fourteen on one with seven times the work it can do.
    assert.ok(seconds < 30, `${seconds} s`);
    const pids = await Promise.all(
      five.map(async ({ server }) => (await server.ensure()).hello.pid),
    );
    assert.equal(new Set(pids).size, 1);
    await Promise.all(
      streams.map(async ({ window, session_id, reading }) => {
        await send(window, "Hello", session_id);
        assert.equal(await reading.end(2), "done");
        checkLog(reading.chunks);
      }),
    );
  }).timeout(60_000);

  it("one that is killed leaves its answer to the others", async () => {
    const args = ["test/support/planted/window.ts", dataDir, "Hello"];
    const killed = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [said] = (await once(killed.stdout, "data")) as [Buffer];
    killed.kill("SIGKILL");
    await once(killed, "exit");
    const next = await open();
    const { hello } = await next.server.ensure();
    assert.equal(history().length, 1, "the companion outlives the window that started it");
    const reading = follow(next, said.toString().trim());
    assert.equal(await reading.end(), "done");
    checkLog(reading.chunks);
    assert.ok(isAlive(hello.pid));
  }).timeout(30_000);

  it("keep their companion while its disk is full, its own log on it, and go on when there is room", async function () {
    const disk = mountSmallDisk(4);
    if (!disk) return this.skip();
    try {
      const window = await open({ dataDir: join(disk.folder, "data") });
      const { hello } = await window.server.ensure();
      await send(window, "Hello");
      disk.fill();
      for (let n = 0; n < 5; n++) {
        await assert.rejects(
          send(window, "Hello"),
          (error: Problem) => error.code === "storage_full",
        );
      }
      assert.equal((await window.client.call("list_sessions", {})).sessions.length, 1);
      disk.free();
      const { session_id } = await send(window, "Hello");
      const reading = follow(window, session_id);
      assert.equal(await reading.end(), "done");
      assert.equal((await window.server.ensure()).hello.pid, hello.pid);
      // Before the companion goes: who reads on would start another.
      await reading.close();
    } finally {
      await windows[0]?.server.stopRunning();
      disk.unmount();
    }
  }).timeout(60_000);

  it("of a newer protocol takes over when twenty answers of the older have finished; nothing is lost", async () => {
    const older = await open();
    // A long one among them: the others are over before a busy machine has started the newer one.
    const questions = [LONG_QUESTION, ...Array.from({ length: 19 }, () => "Hello")];
    const sessions = await Promise.all(
      questions.map(async (question) => (await send(older, question)).session_id),
    );
    const before = sessions.map((sessionId) => follow(older, sessionId));
    await Promise.all(before.map((reading) => reading.shows(hasWords)));
    const old = await older.server.ensure();

    const newer = await open({ sources: build("0.2.0", 2) });
    const taken = newer.server.ensure();
    await until("it is told to drain", () => newer.states.includes("replacing"));
    const refusal = await until("new messages are refused", () =>
      send(older, "One more").then(
        () => undefined,
        (error: Problem) => error,
      ),
    );
    assert.equal(refusal.code, "draining");
    const { hello } = await taken;
    assert.deepEqual([hello.protocol, hello.version], [2, "0.2.0"]);
    assert.ok(!isAlive(old.hello.pid));
    assert.deepEqual(newer.states, ["starting", "replacing", "starting", "ready"]);

    // What the older window had seen is there, and what it could not see any more is, too.
    for (const [n, sessionId] of sessions.entries()) {
      const after = follow(newer, sessionId);
      assert.equal(await after.end(), "done");
      checkLog(after.chunks);
      const seen = before[n]?.chunks ?? [];
      assert.deepEqual(seen, after.chunks.slice(0, seen.length));
      assert.equal(seen.at(-1)?.type, "done");
    }
    await until("the older one is told to reload", () => older.server.state.state === "failed");
    await assert.rejects(older.server.ensure(), (error: Problem) => {
      assert.equal(error.message, "0.2.0");
      return error.code === "companion_newer";
    });
    const { session_id } = await send(newer, "Hello", sessions[0]);
    assert.equal(session_id, sessions[0]);
    assert.deepEqual(history(), ["0.1.0", "0.2.0"]);
  }).timeout(180_000);

  it("of a newer protocol wait no longer than agreed: what still runs ends as interrupted, with its words kept", async () => {
    const older = await open();
    const { session_id } = await send(older, LONG_QUESTION);
    const before = follow(older, session_id);
    await before.shows(hasWords);
    const newer = await open({ sources: build("0.2.0", 2), drainSeconds: 1 });
    await newer.server.ensure();
    assert.equal(await before.end(), "interrupted");
    const after = follow(newer, session_id);
    assert.equal(await after.end(), "interrupted");
    assert.deepEqual(after.chunks, before.chunks);
    const { messages } = await newer.client.call("list_messages", { session_id });
    const words = before.chunks.map(({ token }) => token ?? "").join("");
    assert.equal(messages.at(-1)?.content, words);
    assert.equal(messages.at(-1)?.status, "partial");
  }).timeout(60_000);

  it("of an older version go on with the companion of the newer one", async () => {
    const older = await open();
    const { session_id } = await send(older, "Hello");
    const reading = follow(older, session_id);
    assert.equal(await reading.end(), "done");
    const newer = await open({ sources: build("0.1.1", 1) });
    const { hello } = await newer.server.ensure();
    assert.equal(hello.version, "0.1.1");
    await until("the older one has it, too", async () => {
      const companion = await older.server.ensure();
      return companion.hello.pid === hello.pid;
    });
    await send(newer, "Hello", session_id);
    assert.equal(await reading.end(2), "done");
    checkLog(reading.chunks);
    assert.deepEqual(history(), ["0.1.0", "0.1.1"]);
  }).timeout(60_000);

  it("of two builds that open at the same moment settle on the newer one, and stay there", async () => {
    const sources = build("0.2.0", 2);
    for (let round = 1; round <= (FULL ? 10 : 2); round++) {
      const before = history().length;
      const older = await openMany(3);
      const newer = await openMany(3, { sources });
      const all = [...older, ...newer].toSorted(() => Math.random() - 0.5);
      await Promise.allSettled(all.map(({ server }) => server.ensure()));
      const found = await Promise.all(newer.map(({ server }) => server.ensure()));
      assert.equal(new Set(found.map(({ hello }) => hello.pid)).size, 1);
      assert.equal(found[0]?.hello.version, "0.2.0");
      // The older ones ask again and again, as pages that want to show something do.
      for (let n = 0; n < 10; n++) {
        await Promise.all(
          older.map(async ({ server }) => {
            if (server.state.state === "ready") await server.check(server.state.companion);
            await server.ensure().catch(() => undefined);
          }),
        );
      }
      for (const { server } of older) assert.equal(server.state.state, "failed");
      // Whoever lost is on its way out.
      await until("one is left", () => companions().length === 1);
      // Each build had its turn once at most.
      const versions = history().slice(before);
      assert.ok(
        ["0.2.0", "0.1.0,0.2.0"].includes(versions.join()),
        `round ${round}: ${versions.join()}`,
      );
      await newer[0]?.server.stopRunning();
      await until("it has ended", () => companions().length === 0);
      for (const { server } of all) server.close();
    }
  }).timeout(FULL ? 600_000 : 120_000);
});

/** In order, without gaps or repeats, every turn ended once. */
function checkLog(chunks: readonly StreamChunk[]): void {
  assert.deepEqual(
    chunks.map(({ seq }) => seq),
    chunks.map((_, index) => index + 1),
  );
  const ends = chunks.filter((chunk) => chunk.is_final).map(({ turn_id }) => turn_id);
  assert.equal(new Set(ends).size, ends.length);
}
