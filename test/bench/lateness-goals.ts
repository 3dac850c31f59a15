// Streams run, and somebody searches, looks through the list, exports all chats or has the doctor
// look at them: how late is the latest word of any of them?
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { SessionList } from "../../server/protocol/responses.ts";
import type { Lateness, ReaderData } from "./lateness-reader.ts";
import { withEmpty } from "./long-history.ts";
import { writeChats } from "./many-chats.ts";
import { type MeasuredCompanion, startMeasured } from "./measured-companion.ts";
import type { Result } from "./result.ts";

const GOAL_MS = 10;
const STREAMS = 20;
/** Streams end with the companion. */
const MODEL = "bench/100000x20";
/**
 * Of work and of quiet alike: the longer one looks, the later is the latest word of a machine that
 * others share.
 */
const SECONDS = 15;
const WARM_SECONDS = 10;
const SEARCHES = ["committed before", "transaction", "zzzz not there", "the", "st"];

/** `database`: the URL of an empty Postgres database; undefined: a SQLite file. */
export async function measureLateness(
  database: string | undefined,
  quick: boolean,
): Promise<Result[]> {
  const chats = quick ? 10_000 : 100_000;
  const folder = mkdtempSync(join(tmpdir(), "streamkeeper-lateness-"));
  const where = database ?? join(folder, "streamkeeper.db");
  await withEmpty(where, (_opened, deps) => writeChats(deps, { chats, turns: 1 }));
  const companion = await startMeasured({ database: where });
  const reader = startReader(companion);
  try {
    await once(reader, "message");
    await delay(WARM_SECONDS * 1_000);
    const results: Result[] = [];
    let before = await latenessWhile(reader, () => delay(SECONDS * 1_000));
    for (const [what, work] of Object.entries(worksOf(companion, folder, where))) {
      const latest = await latenessWhile(reader, () => repeated(work));
      const after = await latenessWhile(reader, () => delay(SECONDS * 1_000));
      results.push({
        what: `${STREAMS} streams beside ${what} of ${chats.toLocaleString("en")} chats: the latest word`,
        measured: `${latest.most.toFixed(1)} ms`,
        baseline: `${before.most.toFixed(1)} and ${after.most.toFixed(1)} ms, nothing beside`,
        goal: `+${GOAL_MS} ms`,
        met: latest.most - Math.max(before.most, after.most) <= GOAL_MS,
      });
      before = after;
    }
    return results;
  } finally {
    await reader.terminate();
    await companion.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function worksOf(
  { url, headers }: MeasuredCompanion,
  folder: string,
  database: string,
): Record<string, () => Promise<void>> {
  const read = async (path: string): Promise<string> => {
    const response = await fetch(`${url}${path}`, { headers });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return await response.text();
  };
  return {
    "the list": async () => {
      let from = "";
      for (let page = 0; page < 20; page++) {
        const text = await read(`/v1/sessions?limit=200${from}`);
        const { next_cursor } = JSON.parse(text) as SessionList;
        if (next_cursor === null) throw new Error("the list ends too soon");
        from = `&cursor=${encodeURIComponent(next_cursor)}`;
      }
      await read("/v1/workspaces");
    },
    searches: async () => {
      for (const query of SEARCHES) await read(`/v1/sessions?query=${encodeURIComponent(query)}`);
    },
    // All of it takes minutes.
    "an export": async () => {
      const response = await fetch(`${url}/v1/export`, { headers });
      const until = performance.now() + SECONDS * 1_000;
      for await (const part of response.body ?? []) {
        if (part.length === 0 || performance.now() > until) break;
      }
    },
    "the doctor's look": async () => {
      const args = ["doctor", "--json", "--data-dir", folder, "--database", database];
      const doctor = spawn(process.execPath, ["server/main.ts", ...args], { stdio: "ignore" });
      const [code] = (await once(doctor, "exit")) as [number | null];
      if (code !== 0 && code !== 1) throw new Error(`the doctor ended with ${code}`);
    },
  };
}

/** At least once, and for as long as the quiet time takes. */
async function repeated(work: () => Promise<void>): Promise<void> {
  const until = performance.now() + SECONDS * 1_000;
  do await work();
  while (performance.now() < until);
}

async function latenessWhile(reader: Worker, work: () => Promise<void>): Promise<Lateness> {
  const ask = async (): Promise<Lateness> => {
    reader.postMessage("since then");
    const [lateness] = (await once(reader, "message")) as [Lateness];
    return lateness;
  };
  await ask();
  await work();
  const lateness = await ask();
  if (lateness.deltas < STREAMS) throw new Error("the streams do not run");
  return lateness;
}

function startReader({ url, headers }: MeasuredCompanion): Worker {
  const workerData: ReaderData = {
    port: Number(new URL(url).port),
    authorization: headers.authorization,
    streams: STREAMS,
    model: MODEL,
  };
  return new Worker(new URL("./lateness-reader.ts", import.meta.url), { workerData });
}
