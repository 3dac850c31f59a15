// How soon a companion is ready: the product as it is packaged, on a database of a gigabyte.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { YOUNG_GENERATION } from "../../server/shared/young-generation.ts";
import { median } from "./hot-path-goals.ts";
import { createText, withEmpty } from "./long-history.ts";
import { writeChats } from "./many-chats.ts";
import type { Result } from "./result.ts";

export const STARTS = 7;
const GOAL_MS = 300;

/** `database`: the URL of an empty Postgres database; undefined: a SQLite file. */
export async function measureStart(
  engine: string,
  databases: () => Promise<string | undefined>,
  quick: boolean,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "streamkeeper-start-"));
  const large = (await databases()) ?? join(folder, "large.db");
  const small = (await databases()) ?? join(folder, "small.db");
  const wanted = quick ? 5e7 : 1e9;
  let size = 0;
  try {
    await withEmpty(large, async ({ reader }, deps) => {
      const textOf = createText();
      while (size < wanted) {
        await writeChats(deps, { chats: 1_000, turns: 10 }, textOf);
        if (engine === "SQLite") size = statSync(large).size;
        else {
          const { rows } = await sql<{ size: number }>`
            select pg_database_size(current_database()) as size`.execute(reader);
          size = Number(rows[0]?.size);
        }
      }
    });
    await startTimes(small);
    const ready = median(await startTimes(large));
    const onEmpty = median(await startTimes(small));
    return {
      what: `companion: from its start to ready, on a database of ${(size / 1e9).toFixed(2)} GB`,
      measured: `${ready.toFixed(0)} ms`,
      baseline: `${onEmpty.toFixed(0)} ms on an empty one, ${bareNode().toFixed(0)} ms for Node itself`,
      goal: `≤ ${GOAL_MS} ms`,
      met: ready <= GOAL_MS,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds. `database`: undefined: a new one each time. */
export async function startTimes(database: string | undefined): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < STARTS; n++) times.push(await startOnce(database));
  return times;
}

async function startOnce(database: string | undefined): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), "streamkeeper-start-"));
  const where = database === undefined ? [] : ["--database", database];
  const script = [...YOUNG_GENERATION, "dist/server/main.js", "--data-dir", dataDir, ...where];
  const started = performance.now();
  const child = spawn(process.execPath, script, { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    while (!existsSync(join(dataDir, "server.json"))) {
      if (child.exitCode !== null) throw new Error("the companion did not start");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return performance.now() - started;
  } finally {
    child.kill("SIGTERM");
    await ended;
    rmSync(dataDir, { recursive: true, force: true });
  }
}

export function bareNode(): number {
  const times = Array.from({ length: STARTS }, () => {
    const started = performance.now();
    spawnSync(process.execPath, ["-e", ""]);
    return performance.now() - started;
  });
  return median(times);
}
