// The postMessage contract between the extension host and the metrics view. Both
// sides parse what they get.
import * as z from "zod/mini";
import { Id } from "../../server/protocol/fields.ts";
import { TransactionEntry } from "../../server/protocol/transactions.ts";

/** In seconds; null: nothing was committed. */
const Latency = z.nullable(z.number());

const Quantiles = { p50: Latency, p95: Latency, p99: Latency };
const Counts = {
  commits: z.number(),
  errors: z.number(),
  rollbacks: z.number(),
  slow: z.number(),
};

/** `from` and `to`: seconds ago. */
export const ChartPoint = z.object({ from: z.number(), to: z.number(), ...Quantiles, ...Counts });
export type ChartPoint = z.infer<typeof ChartPoint>;

/** All that the view shows, as of now. */
export const MetricsReport = z.object({
  companion: z.enum(["stopped", "starting", "replacing", "ready", "away", "failed"]),
  /** The state in a sentence; with what nothing can be stored for, if so. */
  message: z.string(),
  failing: z.boolean(),
  /** Wall clock in ms, by which the times of the transactions are read. */
  now: z.number(),
  storage: z.nullable(
    z.object({
      engine: z.enum(["sqlite", "postgres"]),
      durability: z.enum(["full", "balanced"]),
    }),
  ),
  slow_threshold_seconds: z.number(),
  last_minute: z.object({ ...Quantiles, ...Counts }),
  /** Of the last fifteen minutes, oldest first. */
  points: z.array(ChartPoint),
  /** Seconds spent in each within that time. */
  phases: z.object({ wait: z.number(), body: z.number(), commit: z.number() }),
  transactions: z.array(TransactionEntry),
  slow: z.array(TransactionEntry),
  /** For Prometheus; null while no companion runs. */
  metrics_url: z.nullable(z.string()),
  scrape_config: z.string(),
});
export type MetricsReport = z.infer<typeof MetricsReport>;

export const ToMetrics = z.object({ type: z.literal("report"), report: MetricsReport });
export type ToMetrics = z.infer<typeof ToMetrics>;

/** Commands that the view may ask for; a closed list. */
export const METRICS_COMMANDS = [
  "copy_metrics_url",
  "copy_scrape_config",
  "show_log",
  "restart_server",
] as const;
export type MetricsCommand = (typeof METRICS_COMMANDS)[number];

export const FromMetrics = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ready") }),
  z.strictObject({ type: z.literal("open_session"), session_id: Id, turn_id: z.optional(Id) }),
  z.strictObject({ type: z.literal("command"), command: z.enum(METRICS_COMMANDS) }),
]);
export type FromMetrics = z.infer<typeof FromMetrics>;
