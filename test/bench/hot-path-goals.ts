// The way of a delta from the model to a reader, under load and alone.
import { buildDiskFaults } from "../faults/support/disk-faults.ts";
import type { LoadResult } from "./load-client.ts";
import { type BenchTarget, type Measures, startMeasured } from "./measured-companion.ts";
import type { Result } from "./result.ts";

type Loaded = LoadResult & { loop: Measures };

/** `database`: a path or URL for each companion; undefined: a SQLite file of its own. */
export async function measureHotPath(
  engine: string,
  database: () => Promise<string | undefined>,
  quick: boolean,
): Promise<Result[]> {
  const streams = quick ? 300 : 1_000;
  const run = async (target: Omit<BenchTarget, "database">, count: number, model: string) => {
    const companion = await startMeasured({ ...target, database: await database() });
    try {
      await companion.load(1, "20x0");
      return await companion.load(count, model);
    } finally {
      await companion.stop();
    }
  };
  const rate = ({ deltas, seconds }: Loaded) => deltas / seconds;
  const results: Result[] = [];
  const add = (what: string, measured: string, baseline: string, goal: string, met: boolean) =>
    results.push({ engine, what, measured, baseline, goal, met });

  const rounds = quick ? 1 : 3;
  // Long enough for all to have begun before the first ends.
  const paced = `${quick ? 80 : 300}x20`;
  const kept: Loaded[] = [];
  const unkept: Loaded[] = [];
  for (let round = 0; round < rounds; round++) {
    kept.push(await run({ keep: "durable" }, streams, paced));
    unkept.push(await run({ keep: "none" }, streams, paced));
  }
  for (const [share, goal] of [
    ["p50", 2],
    ["p99", 10],
  ] as const) {
    const ours = median(kept.map((one) => delaysOf(one)[share]));
    const theirs = median(unkept.map((one) => delaysOf(one)[share]));
    add(
      `${streams} streams × 20 deltas/s: delay ${share}`,
      `${ours.toFixed(2)} ms (+${(ours - theirs).toFixed(2)})`,
      `${theirs.toFixed(2)} ms, nothing stored`,
      `+${goal} ms`,
      ours - theirs <= goal,
    );
  }

  const full = `${quick ? 60 : 200}x0`;
  const fast: number[] = [];
  const off: number[] = [];
  for (let round = 0; round < rounds; round++) {
    fast.push(rate(await run({ keep: "durable" }, streams, full)));
    off.push(rate(await run({ keep: "none" }, streams, full)));
  }
  const ratio = median(fast) / median(off);
  add(
    `${streams} streams, as fast as they go`,
    `${thousands(median(fast))} deltas/s, ratio ${ratio.toFixed(2)}`,
    `${thousands(median(off))} deltas/s, nothing stored`,
    "≥ 0.8",
    ratio >= 0.8,
  );
  // Slow as it is, fewer deltas tell the same; at a pace where each is a chunk of its own.
  const pace = `${quick ? 30 : 40}x20`;
  const naive = await run({ keep: "each" }, streams, pace);
  const same = await run({ keep: "durable" }, streams, pace);
  const naiveChunks = naive.frames / naive.seconds;
  const times = median(fast) / naiveChunks;
  add(
    `${streams} streams, against one transaction for each chunk`,
    `${times.toFixed(1)} ×; at 20/s each: ${told(same)}`,
    `${thousands(naiveChunks)} chunks/s; at 20/s each: ${told(naive)}`,
    "≥ 5 ×",
    times >= 5,
  );

  const lone = delaysOf(await run({ keep: "durable" }, 1, `${quick ? 60 : 200}x20`));
  add(
    "one stream: delay p50",
    `${lone.p50.toFixed(2)} ms (p99 ${lone.p99.toFixed(2)})`,
    "–",
    "≤ 3 ms",
    lone.p50 <= 3,
  );
  results.push(await loopWithSlowSyncs(engine, database, streams, paced));
  return results;
}

function delaysOf({ delays, streams }: LoadResult): { p50: number; p99: number } {
  if (!delays) throw new Error(`the ${streams} streams never all ran at once`);
  return delays;
}

function told({ delays }: LoadResult): string {
  return delays ? `p50 ${delays.p50.toFixed(1)} ms` : "never all at once";
}

/** On Postgres the server syncs, not this process: there it is the plain run. */
async function loopWithSlowSyncs(
  engine: string,
  database: () => Promise<string | undefined>,
  streams: number,
  paced: string,
): Promise<Result> {
  const faults = engine === "SQLite" ? buildDiskFaults({ syncMicros: 5_000 }) : undefined;
  faults?.begin();
  const companion = await startMeasured({ database: await database(), env: faults?.env ?? {} });
  try {
    const { loop } = await companion.load(streams, paced);
    return {
      engine,
      what: `${streams} streams${faults ? ", each fsync takes 5 ms more" : ""}: event loop delay p99`,
      measured: `${loop.loop_p99.toFixed(2)} ms`,
      baseline: "1.1 ms is what an idle loop shows",
      goal: "≤ 10 ms",
      met: loop.loop_p99 <= 10,
    };
  } finally {
    await companion.stop();
    faults?.remove();
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function thousands(value: number): string {
  return `${(value / 1000).toFixed(value < 10_000 ? 1 : 0)} k`;
}
