import { toShares } from "./chart.ts";
import { formatSeconds } from "./format.ts";
import { LatencyChart } from "./latency-chart.tsx";
import type { MetricsCommand, MetricsReport } from "./messages.ts";
import { SlowTransactions, Transactions } from "./transactions.tsx";
import type { ViewProps } from "./view-props.ts";

/** `report` is undefined until the first has come. */
export function MetricsPage({
  text,
  report,
  post,
}: Omit<ViewProps, "report"> & { report: MetricsReport | undefined }) {
  return (
    <main class="metrics">
      <header>
        <h1>{text.title}</h1>
        {report?.storage && (
          <p class="muted">{text.storage(report.storage.engine, report.storage.durability)}</p>
        )}
      </header>
      {report ? <Report {...{ text, report, post }} /> : <p class="muted">{text.loading}</p>}
    </main>
  );
}

function Report(props: ViewProps) {
  const { text, report } = props;
  const isQuiet =
    report.transactions.length === 0 && report.points.every(({ p95 }) => p95 === null);
  return (
    <>
      <State {...props} />
      {isQuiet ? (
        <section class="empty">
          <p>{text.empty}</p>
          <p class="muted">{text.emptyHint}</p>
        </section>
      ) : (
        <>
          <LastMinute {...props} />
          <LatencyChart text={text} points={report.points} slow={report.slow_threshold_seconds} />
          <Phases {...props} />
          <SlowTransactions {...props} />
          <Transactions {...props} />
        </>
      )}
      <Prometheus {...props} />
    </>
  );
}

/**
 * Only where there is something to say; a region that is there from the start, so
 * that changes are read out.
 */
function State({ text, report, post }: ViewProps) {
  const { companion, failing, message } = report;
  const isWell = companion === "ready" && !failing;
  const isBad = failing || companion === "away" || companion === "failed";
  return (
    <div role="status" class={isWell ? "" : `state ${isBad ? "is-bad" : ""}`}>
      {!isWell && (
        <>
          <p>{message}</p>
          <p class="actions">
            <Command {...{ post }} command="show_log" label={text.showLog} />
            <Command {...{ post }} command="restart_server" label={text.restart} />
          </p>
        </>
      )}
    </div>
  );
}

function LastMinute({ text, report }: ViewProps) {
  const { last_minute: minute } = report;
  const time = (seconds: number | null) => (seconds === null ? text.none : formatSeconds(seconds));
  const figures: [string, string, boolean?][] = [
    ["p50", time(minute.p50)],
    ["p95", time(minute.p95), (minute.p95 ?? 0) > report.slow_threshold_seconds],
    ["p99", time(minute.p99)],
    [text.commits, String(minute.commits)],
    [text.slow, String(minute.slow)],
    [text.rollbacks, String(minute.rollbacks)],
    [text.errors, String(minute.errors), minute.errors > 0],
  ];
  return (
    <section aria-labelledby="minute">
      <h2 id="minute">{text.lastMinute}</h2>
      <dl class="figures">
        {figures.map(([name, value, isBad]) => (
          <div key={name} class={isBad ? "is-bad" : ""}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Phases({ text, report }: ViewProps) {
  const shares = toShares(report.phases);
  if (!shares) return null;
  const phases = ["wait", "body", "commit"] as const;
  return (
    <section aria-labelledby="phases">
      <h2 id="phases">{text.phases}</h2>
      <dl class="phases">
        {phases.map((phase) => (
          <div key={phase}>
            <dt>
              {text.phaseNames[phase]} <span class="muted">{text.phaseHints[phase]}</span>
            </dt>
            <dd>
              <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                <rect class="track" width="100" height="8" />
                <rect class={`share is-${phase}`} width={shares[phase]} height="8" />
              </svg>
              <span>
                {Math.round(shares[phase])} % · {formatSeconds(report.phases[phase])}
              </span>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Prometheus({ text, report, post }: ViewProps) {
  return (
    <section aria-labelledby="prometheus">
      <h2 id="prometheus">{text.prometheus}</h2>
      {report.metrics_url !== null && (
        <p>
          <code>{report.metrics_url}</code>
        </p>
      )}
      <pre tabIndex={0} aria-labelledby="prometheus">
        {report.scrape_config}
      </pre>
      <p class="muted">{text.prometheusHint}</p>
      <p class="actions">
        <Command {...{ post }} command="copy_metrics_url" label={text.copyUrl} />
        <Command {...{ post }} command="copy_scrape_config" label={text.copyConfig} />
      </p>
    </section>
  );
}

function Command({
  command,
  label,
  post,
}: {
  command: MetricsCommand;
  label: string;
  post: ViewProps["post"];
}) {
  return (
    <button type="button" class="button" onClick={() => post({ type: "command", command })}>
      {label}
    </button>
  );
}
