// Fifteen minutes of commit latency in few numbers, kept whether somebody looks or not.
// Pure: the clock comes in.
import { type Figures, type Reading, toFigures } from "./latency.ts";

/** One point of the chart. */
export const SLOT_MS = 15_000;
export const HISTORY_MS = 15 * 60_000;

/**
 * What happened between two monotonic times, in ms. Wider than a slot where nobody had read
 * the counters for a while.
 */
export interface Point extends Figures {
  from: number;
  to: number;
}

export interface History {
  /** Oldest first, without gaps but those of a companion that was away. */
  points: readonly Point[];
  /** The readings of the slot that is not full yet; the first is where it begins. */
  open: readonly Reading[];
}

export const EMPTY_HISTORY: History = { points: [], open: [] };

export function addReading({ points, open }: History, reading: Reading): History {
  const readings = [...open, reading];
  const first = readings[0] ?? reading;
  if (reading.at - first.at < SLOT_MS) return { points, open: readings };
  const oldest = reading.at - HISTORY_MS;
  return {
    points: [...points.filter(({ to }) => to > oldest), toPoint(readings, first, reading)],
    open: [reading],
  };
}

/**
 * The points that reach into the last fifteen minutes before `now`, with that of the
 * slot that is not full yet.
 */
export function pointsOf({ points, open }: History, now: number): Point[] {
  const first = open[0];
  const last = open.at(-1);
  const all = first && last && last !== first ? [...points, toPoint(open, first, last)] : points;
  return all.filter(({ to }) => to > now - HISTORY_MS);
}

function toPoint(readings: readonly Reading[], first: Reading, last: Reading): Point {
  return { from: first.at, to: last.at, ...toFigures(readings) };
}
