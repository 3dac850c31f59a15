// From the text of /metrics to the figures of the last minute. Pure: the clock comes in.
// https://prometheus.io/docs/instrumenting/exposition_formats/

export const WINDOW_MS = 60_000;
const PHASES = ["wait", "body", "commit"] as const;
export type Phase = (typeof PHASES)[number];

/** Upper edge in seconds -> how many observations were not above it. */
export type Buckets = ReadonlyMap<number, number>;

/** One reading of the counters, summed over all operations. */
export interface Reading {
  /** Monotonic, in ms. */
  at: number;
  /** Names the process: counters of another one start at zero. */
  startedAt: number;
  duration: Buckets;
  phases: Readonly<Record<Phase, Buckets>>;
  /** Seconds spent in each. */
  phaseSeconds: Readonly<Record<Phase, number>>;
  commits: number;
  errors: number;
  rollbacks: number;
  slow: number;
  /** Gauges, as they are. */
  streams: number;
  turns: number;
  /** For how many seconds answers have waited for the database; 0: they do not. */
  waiting: number;
  /** The same while only the database's second machine is away. */
  waitingForSecond: number;
  /** What storing runs into at the moment, as an error code; undefined while it works. */
  storage: string | undefined;
}

/**
 * What happened between the oldest and the newest reading of a window. Quantiles in seconds,
 * undefined when nothing was observed.
 */
export interface Figures {
  p50: number | undefined;
  p95: number | undefined;
  p99: number | undefined;
  phases: Readonly<Record<Phase, number | undefined>>;
  phaseSeconds: Readonly<Record<Phase, number>>;
  commits: number;
  errors: number;
  rollbacks: number;
  slow: number;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export function parseReading(text: string, at: number): Reading {
  const duration = new Map<number, number>();
  const phases = { wait: new Map(), body: new Map(), commit: new Map() } satisfies Record<
    Phase,
    Map<number, number>
  >;
  const counts = { commits: 0, errors: 0, rollbacks: 0, slow: 0, streams: 0, turns: 0 };
  const waits = { waiting: 0, waitingForSecond: 0 };
  const phaseSeconds = { wait: 0, body: 0, commit: 0 };
  let startedAt = 0;
  let storage: string | undefined;
  for (const line of text.split("\n")) {
    const [, name, rest, number] = SAMPLE.exec(line) ?? [];
    if (name === undefined || number === undefined) continue;
    const value = toNumber(number);
    const labels = new Map(
      Array.from((rest ?? "").matchAll(LABEL), ([, label = "", content = ""]) => [label, content]),
    );
    switch (name) {
      case "process_start_time_seconds":
        startedAt = value;
        break;
      case "sse_transaction_duration_seconds_bucket":
        add(duration, toNumber(labels.get("le") ?? ""), value);
        break;
      case "sse_transaction_phase_seconds_bucket": {
        const phase = PHASES.find((known) => known === labels.get("phase"));
        if (phase) add(phases[phase], toNumber(labels.get("le") ?? ""), value);
        break;
      }
      case "sse_transaction_phase_seconds_sum": {
        const phase = PHASES.find((known) => known === labels.get("phase"));
        if (phase) phaseSeconds[phase] += value;
        break;
      }
      case "sse_transaction_commits_total":
        if (labels.get("status") === "success") counts.commits += value;
        if (labels.get("status") === "error") counts.errors += value;
        if (labels.get("status") === "rollback") counts.rollbacks += value;
        break;
      case "sse_transaction_slow_total":
        counts.slow += value;
        break;
      case "database_waiting_seconds":
        waits.waiting += value;
        break;
      case "database_second_machine_waiting_seconds":
        waits.waitingForSecond += value;
        break;
      case "storage_failing":
        if (value === 1) storage = labels.get("code");
        break;
      case "sse_streams_active":
        counts.streams += value;
        break;
      case "sse_turns_running":
        counts.turns += value;
        break;
    }
  }
  return { at, startedAt, duration, phases, phaseSeconds, storage, ...counts, ...waits };
}

function add(buckets: Map<number, number>, edge: number, count: number): void {
  if (!Number.isNaN(edge)) buckets.set(edge, (buckets.get(edge) ?? 0) + count);
}

function toNumber(text: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  return text === "" ? Number.NaN : Number(text);
}

/** `readings` with `reading` at its end and without what is older than a minute before it. */
export function keepLastMinute(readings: readonly Reading[], reading: Reading): Reading[] {
  return [...readings.filter(({ at }) => reading.at - at <= WINDOW_MS), reading];
}

/**
 * The sum of the differences from one reading to the next, so that a restart
 * in between loses nothing.
 */
export function toFigures(readings: readonly Reading[]): Figures {
  const duration = new Map<number, number>();
  const phases = { wait: new Map(), body: new Map(), commit: new Map() } satisfies Record<
    Phase,
    Map<number, number>
  >;
  const phaseSeconds = { wait: 0, body: 0, commit: 0 };
  const counts = { commits: 0, errors: 0, rollbacks: 0, slow: 0 };
  for (let i = 1; i < readings.length; i++) {
    const before = readings[i - 1];
    const after = readings[i];
    if (!before || !after) continue;
    const base = isReset(before, after) ? undefined : before;
    addIncrease(duration, base?.duration, after.duration);
    for (const phase of PHASES) {
      addIncrease(phases[phase], base?.phases[phase], after.phases[phase]);
      phaseSeconds[phase] += after.phaseSeconds[phase] - (base?.phaseSeconds[phase] ?? 0);
    }
    counts.commits += after.commits - (base?.commits ?? 0);
    counts.errors += after.errors - (base?.errors ?? 0);
    counts.rollbacks += after.rollbacks - (base?.rollbacks ?? 0);
    counts.slow += after.slow - (base?.slow ?? 0);
  }
  return {
    p50: quantile(duration, 0.5),
    p95: quantile(duration, 0.95),
    p99: quantile(duration, 0.99),
    phases: {
      wait: quantile(phases.wait, 0.95),
      body: quantile(phases.body, 0.95),
      commit: quantile(phases.commit, 0.95),
    },
    phaseSeconds,
    ...counts,
  };
}

function isReset(before: Reading, after: Reading): boolean {
  if (before.startedAt !== after.startedAt) return true;
  return (["commits", "errors", "rollbacks", "slow"] as const).some(
    (name) => after[name] < before[name],
  );
}

function addIncrease(sum: Map<number, number>, before: Buckets | undefined, after: Buckets): void {
  for (const [edge, count] of after) add(sum, edge, Math.max(0, count - (before?.get(edge) ?? 0)));
}

/**
 * As Prometheus's histogram_quantile: linear inside the bucket that holds the rank; the last finite
 * edge when the rank lies above all of them; undefined without observations.
 */
export function quantile(buckets: Buckets, q: number): number | undefined {
  const edges = [...buckets].toSorted(([a], [b]) => a - b);
  const total = edges.at(-1)?.[1] ?? 0;
  if (total <= 0) return undefined;
  const rank = q * total;
  let lower = 0;
  let below = 0;
  for (const [edge, count] of edges) {
    if (count >= rank && count > below) {
      if (edge === Number.POSITIVE_INFINITY) return lower;
      return lower + (edge - lower) * ((rank - below) / (count - below));
    }
    if (edge !== Number.POSITIVE_INFINITY) lower = edge;
    below = Math.max(below, count);
  }
  return lower;
}

/** "0.9 ms", "12 ms", "1.2 s": two digits that matter, no more. */
export function formatSeconds(seconds: number): string {
  const ms = seconds * 1000;
  if (ms < 0.05) return "< 0.1 ms";
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  return ms < 999.5 ? `${Math.round(ms)} ms` : `${seconds.toFixed(1)} s`;
}
