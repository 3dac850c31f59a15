// What reading a model's answer costs, over a real socket: each format beside a plain parser and a
// counter of bytes, in the same run.
//   node test/bench/model-goals.ts    by itself
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BENCH_FORMATS } from "./model-formats.ts";
import type { ReadCost } from "./model-reader.ts";
import type { Result } from "./result.ts";

const GOAL = 1.4;
const STREAMS = 200;
const PER_SECOND = 20;

const KINDS = ["ours", "plain", "count"] as const;
/**
 * What is wanted is what an event costs a companion that has been up for a while: all readers
 * hear their streams so long at once, until the compiler has nothing more to do for any of them.
 */
const WARM_MS = 10_000;
/** In turns: what the machine does meanwhile happens to each of them. */
const WINDOWS = 6;
const WINDOW_SECONDS = 1;
const SETTLE_MS = 200;

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export async function measureModels(quick: boolean): Promise<Result[]> {
  const server = fork(script("model-server.ts"), [String(PER_SECOND), String(KINDS.length)]);
  try {
    const [{ ports }] = (await once(server, "message")) as [{ ports: number[] }];
    const results: Result[] = [];
    for (const { name, vendor } of BENCH_FORMATS) {
      const [ours, plain, count] = await costsOf(vendor, { server, ports, quick });
      if (!ours || !plain || !count) throw new Error("nothing was measured");
      results.push({
        what: `reading ${name}, ${STREAMS * PER_SECOND} events/s: main thread (process) for an event`,
        measured: `${told(ours)}, ${(ours.main / plain.main).toFixed(2)} × plain`,
        baseline: `${told(plain)}, plain parser; ${told(count)}, bytes counted`,
        goal: `${GOAL} × plain`,
        met: ours.main <= plain.main * GOAL,
      });
    }
    return results;
  } finally {
    server.disconnect();
  }
}

interface Measuring {
  server: ChildProcess;
  ports: readonly number[];
  quick: boolean;
}

/** Of each kind of reader, in their order. */
async function costsOf(
  vendor: string,
  { server, ports, quick }: Measuring,
): Promise<(ReadCost | undefined)[]> {
  server.send({});
  const readers = KINDS.map((kind, index) => ({
    port: ports[index],
    costs: [] as ReadCost[],
    reader: fork(script("model-reader.ts"), [kind, vendor, `${ports[index]}`, `${STREAMS}`]),
  }));
  await delay(quick ? 2_000 : WARM_MS);
  for (let window = 0; window < (quick ? 1 : WINDOWS); window += 1) {
    for (const { port, reader, costs } of readers) {
      server.send({ port });
      await delay(SETTLE_MS);
      reader.send({ seconds: WINDOW_SECONDS });
      costs.push(((await once(reader, "message")) as [ReadCost])[0]);
    }
  }
  for (const { reader } of readers) reader.disconnect();
  return readers.map(({ costs }) => median(costs));
}

function median(costs: readonly ReadCost[]): ReadCost | undefined {
  return costs.toSorted((a, b) => a.main - b.main)[Math.floor(costs.length / 2)];
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
