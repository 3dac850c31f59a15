// The whole way of a delta, from a model's server on a socket to a reader, in each vendor's format.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Loaded, loadWarm } from "./measured-companion.ts";
import type { BenchFormat } from "./model-formats.ts";
import type { Result } from "./result.ts";
import { cpuOf, toldTimes } from "./thread-times.ts";

export const UPSTREAM_STREAMS = [250, 500, 1_000] as const;

/** For 1,000 streams; held from 500 on, and with 250 told only: fewer words share a commit. */
const CPU = { from: 500, micros: 90 };
/** Of all cases the one that two cores can show in milliseconds. */
const SHOWN = { streams: 500, p50: 2, p99: 15 };

/** `database`: a path or URL for each companion; undefined: a SQLite file of its own. */
export async function measureUpstream(
  database: () => Promise<string | undefined>,
  { vendor, name }: BenchFormat,
  streams: number,
  quick: boolean,
): Promise<Result[]> {
  const server = fork(fileURLToPath(new URL("paced-upstream.ts", import.meta.url)));
  try {
    const [{ port }] = (await once(server, "message")) as [{ port: number }];
    const upstream = { url: `http://127.0.0.1:${port}`, vendor };
    const run = async (keep: "durable" | "none") =>
      await loadWarm(
        { keep, upstream, database: await database() },
        streams,
        `${quick ? 60 : 120 + Math.ceil(streams / 8)}x20`,
      );
    const kept = await run("durable");
    const unkept = await run("none");
    const { p50, p99 } = kept.delays ?? { p50: Number.NaN, p99: Number.NaN };
    const isHeld = streams >= CPU.from;
    const isShown = streams === SHOWN.streams;
    const isCheap = cpuOf(kept.loop.times, kept.together) <= CPU.micros;
    const isSoon = p50 <= SHOWN.p50 && p99 <= SHOWN.p99;
    return [
      {
        what: `${name} over HTTP, ${streams} streams × 20 events/s`,
        measured: told(kept),
        baseline: `nothing stored: ${told(unkept)}`,
        goal: isHeld
          ? `≤ ${CPU.micros} µs a frame${isShown ? `, p50 ≤ ${SHOWN.p50} ms, p99 ≤ ${SHOWN.p99}` : ""}`
          : "–",
        met: kept.delays !== null && (!isHeld || (isCheap && (!isShown || isSoon))),
      },
    ];
  } finally {
    await stop(server);
  }
}

export function told({ delays, loop, together, frames, deltas }: Loaded): string {
  if (!delays) return "never all at once";
  const { p50, p99 } = delays;
  const merged = deltas / frames;
  return [
    `p50 ${p50.toFixed(2)}, p99 ${p99.toFixed(1)}, event loop p99 ${loop.loop_p99.toFixed(1)} ms`,
    toldTimes(loop.times, together),
    ...(merged > 1.05 ? [`${merged.toFixed(1)} deltas a frame`] : []),
  ].join("; ");
}

async function stop(server: ChildProcess): Promise<void> {
  const ended = once(server, "exit");
  server.disconnect();
  await ended;
}
