// What is downloaded and loaded, and how soon a companion is ready.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./hot-path-goals.ts";
import type { Result } from "./run.ts";

const STARTS = 7;

export async function measureSizes(): Promise<Result[]> {
  // Both print `NAME: SIZE of BUDGET bytes` and fail when a budget is exceeded; the package has the production build.
  const printed = spawnSync(process.execPath, ["extension/package.mjs"], { encoding: "utf8" });
  if (printed.status !== 0) throw new Error(printed.stderr || printed.stdout);
  const sizes = [...printed.stdout.matchAll(/^(\S+): (\d+) of (\d+) bytes/gm)].map(
    ([, name = "", size, budget]): Result => ({
      engine: "–",
      what: `size of ${name.split("/").at(-1)}`,
      measured: `${(Number(size) / 1000).toFixed(0)} KB`,
      baseline: "–",
      goal: `≤ ${Number(budget) / 1000} KB`,
      met: Number(size) <= Number(budget),
    }),
  );
  const starts: number[] = [];
  for (let n = 0; n < STARTS; n++) starts.push(await startOnce());
  const ready = median(starts);
  const companion: Result = {
    engine: "SQLite",
    what: "companion: from its start to ready, on a new database",
    measured: `${ready.toFixed(0)} ms`,
    baseline: `${bareNode().toFixed(0)} ms for Node itself`,
    goal: "≤ 250 ms",
    met: ready <= 250,
  };
  return [...sizes, companion];
}

async function startOnce(): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), "streamkeeper-start-"));
  const started = performance.now();
  const child = spawn(process.execPath, ["dist/server/main.js", "--data-dir", dataDir], {
    stdio: "ignore",
  });
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

function bareNode(): number {
  const times = Array.from({ length: STARTS }, () => {
    const started = performance.now();
    spawnSync(process.execPath, ["-e", ""]);
    return performance.now() - started;
  });
  return median(times);
}
