// Reopening a very long session among many others.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./hot-path-goals.ts";
import { LONG_SESSION, withEmpty, writeHistory } from "./long-history.ts";
import { type MeasuredCompanion, startMeasured } from "./measured-companion.ts";
import type { Result } from "./result.ts";

const TIMES = 15;

/** `database`: the URL of an empty Postgres database; undefined: a SQLite file. */
export async function measureHistory(
  database: string | undefined,
  quick: boolean,
): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), "streamkeeper-history-"));
  const where = database ?? join(folder, "streamkeeper.db");
  const messages = quick ? 20_000 : 100_000;
  await withEmpty(where, (opened, deps) => writeHistory(opened, deps, messages));
  const companion = await startMeasured({ database: where });
  try {
    const path = `/v1/sessions/${LONG_SESSION}`;
    const first = await timesOf(companion, `${path}/stream?after=0`, "first");
    const whole = await timesOf(companion, `${path}/stream?after=0&until=turn_end`, "whole");
    return [
      {
        what: "a session of 10,000 messages opened: its first chunks",
        measured: `${median(first).toFixed(1)} ms (all 15,000: ${median(whole).toFixed(0)} ms)`,
        baseline: "–",
        goal: "≤ 50 ms",
        met: median(first) <= 50,
      },
    ];
  } finally {
    await companion.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds from the request to the first bytes or to the last. */
export async function timesOf(
  { url, headers }: MeasuredCompanion,
  path: string,
  until: "first" | "whole",
): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < TIMES; n++) {
    const started = performance.now();
    const left = new AbortController();
    const response = await fetch(`${url}${path}`, { headers, signal: left.signal });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    if (until === "whole") await response.arrayBuffer();
    else await firstChunk(response);
    times.push(performance.now() - started);
    left.abort();
  }
  return times;
}

/** The first bytes are the stream's greeting; a chunk begins with its id. */
async function firstChunk(response: Response): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  if (!response.body) throw new Error("no body");
  for await (const part of response.body) {
    text += decoder.decode(part, { stream: true });
    if (text.includes("\nid: ") || text.startsWith("id: ")) return;
  }
}
