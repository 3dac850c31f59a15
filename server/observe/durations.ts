import type { Histogram, OpenMetricsContentType, Registry } from "prom-client";

export interface DurationSeries {
  /** `exemplar`: the labels that lead from a measured time to what it belongs to. */
  observe(seconds: number, exemplar?: Readonly<Record<string, string>>): void;
}

/**
 * A histogram whose series are all known from the start, for what is observed by the
 * thousand a second: prom-client makes a text of the labels for each value and looks the
 * series up by it. Adding a series gives back what to observe with; the registry writes it
 * as it writes its own histograms.
 */
export interface Durations<L extends string> {
  add(labels: Readonly<Record<L, string>>): DurationSeries;
}

export function createDurations<L extends string>(
  about: { name: string; help: string; buckets: readonly number[]; labelNames: readonly L[] },
  registry: Pick<Registry<OpenMetricsContentType>, "registerMetric">,
): Durations<L> {
  const { name, help, buckets, labelNames } = about;
  const all: Series[] = [];
  // All that a registry asks of a metric:
  // https://github.com/siimon/prom-client/blob/v15.1.3/lib/registry.js
  const metric = {
    name,
    help,
    labelNames,
    type: "histogram",
    aggregator: "sum",
    get: async () => ({
      name,
      help,
      type: "histogram",
      aggregator: "sum",
      values: all.flatMap((series) => valuesOf(name, buckets, series)),
    }),
  };
  registry.registerMetric(metric as unknown as Histogram);
  return {
    add(labels) {
      const series: Series = {
        labels,
        counts: Array.from({ length: buckets.length + 1 }, () => 0),
        exemplars: [],
        sum: 0,
      };
      all.push(series);
      return {
        observe(seconds, exemplar) {
          let bucket = 0;
          while (bucket < buckets.length && seconds > (buckets[bucket] ?? 0)) bucket++;
          series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
          series.sum += seconds;
          if (!exemplar) return;
          series.exemplars[bucket] = {
            labelSet: exemplar,
            value: seconds,
            timestamp: Date.now() / 1000,
          };
        },
      };
    },
  };
}

interface Series {
  labels: Readonly<Record<string, string>>;
  /** By bucket, not cumulative; the last is for what is over all edges. */
  counts: number[];
  /** The newest of each bucket. */
  exemplars: (
    | { labelSet: Readonly<Record<string, string>>; value: number; timestamp: number }
    | undefined
  )[];
  sum: number;
}

function valuesOf(name: string, buckets: readonly number[], series: Series): object[] {
  const { labels, counts, exemplars, sum } = series;
  let count = 0;
  const edges = counts.map((own, bucket) => {
    count += own;
    return {
      metricName: `${name}_bucket`,
      labels: { le: buckets[bucket] ?? "+Inf", ...labels },
      value: count,
      exemplar: exemplars[bucket],
    };
  });
  return [
    ...edges,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
