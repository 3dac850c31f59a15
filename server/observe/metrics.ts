import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type OpenMetricsContentType,
  Registry,
} from "prom-client";
import { CHUNK_TYPES, type ChunkType } from "../protocol/chunks.ts";
import { ERROR_CODES, STORAGE_CODES, type StorageCode } from "../protocol/errors.ts";
import { createDurations, type DurationSeries } from "./durations.ts";
import { METRIC_NAMES } from "./metric-names.ts";
import { OPERATIONS, type Operation } from "./operations.ts";
import { type Tally, talliesOf } from "./tallies.ts";

/**
 * Edges in seconds. 0.1 is an exact edge because the slow-transaction alert asks for it; the
 * library's default starts at 5 ms, which would put every local commit into one bucket.
 */
export const DURATION_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];

export const COMMIT_STATUSES = ["success", "error", "rollback"] as const;
export const PHASES = ["wait", "body", "commit"] as const;
export const RESUME_OUTCOMES = ["live", "replayed", "refused"] as const;
export const TURN_OUTCOMES = ["done", "error", "interrupted", "waiting"] as const;

export type CommitStatus = (typeof COMMIT_STATUSES)[number];
type Metric = keyof typeof METRIC_NAMES;
/** Of exemplars, not of series. */
type ExemplarLabel = "trace_id";
export type Phase = (typeof PHASES)[number];
export type ResumeOutcome = (typeof RESUME_OUTCOMES)[number];

/**
 * Named as in docs/metrics.md; each `createMetrics` has a registry of its own, so a
 * test reads its own numbers.
 */
export interface Metrics {
  registry: Registry;
  /** The same metrics in OpenMetrics form, the only one that can carry exemplars. */
  openMetrics: Registry<OpenMetricsContentType>;
  /** Takes exemplars, as `timeToFirstChunk` does. */
  transactionDuration: Readonly<Record<Operation, DurationSeries>>;
  transactionPhase: Readonly<Record<Operation, Readonly<Record<Phase, DurationSeries>>>>;
  transactionCommits: Counter<"operation" | "status">;
  /** Counts one of them, a success. */
  committed: Readonly<Record<Operation, Tally>>;
  transactionSlow: Counter<"operation">;
  transactionRetries: Counter<"operation">;
  streamsActive: Gauge;
  turnsRunning: Gauge;
  chunksPublished: Counter<"type">;
  /** Counts one of them. */
  published: Readonly<Record<ChunkType, Tally>>;
  publishDelay: DurationSeries;
  streamResumes: Counter<"outcome">;
  turns: Counter<"status">;
  timeToFirstChunk: Histogram<ExemplarLabel>;
  tokens: Counter<"direction">;
  upstreamErrors: Counter<"provider" | "code">;
  upstreamSkipped: Counter<"provider" | "kind">;
  upstreamResumes: Counter<"provider" | "cause">;
  sessionLockWait: Histogram;
  databaseUp: Gauge;
  databaseWaiting: Gauge;
  secondMachineWaiting: Gauge;
  storageMachines: Gauge;
  /** Listens to the storage's health. */
  showStorage(problem: StorageCode | undefined): void;
  /** Asked for when it is scraped. */
  storageFree: Gauge;
  /** On the disk of the database, where that is this machine's. */
  freeBytes(): Promise<number | undefined>;
}

/**
 * Node's default metrics that break the naming rules (`promtool check
 * metrics`): gauges called `_total`.
 */
const MISNAMED_DEFAULTS = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/**
 * `freeBytes` is asked at each scrape; undefined where the disk of the
 * database is not this machine's.
 */
export function createMetrics(
  version: string,
  freeBytes: () => Promise<number | undefined> = async () => undefined,
): Metrics {
  const registry = new Registry();
  const openMetrics = new Registry<OpenMetricsContentType>();
  openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const registers = [openMetrics];
  const { counter, gauge } = makers(registers);
  const seconds = { buckets: DURATION_BUCKETS, registers };

  const chunksPublished = counter(
    "chunksPublished",
    ["type"],
    "Chunks committed and made visible.",
  );

  const metrics: Metrics = {
    registry,
    openMetrics,
    ...transactionMetrics(openMetrics, registers),
    streamsActive: gauge("streamsActive", "Clients that read a stream now."),
    turnsRunning: gauge("turnsRunning", "Turns that this companion runs now."),
    chunksPublished,
    published: talliesOf(chunksPublished, CHUNK_TYPES, (type) => ({ type })),
    publishDelay: createDurations(
      {
        name: METRIC_NAMES.publishDelay,
        help: "From a delta received from the model to its chunk committed and published.",
        labelNames: [],
        buckets: DURATION_BUCKETS,
      },
      openMetrics,
    ).add({}),
    streamResumes: counter(
      "streamResumes",
      ["outcome"],
      "Streams opened with a cursor, by what the reader got.",
    ),
    turns: counter("turns", ["status"], "Turns by how they ended or paused."),
    timeToFirstChunk: new Histogram({
      name: METRIC_NAMES.timeToFirstChunk,
      help: "From the accepted message to the first published chunk of its answer.",
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      enableExemplars: true,
      registers,
    }),
    tokens: counter("tokens", ["direction"], "Tokens as the providers count them."),
    ...upstreamMetrics(registers),
    sessionLockWait: new Histogram({
      name: METRIC_NAMES.sessionLockWait,
      help: "Waiting for the one writer of a session.",
      ...seconds,
    }),
    databaseUp: gauge("databaseUp", "1 while the database answers."),
    databaseWaiting: gauge(
      "databaseWaiting",
      "For how long answers have waited for the database; 0 while they do not.",
    ),
    secondMachineWaiting: gauge(
      "secondMachineWaiting",
      "The same while the database answers, and only its second machine is away.",
    ),
    storageMachines: gauge(
      "storageMachines",
      "On how many machines lies what is shown, as the database says; 0: it does not say.",
    ),
    showStorage: storageGauge(registers),
    storageFree: createStorageFree(freeBytes, registers),
    freeBytes,
  };

  const buildInfo = new Gauge({
    name: METRIC_NAMES.buildInfo,
    help: "Always 1; the labels say what runs.",
    labelNames: ["version", "node"],
    registers,
  });
  buildInfo.set({ version, node: process.versions.node }, 1);

  startAtZero(metrics);
  collectDefaultMetrics({ register: registry });
  writeInBothForms(registry, openMetrics);
  return metrics;
}

function makers(registers: Registry<OpenMetricsContentType>[]) {
  return {
    counter: <L extends string>(metric: Metric, labelNames: L[], help: string) =>
      new Counter({ name: METRIC_NAMES[metric], help, labelNames, registers }),
    gauge: (metric: Metric, help: string) =>
      new Gauge({ name: METRIC_NAMES[metric], help, registers }),
  };
}

function transactionMetrics(
  openMetrics: Registry<OpenMetricsContentType>,
  registers: Registry<OpenMetricsContentType>[],
) {
  const { counter } = makers(registers);
  const durations = <L extends string>(name: string, labelNames: readonly L[], help: string) =>
    createDurations({ name, help, labelNames, buckets: DURATION_BUCKETS }, openMetrics);
  const transactions = durations(
    METRIC_NAMES.transactionDuration,
    ["operation"],
    "From asking for a micro-transaction to its commit acknowledged.",
  );
  const phases = durations(
    METRIC_NAMES.transactionPhase,
    ["operation", "phase"],
    "Where the time of a micro-transaction went: waiting for the connection, its statements, its COMMIT.",
  );
  const transactionCommits = counter(
    "transactionCommits",
    ["operation", "status"],
    "Micro-transactions by outcome; error: the COMMIT failed, rollback: the work failed.",
  );
  return {
    transactionDuration: byOperation((operation) => transactions.add({ operation })),
    transactionPhase: byOperation((operation) => ({
      wait: phases.add({ operation, phase: "wait" }),
      body: phases.add({ operation, phase: "body" }),
      commit: phases.add({ operation, phase: "commit" }),
    })),
    transactionCommits,
    committed: talliesOf(transactionCommits, OPERATIONS, (operation) => ({
      operation,
      status: "success",
    })),
    transactionSlow: counter(
      "transactionSlow",
      ["operation"],
      "Micro-transactions over the slow threshold.",
    ),
    transactionRetries: counter(
      "transactionRetries",
      ["operation"],
      "Micro-transactions begun again after a lock conflict or a serialization failure.",
    ),
  };
}

function upstreamMetrics(registers: Registry<OpenMetricsContentType>[]) {
  const { counter } = makers(registers);
  return {
    upstreamErrors: counter(
      "upstreamErrors",
      ["provider", "code"],
      "Answers that the model's server ended with an error.",
    ),
    upstreamSkipped: counter(
      "upstreamSkipped",
      ["provider", "kind"],
      "Events of models' answers, or parts of them, that carried nothing known.",
    ),
    upstreamResumes: counter(
      "upstreamResumes",
      ["provider", "cause"],
      "Answers that were gone on with where they stood.",
    ),
  };
}

/** Each form gets the metrics of the other one, without what is misnamed. */
function writeInBothForms(registry: Registry, openMetrics: Registry<OpenMetricsContentType>): void {
  for (const name of MISNAMED_DEFAULTS) registry.removeSingleMetric(name);
  for (const metric of openMetrics.getMetricsAsArray()) {
    const single = openMetrics.getSingleMetric(metric.name);
    if (single) registry.registerMetric(single);
  }
  for (const metric of registry.getMetricsAsArray()) {
    const single = registry.getSingleMetric(metric.name);
    if (!single) continue;
    openMetrics.removeSingleMetric(metric.name);
    openMetrics.registerMetric(single instanceof Counter ? viewOf(single) : single);
  }
}

/**
 * The same counter under a name of its own: the library takes `_total` off the name of each counter
 * that it writes as OpenMetrics, and would leave it so for the plain form.
 */
function viewOf(counter: Counter): Counter {
  const view: unknown = Object.create(counter);
  if (!(view instanceof Counter)) throw new TypeError("not a counter");
  return view;
}

function createStorageFree(
  freeBytes: () => Promise<number | undefined>,
  registers: Registry<OpenMetricsContentType>[],
): Gauge {
  return new Gauge({
    name: METRIC_NAMES.storageFree,
    help: "Free bytes on the disk of the SQLite file.",
    registers,
    async collect() {
      const bytes = await freeBytes();
      if (bytes === undefined) this.remove();
      else this.set(bytes);
    },
  });
}

/** Sets `storage_failing`, at each change of the storage's health. */
function storageGauge(
  registers: Registry<OpenMetricsContentType>[],
): (problem: StorageCode | undefined) => void {
  const failing = new Gauge({
    name: METRIC_NAMES.storageFailing,
    help: "1 while nothing can be stored, by what the last attempt ran into.",
    labelNames: ["code"],
    registers,
  });
  const show = (problem: StorageCode | undefined): void => {
    for (const code of STORAGE_CODES) failing.set({ code }, code === problem ? 1 : 0);
  };
  show(undefined);
  return show;
}

/**
 * For each provider, why events of it may be left out, why it may be gone on
 * with; this module knows none.
 */
export function startUpstreamAtZero(
  { upstreamErrors, upstreamSkipped, upstreamResumes }: Metrics,
  providers: readonly string[],
  skippedKinds: readonly string[],
  resumeCauses: readonly string[],
): void {
  const codes = ERROR_CODES.filter((code) => code.startsWith("upstream_"));
  for (const provider of providers) {
    for (const code of codes) upstreamErrors.inc({ provider, code }, 0);
    for (const kind of skippedKinds) upstreamSkipped.inc({ provider, kind }, 0);
    for (const cause of resumeCauses) upstreamResumes.inc({ provider, cause }, 0);
  }
}

function byOperation<T>(of: (operation: Operation) => T): Record<Operation, T> {
  const entries = OPERATIONS.map((operation) => [operation, of(operation)] as const);
  return Object.fromEntries(entries) as Record<Operation, T>;
}

/** `rate()` cannot see the first event of a series that did not exist before it. */
function startAtZero(metrics: Metrics): void {
  for (const operation of OPERATIONS) {
    metrics.transactionSlow.inc({ operation }, 0);
    metrics.transactionRetries.inc({ operation }, 0);
    for (const status of COMMIT_STATUSES) metrics.transactionCommits.inc({ operation, status }, 0);
  }
  for (const type of CHUNK_TYPES) metrics.chunksPublished.inc({ type }, 0);
  for (const outcome of RESUME_OUTCOMES) metrics.streamResumes.inc({ outcome }, 0);
  for (const status of TURN_OUTCOMES) metrics.turns.inc({ status }, 0);
  for (const direction of ["input", "output"]) metrics.tokens.inc({ direction }, 0);
}
