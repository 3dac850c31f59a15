// What the dashboard shows, row by row.
import { asking, JOB } from "./promql.ts";

export interface Query {
  expr: string;
  legend: string;
}

export interface Panel {
  title: string;
  description: string;
  unit: "s" | "bytes" | "short" | "ops" | "cpm" | "percentunit";
  queries: readonly Query[];
  /** Heading in docs/troubleshooting.md. */
  entry: string;
  stacked?: boolean;
  /** One number, with its colour, instead of a chart. */
  now?: "plain" | { goodFrom: number } | { badFrom: number };
}

const ask = asking({
  selector: `job="${JOB}",instance=~"$instance"`,
  window: "$__rate_interval",
});
const { rate, series, quantile } = ask;

export const PANELS: readonly { title: string; panels: readonly Panel[] }[] = [
  { title: "Now", panels: now() },
  { title: "Commits", panels: commits() },
  { title: "Where the time of commits goes", panels: phases() },
  { title: "Streams", panels: streams() },
  { title: "Turns and models", panels: models() },
  { title: "Storage", panels: storage() },
  { title: "Process", panels: processPanels() },
];

function now(): Panel[] {
  return [
    {
      title: "Companions up",
      description: "Of those that Prometheus knows.",
      unit: "short",
      queries: [{ expr: `sum(up{job="${JOB}",instance=~"$instance"})`, legend: "up" }],
      entry: "StreamkeeperDown",
      now: { goodFrom: 1 },
    },
    {
      title: "Database up",
      description: "0 if one of them does not answer.",
      unit: "short",
      queries: [{ expr: `min(${series("databaseUp")})`, legend: "up" }],
      entry: "StreamkeeperDatabaseDown",
      now: { goodFrom: 1 },
    },
    {
      title: "Storage failing",
      description: "1 while nothing can be stored.",
      unit: "short",
      queries: [{ expr: `max(${series("storageFailing")})`, legend: "failing" }],
      entry: "StreamkeeperStorageFailing",
      now: { badFrom: 1 },
    },
    {
      title: "Commits, p95",
      description: "As in the status bar.",
      unit: "s",
      queries: [{ expr: quantile(0.95, "transactionDuration"), legend: "p95" }],
      entry: "StreamkeeperCommitsSlow",
      now: { badFrom: 0.1 },
    },
    {
      title: "Active streams",
      description: "Clients that read now.",
      unit: "short",
      queries: [{ expr: `sum(${series("streamsActive")})`, legend: "streams" }],
      entry: "A stream that stops",
      now: "plain",
    },
    {
      title: "Running turns",
      description: "Answers on their way.",
      unit: "short",
      queries: [{ expr: `sum(${series("turnsRunning")})`, legend: "turns" }],
      entry: "A stuck session",
      now: "plain",
    },
  ];
}

function commits(): Panel[] {
  return [0.5, 0.95, 0.99].map((q) => ({
    title: `Commit latency by operation, p${q * 100}`,
    description: "From asking for a micro-transaction to its commit acknowledged.",
    unit: "s",
    queries: [{ expr: quantile(q, "transactionDuration", ["operation"]), legend: "{{operation}}" }],
    entry: "Slow commits",
  }));
}

function phases(): Panel[] {
  const share = `sum by (phase) (${rate("transactionPhase", "", "_sum")}) / sum by (phase) (${rate("transactionPhase", "", "_count")})`;
  return [
    {
      title: "Phases of a commit, on average",
      description:
        "wait: for the connection; body: its statements; commit: COMMIT, the flush to the disk.",
      unit: "s",
      queries: [{ expr: share, legend: "{{phase}}" }],
      entry: "Slow commits",
      stacked: true,
    },
    {
      title: "Slow transactions per minute",
      description: "Over the slow threshold; each is also a warning in the log.",
      unit: "cpm",
      queries: [
        { expr: `60 * sum by (operation) (${rate("transactionSlow")})`, legend: "{{operation}}" },
      ],
      entry: "Slow commits",
    },
    {
      title: "Commits by outcome",
      description: "error: the COMMIT failed; rollback: the work failed and was undone.",
      unit: "ops",
      queries: [{ expr: `sum by (status) (${rate("transactionCommits")})`, legend: "{{status}}" }],
      entry: "Failing commits",
      stacked: true,
    },
    {
      title: "Rollbacks, errors and retries",
      description: "A request that is refused inside its transaction is a rollback, too.",
      unit: "ops",
      queries: [
        {
          expr: `sum by (operation, status) (${rate("transactionCommits", 'status!="success"')})`,
          legend: "{{operation}} {{status}}",
        },
        {
          expr: `sum by (operation) (${rate("transactionRetries")})`,
          legend: "{{operation}} retried",
        },
      ],
      entry: "Failing commits",
    },
  ];
}

function streams(): Panel[] {
  return [
    {
      title: "Publish delay",
      description: "From a delta received from the model to its chunk committed and published.",
      unit: "s",
      queries: quantiles("publishDelay"),
      entry: "StreamkeeperPublishSlow",
    },
    {
      title: "Active streams and turns",
      description: "Clients that read, and answers on their way.",
      unit: "short",
      queries: [
        { expr: `sum(${series("streamsActive")})`, legend: "streams" },
        { expr: `sum(${series("turnsRunning")})`, legend: "turns" },
      ],
      entry: "A stream that stops",
    },
    {
      title: "Resumes by outcome",
      description: "live: nothing was missed; replayed: what was missed was given.",
      unit: "ops",
      queries: [{ expr: `sum by (outcome) (${rate("streamResumes")})`, legend: "{{outcome}}" }],
      entry: "StreamkeeperResumesFail",
    },
    {
      title: "Chunks published",
      description: "By type; each was committed before.",
      unit: "ops",
      queries: [{ expr: `sum by (type) (${rate("chunksPublished")})`, legend: "{{type}}" }],
      entry: "A stream that stops",
      stacked: true,
    },
  ];
}

function models(): Panel[] {
  return [
    {
      title: "Time to first chunk",
      description: "From the accepted message to the first published chunk of its answer.",
      unit: "s",
      queries: quantiles("timeToFirstChunk"),
      entry: "A stream that stops",
    },
    {
      title: "Turns by their end",
      description: "How answers ended, or that they wait for somebody.",
      unit: "ops",
      queries: [{ expr: `sum by (status) (${rate("turns")})`, legend: "{{status}}" }],
      entry: "A stream that stops",
    },
    {
      title: "Upstream errors",
      description: "Answers that the model's server ended with an error.",
      unit: "ops",
      queries: [
        {
          expr: `sum by (provider, code) (${rate("upstreamErrors")})`,
          legend: "{{provider}} {{code}}",
        },
      ],
      entry: "A stream that stops",
    },
    {
      title: "Tokens",
      description: "As the providers count them.",
      unit: "ops",
      queries: [{ expr: `sum by (direction) (${rate("tokens")})`, legend: "{{direction}}" }],
      entry: "A stream that stops",
    },
  ];
}

function storage(): Panel[] {
  return [
    {
      title: "Lock waits",
      description: "Waiting for the one writer of a session.",
      unit: "s",
      queries: quantiles("sessionLockWait"),
      entry: "A stuck session",
    },
    {
      title: "Database up",
      description: "1 while the database answers.",
      unit: "short",
      queries: [{ expr: series("databaseUp"), legend: "{{instance}}" }],
      entry: "StreamkeeperDatabaseDown",
    },
    {
      title: "Machines",
      description: "On how many lies what is shown; 0: the database does not say.",
      unit: "short",
      queries: [{ expr: series("storageMachines"), legend: "{{instance}}" }],
      entry: "StreamkeeperOneMachine",
    },
    {
      title: "Storage failing, by reason",
      description: "1 while nothing can be stored.",
      unit: "short",
      queries: [{ expr: `max by (code) (${series("storageFailing")})`, legend: "{{code}}" }],
      entry: "StreamkeeperStorageFailing",
    },
    {
      title: "Free on the disk",
      description: "Of the SQLite file; nothing with Postgres.",
      unit: "bytes",
      queries: [{ expr: series("storageFree"), legend: "{{instance}}" }],
      entry: "StreamkeeperDiskNearlyFull",
    },
  ];
}

function processPanels(): Panel[] {
  return [
    {
      title: "Memory",
      description: "Of the companion's process.",
      unit: "bytes",
      queries: [
        { expr: series("residentMemory"), legend: "{{instance}} resident" },
        { expr: series("heapUsed"), legend: "{{instance}} heap" },
      ],
      entry: "StreamkeeperEventLoopStalls",
    },
    {
      title: "Event-loop delay",
      description: "Between two scrapes. While it is long, nothing happens in any chat.",
      unit: "s",
      queries: [
        { expr: series("eventLoopP50"), legend: "{{instance}} p50" },
        { expr: series("eventLoopP99"), legend: "{{instance}} p99" },
        { expr: series("eventLoopMax"), legend: "{{instance}} max" },
      ],
      entry: "StreamkeeperEventLoopStalls",
    },
    {
      title: "CPU",
      description: "1 is one core, busy all the time.",
      unit: "percentunit",
      queries: [{ expr: rate("cpu"), legend: "{{instance}}" }],
      entry: "StreamkeeperEventLoopStalls",
    },
  ];
}

function quantiles(metric: Parameters<typeof quantile>[1]): Query[] {
  return [0.5, 0.95, 0.99].map((q) => ({ expr: quantile(q, metric), legend: `p${q * 100}` }));
}
