// The shape of the latency chart; pure. Time runs from left to right, latency on a logarithmic
// scale: a commit may take a tenth of a millisecond or a second.
import type { ChartPoint } from "./messages.ts";

export const WIDTH = 720;
export const HEIGHT = 220;
export const SPAN_SECONDS = 15 * 60;
const LEFT = 52;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 24;
const MIN_SECONDS = 0.0001;
const MAX_SECONDS = 10;

/** Where horizontal lines are drawn, in seconds. */
export const LATENCY_MARKS = [0.0001, 0.001, 0.01, 0.1, 1, 10];
/** Where vertical ones are, in seconds ago. */
export const TIME_MARKS = [900, 600, 300, 0];

export const PLOT = { left: LEFT, right: WIDTH - RIGHT, top: TOP, bottom: HEIGHT - BOTTOM };

export function xOf(secondsAgo: number): number {
  const share = 1 - Math.min(Math.max(secondsAgo, 0), SPAN_SECONDS) / SPAN_SECONDS;
  return round(PLOT.left + share * (PLOT.right - PLOT.left));
}

export function yOf(seconds: number): number {
  const clamped = Math.min(Math.max(seconds, MIN_SECONDS), MAX_SECONDS);
  const share = Math.log10(clamped / MIN_SECONDS) / Math.log10(MAX_SECONDS / MIN_SECONDS);
  return round(PLOT.bottom - share * (PLOT.bottom - PLOT.top));
}

/** Points this near to each other belong together. */
const JOINED_SECONDS = 1;

/**
 * A stair of one quantile: level from the beginning to the end of each point; broken
 * where nothing was committed.
 */
export function toPath(points: readonly ChartPoint[], quantile: "p50" | "p95" | "p99"): string {
  let path = "";
  let end: number | undefined;
  for (const point of points) {
    const value = point[quantile];
    if (value === null) {
      end = undefined;
      continue;
    }
    const joined = end !== undefined && Math.abs(end - point.from) <= JOINED_SECONDS;
    path += `${joined ? "L" : "M"}${xOf(point.from)} ${yOf(value)}L${xOf(point.to)} ${yOf(value)}`;
    end = point.to;
  }
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Widths in percent of the whole; nothing if there is nothing. */
export function toShares(phases: Readonly<Record<"wait" | "body" | "commit", number>>) {
  const total = phases.wait + phases.body + phases.commit;
  if (total <= 0) return undefined;
  const share = (seconds: number): number => (seconds / total) * 100;
  return { wait: share(phases.wait), body: share(phases.body), commit: share(phases.commit) };
}
