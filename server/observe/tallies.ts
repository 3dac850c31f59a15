import type { Counter } from "prom-client";

/** Adds one. */
export type Tally = () => void;

/**
 * A counter's series for what is counted by the thousand a second: prom-client makes a text of the
 * labels for each count and looks the series up by it. Here each key has a number of its own, which
 * is added when the counter is read. Once for a counter.
 */
export function talliesOf<K extends string, L extends string>(
  counter: Counter<L>,
  keys: readonly K[],
  labelsOf: (key: K) => Record<L, string>,
): Readonly<Record<K, Tally>> {
  const pending = keys.map((key) => ({ labels: labelsOf(key), count: 0 }));
  Object.assign(counter, {
    collect(): void {
      for (const series of pending) {
        if (series.count > 0) counter.inc(series.labels, series.count);
        series.count = 0;
      }
    },
  });
  const entries = keys.map((key, index) => {
    const series = pending[index];
    return [key, () => void (series && series.count++)] as const;
  });
  return Object.fromEntries(entries) as Record<K, Tally>;
}
