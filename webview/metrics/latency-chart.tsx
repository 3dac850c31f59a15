import { HEIGHT, LATENCY_MARKS, PLOT, TIME_MARKS, toPath, WIDTH, xOf, yOf } from "./chart.ts";
import { formatSeconds } from "./format.ts";
import type { ChartPoint } from "./messages.ts";
import type { MetricsStrings } from "./strings.ts";

const QUANTILES = ["p50", "p95", "p99"] as const;

interface ChartProps {
  text: MetricsStrings;
  points: readonly ChartPoint[];
  /** Seconds. */
  slow: number;
}

/** The same as a picture and, for who cannot see it, in a sentence and as a table. */
export function LatencyChart({ text, points, slow }: ChartProps) {
  return (
    <section aria-labelledby="latency">
      <h2 id="latency">{text.latency}</h2>
      <ul class="legend" aria-hidden="true">
        {QUANTILES.map((name) => (
          <li key={name}>
            <svg viewBox="0 0 24 8">
              <path class={`line is-${name}`} d="M0 4L24 4" />
            </svg>
            {name}
          </li>
        ))}
        <li>
          <svg viewBox="0 0 24 8">
            <path class="threshold" d="M0 4L24 4" />
          </svg>
          {text.threshold(formatSeconds(slow))}
        </li>
      </ul>
      <svg
        class="chart"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={text.chartLabel(summary(text, points))}
      >
        {LATENCY_MARKS.map((seconds) => (
          <g key={seconds}>
            <path class="grid" d={`M${PLOT.left} ${yOf(seconds)}L${PLOT.right} ${yOf(seconds)}`} />
            <text class="mark is-latency" x={PLOT.left - 6} y={yOf(seconds) + 4}>
              {formatMark(seconds)}
            </text>
          </g>
        ))}
        {TIME_MARKS.map((seconds) => (
          <text
            key={seconds}
            class={seconds === 0 ? "mark is-now" : "mark"}
            x={xOf(seconds)}
            y={HEIGHT - 6}
          >
            {seconds === 0 ? text.now : text.minutesAgo(seconds / 60)}
          </text>
        ))}
        <path class="threshold" d={`M${PLOT.left} ${yOf(slow)}L${PLOT.right} ${yOf(slow)}`} />
        {QUANTILES.map((name) => (
          <path key={name} class={`line is-${name}`} d={toPath(points, name)} />
        ))}
      </svg>
      <details>
        <summary>{text.asTable}</summary>
        <PointTable {...{ text, points }} />
      </details>
    </section>
  );
}

function PointTable({ text, points }: Omit<ChartProps, "slow">) {
  const time = (seconds: number | null) => (seconds === null ? text.none : formatSeconds(seconds));
  return (
    <div class="scroll" role="region" aria-label={text.asTable} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{text.time}</th>
            {QUANTILES.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            <th scope="col">{text.commits}</th>
          </tr>
        </thead>
        <tbody>
          {points.toReversed().map((point) => (
            <tr key={Math.round(point.from)}>
              <td>
                {text.ago(Math.round(point.from))} – {text.ago(Math.round(point.to))}
              </td>
              {QUANTILES.map((name) => (
                <td key={name}>{time(point[name])}</td>
              ))}
              <td>{point.commits}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function summary(text: MetricsStrings, points: readonly ChartPoint[]): string {
  const values = points.flatMap(({ p95 }) => (p95 === null ? [] : [p95]));
  const last = values.at(-1);
  if (last === undefined) return text.chartEmpty;
  const [least, most] = [Math.min(...values), Math.max(...values)].map(formatSeconds);
  return `p95: ${formatSeconds(last)} (${least} – ${most})`;
}

function formatMark(seconds: number): string {
  return seconds < 1 ? `${seconds * 1000} ms` : `${seconds} s`;
}
