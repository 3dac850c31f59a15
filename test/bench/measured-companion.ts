// The companion under measurement in a process of its own, and the load that a
// second process puts on it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { YOUNG_GENERATION } from "../../server/shared/young-generation.ts";
import type { LoadResult } from "./load-client.ts";
import type { Spent } from "./thread-times.ts";

/** While all streams ran. */
export interface LoopMeasures {
  /** Milliseconds. */
  loop_p99: number;
  loop_max: number;
  times: Spent;
}

/** Bytes. */
export interface MemoryMeasures {
  rss: number;
  heap: number;
}

export type Loaded = LoadResult & { loop: LoopMeasures };

export interface MeasuredCompanion {
  url: string;
  headers: { authorization: string };
  memory(): Promise<MemoryMeasures>;
  /** Rejects when a stream lost, doubled or disordered anything. `model`: COUNTxPER_SECOND. */
  load(streams: number, model: string): Promise<Loaded>;
  stop(): Promise<void>;
}

export interface BenchTarget {
  /** A path or URL; undefined: a fresh SQLite file. */
  database?: string | undefined;
  keep?: "durable" | "none" | "each";
  durability?: "full" | "balanced";
  /** A stand-in for a model's server, and whose format it speaks; else the model is inside. */
  upstream?: { url: string; vendor: string };
  /** For the companion's process. */
  env?: NodeJS.ProcessEnv;
}

export async function startMeasured(target: BenchTarget): Promise<MeasuredCompanion> {
  const { keep = "durable", durability = "full", upstream, env = {} } = target;
  const folder = mkdtempSync(join(tmpdir(), "streamkeeper-bench-"));
  const database = target.database ?? join(folder, "streamkeeper.db");
  const args = ["--keep", keep, "--durability", durability, "--database", database];
  if (upstream) args.push("--upstream", upstream.url, "--vendor", upstream.vendor);
  const script = [...YOUNG_GENERATION, "--expose-gc", "test/bench/bench-companion.ts"];
  const child = spawn(process.execPath, [...script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  const lines = createInterface({ input: child.stdout });
  const { port, token } = JSON.parse(await lineOf(lines)) as { port: number; token: string };
  return {
    url: `http://127.0.0.1:${port}`,
    headers: { authorization: `Bearer ${token}` },
    async memory() {
      const line = lineOf(lines);
      child.kill("SIGHUP");
      return JSON.parse(await line) as MemoryMeasures;
    },
    async load(streams, model) {
      const result = await runClient([
        ...["--port", String(port), "--token", token, "--streams", String(streams)],
        ...["--model", `bench/${model}`, ...(keep === "none" ? ["--unnumbered"] : [])],
        ...["--pid", String(child.pid)],
      ]);
      if (result.errors.length > 0) throw new Error(`${keep}: ${result.errors.join("; ")}`);
      // Told when all streams ran, and when the first of them ended.
      await lineOf(lines);
      return { ...result, loop: JSON.parse(await lineOf(lines)) as LoopMeasures };
    },
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const WARM = { streams: 200, seconds: 10 };

/**
 * What is wanted is what a frame costs a companion that has been up for a while: of its first tens
 * of thousands most of the time is the compiler's.
 */
export async function loadWarm(
  target: BenchTarget,
  streams: number,
  model: string,
): Promise<Loaded> {
  const companion = await startMeasured(target);
  try {
    await companion.load(WARM.streams, `${WARM.seconds * 20}x20`);
    return await companion.load(streams, model);
  } finally {
    await companion.stop();
  }
}

/** The next line, also one that came before it was asked for. */
function lineOf(lines: Interface): Promise<string> {
  const queue = queues.get(lines) ?? startQueue(lines);
  const ready = queue.ready.shift();
  if (ready !== undefined) return Promise.resolve(ready);
  return new Promise((resolve) => queue.waiting.push(resolve));
}

const queues = new WeakMap<Interface, Queue>();
interface Queue {
  ready: string[];
  waiting: ((line: string) => void)[];
}

function startQueue(lines: Interface): Queue {
  const queue: Queue = { ready: [], waiting: [] };
  queues.set(lines, queue);
  lines.on("line", (line) => {
    const wake = queue.waiting.shift();
    if (wake) wake(line);
    else queue.ready.push(line);
  });
  return queue;
}

async function runClient(args: string[]): Promise<LoadResult> {
  const child: ChildProcess = spawn(process.execPath, ["test/bench/load-client.ts", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout?.on("data", (data: Buffer) => {
    output += data.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`the load client ended with ${code}`);
  return JSON.parse(output) as LoadResult;
}
