// What a neighbour waits for its first word while eight models speak at full speed, beside what it waits in quiet.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startCompanion } from "../support/companion.ts";
import type { Result } from "./run.ts";

const FIREHOSES = 8;
const GOAL_TIMES = 5;

export async function measureFairShare(
  engine: string,
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
  const left = new AbortController();
  try {
    const send = (model: string, signal?: AbortSignal) =>
      fetch(`${companion.url}/v1/messages/stream`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${companion.token}`,
          "content-type": "application/json",
        },
        body: JSON.stringify({ model, message: { type: "user_message", content: "go" } }),
        ...(signal && { signal }),
      });
    const firstWords = async (): Promise<number[]> => {
      const waits: number[] = [];
      for (let n = 0; n < (quick ? 10 : 40); n++) {
        const asked = performance.now();
        waits.push((await firstWordAt(await send("openai-compatible/plain"))) - asked);
      }
      return waits.toSorted((a, b) => a - b);
    };
    await firstWords();
    const quiet = await firstWords();
    const pouring = Array.from({ length: FIREHOSES }, async () => {
      const response = await send("openai-compatible/firehose", left.signal);
      for await (const _ of response.body ?? []);
    });
    for (const one of pouring) one.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const busy = await firstWords();
    const times = median(busy) / median(quiet);
    return [
      {
        engine,
        what: `a neighbour's first word beside ${FIREHOSES} models at full speed, one character a delta`,
        measured: `p50 ${median(busy).toFixed(0)} ms, longest ${busy.at(-1)?.toFixed(0)} ms: ${times.toFixed(1)} times`,
        baseline: `quiet: p50 ${median(quiet).toFixed(0)} ms, longest ${quiet.at(-1)?.toFixed(0)} ms`,
        goal: `at most ${GOAL_TIMES} times`,
        met: times <= GOAL_TIMES,
      },
    ];
  } finally {
    left.abort();
    await companion.kill();
    upstream.process.kill("SIGKILL");
    rmSync(dataDir, { recursive: true, force: true });
  }
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
