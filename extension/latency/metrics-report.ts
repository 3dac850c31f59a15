// What the metrics view is told. Pure, so that every state can be read in a test.
import { join } from "node:path";
import type { TransactionEntry, TransactionList } from "../../server/protocol/transactions.ts";
import type { MetricsReport } from "../../webview/metrics/messages.ts";
import type { Figures } from "./latency.ts";
import type { Point } from "./latency-history.ts";

export interface ReportInput {
  companion: MetricsReport["companion"];
  message: string;
  /** Nothing can be stored at the moment. */
  failing: boolean;
  /** The clock of the points, in ms. */
  monotonicNow: number;
  /** The clock of the transactions, in ms. */
  wallNow: number;
  ready: NonNullable<MetricsReport["storage"]> | undefined;
  slowSeconds: number;
  figures: Figures;
  points: readonly Point[];
  listed: TransactionList | undefined;
  slow: readonly TransactionEntry[];
  url: string | undefined;
  dataDir: string;
}

export function toReport(input: ReportInput): MetricsReport {
  const phases = { wait: 0, body: 0, commit: 0 };
  for (const { phaseSeconds } of input.points) {
    phases.wait += phaseSeconds.wait;
    phases.body += phaseSeconds.body;
    phases.commit += phaseSeconds.commit;
  }
  const { ready } = input;
  return {
    companion: input.companion,
    message: input.message,
    failing: input.failing,
    now: input.wallNow,
    storage: ready ? { engine: ready.engine, durability: ready.durability } : null,
    slow_threshold_seconds: input.listed?.slow_threshold_seconds ?? input.slowSeconds,
    last_minute: pick(input.figures),
    points: input.points.map((point) => ({
      from: (input.monotonicNow - point.from) / 1000,
      to: Math.max(0, input.monotonicNow - point.to) / 1000,
      ...pick(point),
    })),
    phases,
    transactions: input.listed?.transactions ?? [],
    slow: [...input.slow],
    metrics_url: input.url === undefined ? null : `${input.url}/metrics`,
    scrape_config: toScrapeConfig(input.dataDir),
  };
}

function pick({ p50, p95, p99, commits, errors, rollbacks, slow }: Figures) {
  return {
    p50: p50 ?? null,
    p95: p95 ?? null,
    p99: p99 ?? null,
    commits,
    errors,
    rollbacks,
    slow,
  };
}

/**
 * The part of prometheus.yml that finds this companion, whatever port it has; paths as JSON
 * strings, which YAML reads.
 */
export function toScrapeConfig(dataDir: string): string {
  const path = (...names: string[]) => JSON.stringify(join(dataDir, ...names));
  return `scrape_configs:
  - job_name: streamkeeper
    authorization:
      credentials_file: ${path("metrics_token")}
    file_sd_configs:
      - files: [${path("prometheus", "targets.json")}]
        refresh_interval: 5s
`;
}
