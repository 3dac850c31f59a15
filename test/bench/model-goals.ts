// What reading a model's answer costs, over a real socket: each format beside a plain parser and a
// counter of bytes, in the same run.
//   node test/bench/model-goals.ts    by itself
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { BENCH_FORMATS } from "./model-formats.ts";
import type { ReadCost } from "./model-reader.ts";
import type { Result } from "./result.ts";

const GOAL = 1.4;
const STREAMS = 200;
const PER_SECOND = 20;

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export async function measureModels(quick: boolean): Promise<Result[]> {
  const server = fork(script("model-server.ts"), [String(PER_SECOND)]);
  try {
    const [{ port }] = (await once(server, "message")) as [{ port: number }];
    const results: Result[] = [];
    for (const format of BENCH_FORMATS) {
      const ours: ReadCost[] = [];
      const plain: ReadCost[] = [];
      const count: ReadCost[] = [];
      for (let round = 0; round < (quick ? 1 : 2); round += 1) {
        ours.push(await costOf("ours", format.vendor, port));
        plain.push(await costOf("plain", format.vendor, port));
        count.push(await costOf("count", format.vendor, port));
      }
      const [mine, theirs, floor] = [ours, plain, count].map(least);
      if (!mine || !theirs || !floor) throw new Error("nothing was measured");
      results.push({
        engine: "model",
        what: `reading ${format.name}, ${STREAMS * PER_SECOND} events/s: main thread (process) for an event`,
        measured: `${told(mine)}, ${(mine.main / theirs.main).toFixed(2)} × plain`,
        baseline: `${told(theirs)}, plain parser; ${told(floor)}, bytes counted`,
        goal: `${GOAL} × plain`,
        met: mine.main <= theirs.main * GOAL,
      });
    }
    return results;
  } finally {
    server.disconnect();
  }
}

async function costOf(kind: string, vendor: string, port: number): Promise<ReadCost> {
  const reader: ChildProcess = fork(script("model-reader.ts"), [
    ...[kind, vendor, String(port), String(STREAMS), "3"],
  ]);
  const [cost] = (await once(reader, "message")) as [ReadCost];
  return cost;
}

/** The machine only ever adds. */
function least(costs: readonly ReadCost[]): ReadCost | undefined {
  return costs.toSorted((a, b) => a.main - b.main)[0];
}

function told({ main, process: all }: ReadCost): string {
  return `${main.toFixed(1)} µs (${all.toFixed(1)})`;
}

if (import.meta.main) {
  for (const { what, measured, baseline, met } of await measureModels(
    process.argv.includes("--quick"),
  )) {
    console.log(`| ${what} | ${measured} | ${baseline} | ${met ? "met" : "missed"} |`);
  }
}
