import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findCompanion, stopCompanion } from "../../../extension/companion/companion.ts";
import { makeDataDirectory } from "../../../extension/companion/companion-files.ts";
import { launchCompanion } from "../../../extension/companion/companion-launch.ts";
import {
  CompanionProcess,
  type CompanionState,
} from "../../../extension/companion/companion-process.ts";
import type { Problem } from "../../../extension/problem.ts";
import { isAlive } from "../../support/processes.ts";
import type { Behaviour } from "./stub-companion.ts";

const SCRIPT = join(import.meta.dirname, "stub-companion.ts");

interface Start {
  at: number;
  argv: string[];
  env: Record<string, string>;
}

interface Bench {
  dataDir: string;
  behave(behaviour: Behaviour): void;
  /** A window on this data directory. */
  window(options?: { version?: string }): CompanionProcess;
  starts(): Start[];
  calls(): string[];
  states: string[];
  /** Resolves when the first window gets into `state`. */
  reached(state: CompanionState["state"]): Promise<void>;
}

async function withBench(body: (bench: Bench) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "streamkeeper-process-"));
  const windows: CompanionProcess[] = [];
  const states: string[] = [];
  const waiting: { state: string; resolve: () => void }[] = [];
  const lines = (name: string) =>
    existsSync(join(dataDir, name))
      ? readFileSync(join(dataDir, name), "utf8").split("\n").filter(Boolean)
      : [];
  const bench: Bench = {
    dataDir,
    states,
    behave: (behaviour) =>
      writeFileSync(join(dataDir, "behaviour.json"), JSON.stringify(behaviour)),
    window({ version = "0.1.0" } = {}) {
      const first = windows.length === 0;
      const process = new CompanionProcess({
        dataDir,
        version,
        drainSeconds: 5,
        launchOptions: async () => ({
          script: SCRIPT,
          idleExitSeconds: 60,
          model: undefined,
          durability: "full",
          backups: "daily",
          keepDeletedDays: 30,
          stallTimeoutSeconds: 60,
          resumeAnswers: false,
          continueAnswers: true,
          patienceSeconds: 60,
          contextWindows: { "ollama/qwen3:8b": 8192, "ollama/x": "many", "no model": 9000 },
          databaseUrl: "postgres://u:secret@db/x",
        }),
        prepare: async (companion) => {
          await companion.text({ method: "PUT", path: "/v1/keys/openai", body: { key: "k" } });
        },
        onState: ({ state }) => {
          if (!first) return;
          states.push(state);
          for (const waiter of waiting) if (waiter.state === state) waiter.resolve();
        },
        log: { info: () => undefined, warn: () => undefined },
      });
      windows.push(process);
      return process;
    },
    starts: () => lines("starts").map((line) => JSON.parse(line) as Start),
    calls: () => lines("calls"),
    reached: (state) =>
      states.at(-1) === state
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ state, resolve })),
  };
  try {
    await body(bench);
  } finally {
    for (const window of windows) window.close();
    const left = await findCompanion(dataDir).catch(() => undefined);
    if (left) await stopCompanion(left);
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const check = (body: (bench: Bench) => Promise<void>) => () => withBench(body);
const hasCode = (code: string) => (error: Problem) => error.code === code;

describe("the companion's process", () => {
  it(
    "is started once for all who ask, given the keys, and left running by the window",
    check(async (bench) => {
      const window = bench.window();
      const [a, b] = await Promise.all([window.ensure(), window.ensure()]);
      assert.equal(a, b);
      assert.deepEqual(bench.states, ["starting", "ready"]);
      assert.deepEqual(bench.calls(), ['PUT /v1/keys/openai {"key":"k"}']);
      window.close();
      const second = await bench.window().ensure();
      assert.equal(second.hello.pid, a.hello.pid);
      assert.equal(bench.starts().length, 1);
      assert.equal(bench.calls().length, 2);
    }),
  );

  it(
    "sees nothing of the host's environment but what it may, and no secret in its arguments",
    check(async (bench) => {
      process.env["NODE_OPTIONS"] = "--no-deprecation";
      process.env["OPENAI_API_KEY"] = "sk-planted";
      process.env["VSCODE_PLANTED"] = "1";
      try {
        await bench.window().ensure();
      } finally {
        for (const name of ["NODE_OPTIONS", "OPENAI_API_KEY", "VSCODE_PLANTED"])
          delete process.env[name];
      }
      const [start] = bench.starts();
      assert.ok(start);
      const { env, argv } = start;
      for (const name of ["NODE_OPTIONS", "OPENAI_API_KEY", "VSCODE_PLANTED"])
        assert.ok(!(name in env), name);
      assert.equal(env["PATH"], process.env["PATH"]);
      assert.equal(env["ELECTRON_RUN_AS_NODE"], "1");
      assert.equal(env["STREAMKEEPER_DATABASE"], "postgres://u:secret@db/x");
      assert.equal(env["STREAMKEEPER_CONTEXT_WINDOWS"], "ollama/qwen3:8b=8192");
      assert.deepEqual(argv, ["--data-dir", bench.dataDir, "--idle-exit", "60"]);
    }),
  );

  it(
    "is started again after kill -9",
    check(async (bench) => {
      const window = bench.window();
      const first = await window.ensure();
      process.kill(first.hello.pid, "SIGKILL");
      await assert.rejects(
        first.text({ method: "GET", path: "/metrics" }),
        hasCode("companion_lost"),
      );
      await window.check(first);
      const second = await window.ensure();
      assert.notEqual(second.hello.pid, first.hello.pid);
      assert.deepEqual(bench.states, ["starting", "ready", "away", "ready"]);
    }),
  );

  it(
    "is looked for after a sleep, and nobody waits on for what broke before it",
    check(async (bench) => {
      const window = bench.window();
      const first = await window.ensure();
      const pause = window.pause(60_000, AbortSignal.timeout(5_000));
      process.kill(first.hello.pid, "SIGKILL");
      while (isAlive(first.hello.pid)) await new Promise(setImmediate);
      window.wake();
      await pause;
      await bench.reached("away");
      await bench.reached("ready");
      assert.notEqual((await window.ensure()).hello.pid, first.hello.pid);
    }),
  );

  it(
    "is left alone when it ended cleanly, until it is needed",
    check(async (bench) => {
      const window = bench.window();
      const first = await window.ensure();
      process.kill(first.hello.pid, "SIGTERM");
      await assert.rejects(async () => {
        for (;;) await first.text({ method: "GET", path: "/metrics" });
      }, hasCode("companion_lost"));
      await window.check(first);
      assert.equal(window.state.state, "stopped");
      assert.equal(bench.starts().length, 1);
      await window.ensure();
      assert.equal(bench.starts().length, 2);
    }),
  );

  it(
    "stays when only a connection broke",
    check(async (bench) => {
      const window = bench.window();
      const companion = await window.ensure();
      await window.check(companion);
      assert.equal(await window.ensure(), companion);
    }),
  );

  it(
    "is given up after five crashes, with growing pauses, and comes back on restart",
    check(async (bench) => {
      bench.behave({ exit: { code: 1, words: "the disk is on fire" } });
      const window = bench.window();
      await assert.rejects(window.ensure(), (error: Problem) => {
        assert.equal(error.code, "companion_gave_up");
        assert.match(error.message, /the disk is on fire/);
        return true;
      });
      const at = bench.starts().map((start) => start.at);
      assert.equal(at.length, 5);
      const pauses = at.slice(1).map((time, i) => time - (at[i] ?? 0));
      for (const [i, pause] of pauses.entries()) assert.ok(pause >= 250 * 2 ** i, pauses.join());
      assert.equal(window.state.state, "failed");
      await assert.rejects(window.ensure(), hasCode("companion_gave_up"));
      assert.equal(bench.starts().length, 5);
      bench.behave({});
      const waiting = window.waitUntilReady(AbortSignal.timeout(10_000));
      const companion = await window.restart();
      assert.equal(await waiting, companion);
    }),
  ).timeout(15_000);

  it(
    "is given up when it crashes again and again after it was ready",
    check(async (bench) => {
      bench.behave({ crashAfterMs: 0 });
      const window = bench.window();
      for (let i = 0; i < 20 && window.state.state !== "failed"; i++) {
        const companion = await window.ensure().catch(() => undefined);
        if (!companion) break;
        await companion.text({ method: "GET", path: "/metrics" }).catch(() => undefined);
        await window.check(companion);
      }
      assert.equal(window.state.state, "failed");
      assert.equal(bench.starts().length, 5);
    }),
  ).timeout(15_000);

  it(
    "is not tried again when it refuses its configuration",
    check(async (bench) => {
      bench.behave({ exit: { code: 2, words: "unknown flag --frobnicate" } });
      await assert.rejects(bench.window().ensure(), (error: Problem) => {
        assert.equal(error.message, "unknown flag --frobnicate");
        return error.code === "companion_exited";
      });
      assert.equal(bench.starts().length, 1);
    }),
  );

  it(
    "is attached to when another window won the race",
    check(async (bench) => {
      const winner = await bench.window().ensure();
      const hidden = readFileSync(join(bench.dataDir, "server.json"));
      rmSync(join(bench.dataDir, "server.json"));
      bench.behave({ exit: { code: 3, words: "another companion runs" } });
      const late = bench.window().ensure();
      while (bench.starts().length < 2) await new Promise(setImmediate);
      writeFileSync(join(bench.dataDir, "server.json"), hidden, { mode: 0o600 });
      assert.equal((await late).hello.pid, winner.hello.pid);
    }),
  );

  it(
    "is started anew when the one that held the data directory was on its way out",
    check(async (bench) => {
      bench.behave({ exit: { code: 3, words: "another companion runs" } });
      const late = bench.window().ensure();
      while (bench.starts().length < 1) await new Promise(setImmediate);
      bench.behave({});
      await late;
      assert.ok(bench.starts().length >= 2);
      assert.deepEqual(bench.states, ["starting", "ready"]);
    }),
  );

  it(
    "is replaced when its protocol is older, and refused when newer",
    check(async (bench) => {
      for (const cannotDrain of [false, true]) {
        bench.behave({ protocol: 0, cannotDrain });
        const old = await startStub(bench);
        bench.behave({});
        const ours = await bench.window().ensure();
        assert.notEqual(ours.hello.pid, old);
        assert.throws(() => process.kill(old, 0));
        assert.ok(bench.calls().includes('POST /v1/drain {"grace_seconds":5}'));
        await bench.window().stopRunning();
      }
      assert.deepEqual(bench.states, ["starting", "replacing", "starting", "ready"]);
      bench.behave({ protocol: 2 });
      const newer = await startStub(bench);
      await assert.rejects(bench.window().ensure(), hasCode("companion_newer"));
      assert.ok(process.kill(newer, 0));
    }),
  );

  it(
    "of an older version is replaced when idle, and left to finish when it answers",
    check(async (bench) => {
      bench.behave({ runningTurns: 1 });
      const busy = await startStub(bench);
      assert.equal((await bench.window({ version: "0.2.0" }).ensure()).hello.pid, busy);
      await bench.window().stopRunning();
      bench.behave({ runningTurns: 0 });
      const idle = await startStub(bench);
      assert.equal((await bench.window({ version: "0.1.0" }).ensure()).hello.pid, idle);
      assert.notEqual((await bench.window({ version: "0.2.0" }).ensure()).hello.pid, idle);
    }),
  );

  it(
    "is never believed or killed by its pid alone",
    check(async (bench) => {
      bench.behave({ wrongToken: true });
      const stranger = await startStub(bench);
      bench.behave({});
      const ours = await bench.window().ensure();
      assert.notEqual(ours.hello.pid, stranger);
      assert.ok(process.kill(stranger, "SIGKILL"));
    }),
  );

  it(
    "is not looked for through files that others could have put there",
    check(async (bench) => {
      const elsewhere = join(bench.dataDir, "elsewhere");
      writeFileSync(elsewhere, "planted");
      symlinkSync(elsewhere, join(bench.dataDir, "token"));
      await assert.rejects(bench.window().ensure(), hasCode("data_directory_unsafe"));
      rmSync(join(bench.dataDir, "token"));
      writeFileSync(join(bench.dataDir, "token"), "planted", { mode: 0o666 });
      chmodSync(join(bench.dataDir, "token"), 0o666);
      await assert.rejects(bench.window().ensure(), hasCode("data_directory_unsafe"));
    }),
  );
});

/** Starts a stub by hand and waits for its runtime file; its pid. */
async function startStub(bench: Bench): Promise<number> {
  await makeDataDirectory(bench.dataDir);
  const child = await launchCompanion(bench.dataDir, {
    script: SCRIPT,
    idleExitSeconds: 60,
    model: undefined,
    durability: "full",
    backups: "daily",
    keepDeletedDays: 30,
    stallTimeoutSeconds: 60,
    resumeAnswers: false,
    continueAnswers: true,
    patienceSeconds: 60,
    contextWindows: undefined,
    databaseUrl: undefined,
  });
  child.unref();
  const isReady = () =>
    existsSync(join(bench.dataDir, "server.json")) &&
    readFileSync(join(bench.dataDir, "server.json"), "utf8").includes(`"pid":${child.pid},`);
  while (!isReady()) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(child.pid);
  return child.pid;
}
