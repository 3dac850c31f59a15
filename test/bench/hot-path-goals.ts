// The way of a delta from the model to a reader, under load and alone.
import { buildDiskFaults } from "../faults/support/disk-faults.ts";
import type { LoadResult } from "./load-client.ts";
import { type BenchTarget, type Loaded, loadWarm, startMeasured } from "./measured-companion.ts";
import type { Result } from "./result.ts";
import { cpuOf } from "./thread-times.ts";
import { told } from "./upstream-goals.ts";

type Databases = () => Promise<string | undefined>;

async function run(
  database: Databases,
  target: Omit<BenchTarget, "database">,
  streams: number,
  model: string,
): Promise<Loaded> {
  const companion = await startMeasured({ ...target, database: await database() });
  try {
    await companion.load(1, "20x0");
    return await companion.load(streams, model);
  } finally {
    await companion.stop();
  }
}

const STREAMS = (quick: boolean) => (quick ? 300 : 1_000);
const ROUNDS = (quick: boolean) => (quick ? 1 : 3);
/** Long enough for all to have begun before the first ends. */
const PACED = (quick: boolean) => `${quick ? 80 : 300}x20`;

/** `database`: a path or URL for each companion; undefined: a SQLite file of its own. */
export async function measurePaced(
  engine: "SQLite" | "Postgres",
  database: Databases,
  quick: boolean,
): Promise<Result[]> {
  const streams = STREAMS(quick);
  const kept: Loaded[] = [];
  const unkept: Loaded[] = [];
  for (let round = 0; round < ROUNDS(quick); round++) {
    kept.push(
      await loadWarm({ keep: "durable", database: await database() }, streams, PACED(quick)),
    );
    unkept.push(
      await loadWarm({ keep: "none", database: await database() }, streams, PACED(quick)),
    );
  }
  const results = (["p50", "p99"] as const).map((share): Result => {
    const goal = GOAL_MS[engine][share];
    const ours = median(kept.map((one) => delaysOf(one)[share]));
    const theirs = median(unkept.map((one) => delaysOf(one)[share]));
    return {
      what: `${streams} streams × 20 deltas/s: delay ${share}`,
      measured: `${ours.toFixed(2)} ms (+${(ours - theirs).toFixed(2)})`,
      baseline: `${theirs.toFixed(2)} ms, nothing stored`,
      goal: `+${goal} ms`,
      met: ours - theirs <= goal,
    };
  });
  // The machine only ever adds.
  const [mine, limit] = [leastOf(kept), leastOf(unkept)];
  const spent = {
    what: `${streams} streams × 20 deltas/s: CPU of the companion`,
    measured: told(mine),
    baseline: `nothing stored: ${told(limit)}`,
    goal: `≤ ${GOAL_MICROS} µs a frame`,
    met: cpuOf(mine.loop.times, mine.together) <= GOAL_MICROS,
  };
  return [...results, spent];
}

const GOAL_MS = { SQLite: { p50: 2, p99: 10 }, Postgres: { p50: 2, p99: 15 } };
const GOAL_MICROS = 38;

function leastOf(runs: readonly Loaded[]): Loaded {
  const micros = ({ loop, together }: Loaded) => cpuOf(loop.times, together);
  const [least] = runs.toSorted((a, b) => micros(a) - micros(b));
  if (!least) throw new Error("nothing was measured");
  return least;
}

export async function measureFullSpeed(database: Databases, quick: boolean): Promise<Result[]> {
  const streams = STREAMS(quick);
  const rate = ({ deltas, seconds }: Loaded) => deltas / seconds;
  const full = `${quick ? 60 : 200}x0`;
  const fast: number[] = [];
  const off: number[] = [];
  for (let round = 0; round < ROUNDS(quick); round++) {
    fast.push(rate(await run(database, { keep: "durable" }, streams, full)));
    off.push(rate(await run(database, { keep: "none" }, streams, full)));
  }
  const ratio = median(fast) / median(off);
  // Slow as it is, fewer deltas tell the same; at a pace where each is a chunk of its own.
  const pace = `${quick ? 30 : 40}x20`;
  const naive = await run(database, { keep: "each" }, streams, pace);
  const same = await run(database, { keep: "durable" }, streams, pace);
  const naiveChunks = naive.frames / naive.seconds;
  const times = median(fast) / naiveChunks;
  return [
    {
      what: `${streams} streams, as fast as they go`,
      measured: `${thousands(median(fast))} deltas/s, ratio ${ratio.toFixed(2)}`,
      baseline: `${thousands(median(off))} deltas/s, nothing stored`,
      goal: "≥ 0.8",
      met: ratio >= 0.8,
    },
    {
      what: `${streams} streams, against one transaction for each chunk`,
      measured: `${times.toFixed(1)} ×; at 20/s each: ${toldDelay(same)}`,
      baseline: `${thousands(naiveChunks)} chunks/s; at 20/s each: ${toldDelay(naive)}`,
      goal: "≥ 5 ×",
      met: times >= 5,
    },
  ];
}

export async function measureLone(database: Databases, quick: boolean): Promise<Result[]> {
  const model = `${quick ? 60 : 200}x20`;
  const { p50, p99 } = delaysOf(await run(database, { keep: "durable" }, 1, model));
  const measured = `${p50.toFixed(2)} ms (p99 ${p99.toFixed(2)})`;
  const [baseline, goal] = ["–", "≤ 3 ms"];
  return [{ what: "one stream: delay p50", measured, baseline, goal, met: p50 <= 3 }];
}

function delaysOf({ delays, streams }: LoadResult): { p50: number; p99: number } {
  if (!delays) throw new Error(`the ${streams} streams never all ran at once`);
  return delays;
}

function toldDelay({ delays }: LoadResult): string {
  return delays ? `p50 ${delays.p50.toFixed(1)} ms` : "never all at once";
}

/** On Postgres the server syncs, not this process: there it is the plain run. */
export async function measureSlowSyncs(
  engine: string,
  database: Databases,
  quick: boolean,
): Promise<Result[]> {
  const streams = STREAMS(quick);
  const faults = engine === "SQLite" ? buildDiskFaults({ syncMicros: 5_000 }) : undefined;
  faults?.begin();
  const companion = await startMeasured({ database: await database(), env: faults?.env ?? {} });
  try {
    const { loop } = await companion.load(streams, PACED(quick));
    return [
      {
        what: `${streams} streams${faults ? ", each fsync takes 5 ms more" : ""}: event loop delay p99`,
        measured: `${loop.loop_p99.toFixed(2)} ms`,
        baseline: "1.1 ms is what an idle loop shows",
        goal: "≤ 10 ms",
        met: loop.loop_p99 <= 10,
      },
    ];
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
