import type { TransactionEntry } from "../../server/protocol/transactions.ts";
import { formatSeconds } from "./format.ts";
import type { MetricsStrings } from "./strings.ts";
import type { ViewProps } from "./view-props.ts";

const PHASES = ["wait", "body", "commit"] as const;

export function SlowTransactions({ text, report, post }: ViewProps) {
  const threshold = formatSeconds(report.slow_threshold_seconds);
  return (
    <section aria-labelledby="slow">
      <h2 id="slow">{text.slowOnes(threshold)}</h2>
      {report.slow.length === 0 ? (
        <p class="muted">{text.noSlow}</p>
      ) : (
        <ul class="slow">
          {report.slow.map((entry) => (
            <li key={entry.id}>
              <p>
                <code>{entry.operation}</code> <strong>{formatSeconds(entry.seconds)}</strong>{" "}
                <span class="muted">
                  {text.ago(ageOf(entry, report.now))} · {entry.id}
                </span>{" "}
                <Open {...{ text, entry, post }} />
              </p>
              <p>{explain(text, entry)}</p>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

export function Transactions({ text, report, post }: ViewProps) {
  const { columns } = text;
  return (
    <section>
      <h2 id="recent">{text.recent}</h2>
      <div class="scroll" role="region" aria-labelledby="recent" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">{columns.age}</th>
              <th scope="col">{columns.operation}</th>
              <th scope="col">{columns.status}</th>
              <th scope="col">{columns.total}</th>
              {PHASES.map((phase) => (
                <th key={phase} scope="col">
                  {text.phaseNames[phase]}
                </th>
              ))}
              <th scope="col">{columns.chat}</th>
            </tr>
          </thead>
          <tbody>
            {report.transactions.map((entry) => (
              <tr key={entry.id} class={entry.slow ? "is-slow" : ""} title={entry.id}>
                <td>{text.ago(ageOf(entry, report.now))}</td>
                <th scope="row">
                  <code>{entry.operation}</code>
                  {entry.shared > 1 && <span class="muted"> {text.shared(entry.shared - 1)}</span>}
                  {entry.slow && <span class="why">{explain(text, entry)}</span>}
                </th>
                <td class={`is-${entry.status}`}>{text.statuses[entry.status]}</td>
                <td>{formatSeconds(entry.seconds)}</td>
                {PHASES.map((phase) => (
                  <td key={phase}>{formatSeconds(entry.phases[phase])}</td>
                ))}
                <td>
                  <Open {...{ text, entry, post }} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Leads to the turn, or to the chat of what belongs to none. */
function Open({
  text,
  entry,
  post,
}: {
  text: MetricsStrings;
  entry: TransactionEntry;
  post: ViewProps["post"];
}) {
  const { session_id, turn_id, operation } = entry;
  if (session_id === null || operation === "delete_session") return null;
  // The turn of a rewind is nothing but its bookkeeping.
  const turn = turn_id === null || operation === "rewind_session" ? {} : { turn_id };
  const isTurn = "turn_id" in turn;
  return (
    <button
      type="button"
      class="link"
      aria-label={isTurn ? text.openTurnOf(operation) : text.openChatOf(operation)}
      onClick={() => post({ type: "open_session", session_id, ...turn })}
    >
      {isTurn ? text.openTurn : text.openChat}
    </button>
  );
}

function ageOf(entry: TransactionEntry, now: number): number {
  return Math.max(0, Math.round((now - Date.parse(entry.at)) / 1000));
}

/** What the companion measured, in words; see docs/metrics.md. */
function explain(text: MetricsStrings, entry: TransactionEntry): string {
  const { explanation, text_size, attempts } = entry;
  if (!explanation) return "";
  const { phase, cause } = explanation;
  const why =
    cause === null
      ? text.noCause
      : text.causes[cause](text_size.toLocaleString(document.documentElement.lang), attempts);
  return `${text.mostly[phase]} (${formatSeconds(entry.phases[phase])}): ${why}.`;
}
