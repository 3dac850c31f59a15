// PromQL in the words of the code: names of metrics and labels come from where they are counted.
import { METRIC_NAMES } from "../server/observe/metric-names.ts";

/** The label of all our targets: in DATA_DIR/prometheus/targets.json. */
export const JOB = "streamkeeper";

/** Ours, and those of the process and of Node that prom-client adds. */
export const METRICS = {
  ...METRIC_NAMES,
  residentMemory: "process_resident_memory_bytes",
  heapUsed: "nodejs_heap_size_used_bytes",
  cpu: "process_cpu_seconds_total",
  eventLoopP50: "nodejs_eventloop_lag_p50_seconds",
  eventLoopP99: "nodejs_eventloop_lag_p99_seconds",
  eventLoopMax: "nodejs_eventloop_lag_max_seconds",
} as const;
type Metric = keyof typeof METRICS;

/** Where a question is asked: of which series, and over how long a time its rates are taken. */
export interface Scope {
  /** Put into every selector. */
  selector: string;
  window: string;
}

export interface Ask {
  /** The series of one metric; `suffix` is that of a histogram's. */
  series(metric: Metric, where?: string, suffix?: Suffix): string;
  rate(metric: Metric, where?: string, suffix?: Suffix): string;
  increase(metric: Metric, where?: string, suffix?: Suffix): string;
  /** A quantile of a histogram for each value of `by`. */
  quantile(q: number, metric: Metric, by?: readonly string[]): string;
}

type Suffix = "" | "_bucket" | "_count" | "_sum";

export function asking({ selector, window }: Scope): Ask {
  const series = (metric: Metric, where = "", suffix: Suffix = ""): string => {
    const labels = [selector, where].filter((part) => part !== "").join(",");
    return `${METRICS[metric]}${suffix}${labels === "" ? "" : `{${labels}}`}`;
  };
  const rate: Ask["rate"] = (metric, where, suffix) =>
    `rate(${series(metric, where, suffix)}[${window}])`;
  return {
    series,
    rate,
    increase: (metric, where, suffix) => `increase(${series(metric, where, suffix)}[${window}])`,
    quantile: (q, metric, by = []) =>
      `histogram_quantile(${q}, sum by (${["le", ...by].join(", ")}) (${rate(metric, "", "_bucket")}))`,
  };
}
