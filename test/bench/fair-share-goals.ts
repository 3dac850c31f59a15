// What a neighbour waits for its first word while eight models speak at full speed,
// beside what it waits in quiet.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Companion, startCompanion } from "../support/companion.ts";
import type { Result } from "./result.ts";

const GOAL_TIMES = 5;
const GOAL_HEALTH_MS = 1_000;

/** Who speaks beside the neighbour: a model of the stand-in, so many of it. */
const LOUD = [
  { model: "firehose", count: 8, what: "8 models at full speed, one character a delta" },
  { model: "10000", count: 4, what: "4 models with 10,000 deltas a second each" },
];

export async function measureFairShare(
  database: string | undefined,
  quick: boolean,
): Promise<Result[]> {
  const dataDir = mkdtempSync(join(tmpdir(), "streamkeeper-bench-"));
  const upstream = await startFirehose();
  const companion = await startCompanion({
    dataDir,
    args: database === undefined ? [] : ["--database", database],
    env: { OPENAI_BASE_URL: `http://127.0.0.1:${upstream.port}/v1`, OPENAI_API_KEY: "none" },
  });
  const send = (model: string, signal?: AbortSignal) =>
    fetch(`${companion.url}/v1/messages/stream`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${companion.token}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({
        model: `openai-compatible/${model}`,
        message: { type: "user_message", content: "go" },
      }),
      ...(signal && { signal }),
    });
  const firstWord = async () => await firstWordAt(await send("plain"));
  const health = async () => {
    await (await fetch(`${companion.url}/healthz`)).arrayBuffer();
    return performance.now();
  };
  const times = quick ? 10 : 40;
  try {
    await waits(firstWord, times);
    const quiet = await waits(firstWord, times);
    const results: Result[] = [];
    for (const { model, count, what } of LOUD) {
      const left = new AbortController();
      const pouring = Array.from({ length: count }, async () => {
        const response = await send(model, left.signal);
        for await (const _ of response.body ?? []);
      });
      for (const one of pouring) one.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const busy = await waits(firstWord, times);
      const healths = await waits(health, times);
      left.abort();
      const ratio = median(busy) / median(quiet);
      const longest = healths.at(-1) ?? Number.NaN;
      results.push(
        {
          what: `a neighbour's first word beside ${what}`,
          measured: `${inWords(busy)}: ${ratio.toFixed(1)} times`,
          baseline: `quiet: ${inWords(quiet)}`,
          goal: `at most ${GOAL_TIMES} times`,
          met: ratio <= GOAL_TIMES,
        },
        {
          what: `\`/healthz\` beside ${what}`,
          measured: inWords(healths),
          baseline: "–",
          goal: `never above ${GOAL_HEALTH_MS} ms`,
          met: longest <= GOAL_HEALTH_MS,
        },
      );
      await stopAll(companion);
    }
    return results;
  } finally {
    await companion.kill();
    upstream.process.kill("SIGKILL");
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** How long each took, the shortest first. */
async function waits(one: () => Promise<number>, times: number): Promise<number[]> {
  const took: number[] = [];
  for (let n = 0; n < times; n++) {
    const asked = performance.now();
    took.push((await one()) - asked);
  }
  return took.toSorted((a, b) => a - b);
}

function inWords(took: readonly number[]): string {
  return `p50 ${median(took).toFixed(0)} ms, longest ${took.at(-1)?.toFixed(0)} ms`;
}

/** The loud ones go on without a reader until they are stopped. */
async function stopAll(companion: Companion): Promise<void> {
  const { sessions } = (await (
    await companion.request("GET", "/v1/sessions?limit=100")
  ).json()) as {
    sessions: { id: string }[];
  };
  await Promise.all(
    sessions.map(({ id }) => companion.request("POST", `/v1/sessions/${id}/cancel`)),
  );
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** When the first word was there; the rest is read, too. */
async function firstWordAt(response: Response): Promise<number> {
  let at = Number.NaN;
  let text = "";
  const decoder = new TextDecoder();
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(part, { stream: true });
    if (Number.isNaN(at) && text.includes("event: assistant_message")) at = performance.now();
  }
  if (!text.includes("event: done")) throw new Error(`no whole answer: ${text.slice(-300)}`);
  return at;
}

async function startFirehose(): Promise<{ port: number; process: ChildProcess }> {
  const child = spawn(process.execPath, ["test/bench/firehose.ts"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const port = await new Promise<number>((resolve) =>
    lines.once("line", (line) => resolve(Number(line))),
  );
  return { port, process: child };
}
