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
import { median } from "./hot-path-goals.ts";
import type { Lateness, ReaderData } from "./lateness-reader.ts";
import { withEmpty } from "./long-history.ts";
import { writeChats } from "./many-chats.ts";
import { type MeasuredCompanion, startMeasured } from "./measured-companion.ts";
import type { Result } from "./result.ts";

const GOAL_MS = 10;
const STREAMS = 20;
/** Streams end with the companion. */
const MODEL = "bench/100000x20";
/** The longer a window, the later is the latest word in it, of any machine that others share. */
const WINDOW_SECONDS = 5;
const ROUNDS = 5;
const WARM_SECONDS = 10;
const SEARCHES = ["committed before", "transaction", "zzzz not there", "the", "st"];

interface WithChats {
  companion: MeasuredCompanion;
  database: string;
  folder: string;
}

/**
 * Whoever lists or searches takes a core for it, and words wait for a core. So the same work is
 * done at a neighbour, too, another companion with as many chats and no streams: what a word is
 * later for the work at its own companion is ours, the rest is the machine's. In turns, and of
 * each kind the median of its windows counts.
 *
 * `database`, `elsewhere`: the URL of an empty Postgres database, of two servers; undefined: a
 * SQLite file.
 */
export async function measureLateness(
  database: () => Promise<string | undefined>,
  elsewhere: () => Promise<string | undefined>,
  quick: boolean,
): Promise<Result[]> {
  const chats = quick ? 10_000 : 100_000;
  const own = await startWithChats(await database(), chats);
  const neighbour = await startWithChats(await elsewhere(), chats);
  const reader = startReader(own.companion);
  try {
    await once(reader, "message");
    await delay(WARM_SECONDS * 1_000);
    const results: Result[] = [];
    for (const [what, work] of Object.entries(WORKS)) {
      const windows: Windows = { own: [], neighbour: [], quiet: [] };
      for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
        windows.quiet.push(await latestWhile(reader, () => delay(WINDOW_SECONDS * 1_000)));
        windows.neighbour.push(await latestWhile(reader, () => repeated(work, neighbour)));
        windows.own.push(await latestWhile(reader, () => repeated(work, own)));
      }
      const name = `${STREAMS} streams beside ${what} of ${chats.toLocaleString("en")} chats`;
      results.push(resultOf(name, windows));
    }
    return results;
  } finally {
    await reader.terminate();
    for (const { companion, folder } of [own, neighbour]) {
      await companion.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** Milliseconds: the latest word of each window. */
type Windows = Record<"own" | "neighbour" | "quiet", number[]>;

function resultOf(what: string, windows: Windows): Result {
  const told = (of: keyof Windows) =>
    `${median(windows[of]).toFixed(1)} ms (${windows[of].map((ms) => ms.toFixed(0)).join(", ")})`;
  const ours = median(windows.own);
  return {
    what: `${what}: the latest word of ${WINDOW_SECONDS} s`,
    measured: told("own"),
    baseline: `the same at another companion: ${told("neighbour")}; nothing beside: ${told("quiet")}`,
    goal: `+${GOAL_MS} ms`,
    met: ours - median(windows.neighbour) <= GOAL_MS,
  };
}

async function startWithChats(url: string | undefined, chats: number): Promise<WithChats> {
  const folder = mkdtempSync(join(tmpdir(), "streamkeeper-lateness-"));
  const database = url ?? join(folder, "streamkeeper.db");
  await withEmpty(database, (_opened, deps) => writeChats(deps, { chats, turns: 1 }));
  return { companion: await startMeasured({ database }), database, folder };
}

const WORKS: Record<string, (at: WithChats) => Promise<void>> = {
  "the list": async ({ companion }) => {
    let from = "";
    for (let page = 0; page < 20; page++) {
      const text = await textOf(companion, `/v1/sessions?limit=200${from}`);
      const { next_cursor } = JSON.parse(text) as SessionList;
      if (next_cursor === null) throw new Error("the list ends too soon");
      from = `&cursor=${encodeURIComponent(next_cursor)}`;
    }
    await textOf(companion, "/v1/workspaces");
  },
  searches: async ({ companion }) => {
    for (const query of SEARCHES) {
      await textOf(companion, `/v1/sessions?query=${encodeURIComponent(query)}`);
    }
  },
  // All of it takes minutes.
  "an export": async ({ companion: { url, headers } }) => {
    const response = await fetch(`${url}/v1/export`, { headers });
    const until = performance.now() + WINDOW_SECONDS * 1_000;
    for await (const part of response.body ?? []) {
      if (part.length === 0 || performance.now() > until) break;
    }
  },
  "the doctor's look": async ({ folder, database }) => {
    const args = ["doctor", "--json", "--data-dir", folder, "--database", database];
    const doctor = spawn(process.execPath, ["server/main.ts", ...args], { stdio: "ignore" });
    const [code] = (await once(doctor, "exit")) as [number | null];
    if (code !== 0 && code !== 1) throw new Error(`the doctor ended with ${code}`);
  },
};

async function textOf({ url, headers }: MeasuredCompanion, path: string): Promise<string> {
  const response = await fetch(`${url}${path}`, { headers });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return await response.text();
}

/** At least once, and for as long as a window. */
async function repeated(work: (at: WithChats) => Promise<void>, at: WithChats): Promise<void> {
  const until = performance.now() + WINDOW_SECONDS * 1_000;
  do await work(at);
  while (performance.now() < until);
}

async function latestWhile(reader: Worker, work: () => Promise<void>): Promise<number> {
  const ask = async (): Promise<Lateness> => {
    reader.postMessage("since then");
    const [lateness] = (await once(reader, "message")) as [Lateness];
    return lateness;
  };
  await ask();
  await work();
  const lateness = await ask();
  if (lateness.deltas < STREAMS) throw new Error("the streams do not run");
  return lateness.most;
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
