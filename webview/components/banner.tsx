import { useEffect, useState } from "preact/hooks";
import type { AppState } from "../state/model.ts";
import { chosenModel } from "../state/selectors.ts";
import { said } from "../strings/said.ts";
import { useSurroundings } from "./base/context.ts";
import { Icon, IconButton } from "./base/icon.tsx";
import { Secondary } from "./base/secondary.tsx";

/** A start that takes no longer than this is not worth a word. */
const PATIENCE_MS = 600;

export function ConnectionBanner({ state }: { state: AppState }) {
  const { actions, text } = useSurroundings();
  const { connection } = state;
  const [isSlow, setIsSlow] = useState(false);
  useEffect(() => {
    setIsSlow(false);
    const timer = setTimeout(() => setIsSlow(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [connection.state]);

  const { seconds, second_machine } = state.waiting;
  const waits = connection.state === "ready" && seconds > 0;
  if (connection.state === "starting" || waits) {
    return isSlow ? (
      <div class="banner" role="status">
        <Icon name="loading" spin />
        <p>
          {waits
            ? (second_machine ? text.waitingForSecondMachine : text.waitingForDatabase)(seconds)
            : (connection.state === "starting" && connection.message) || text.starting}
        </p>
      </div>
    ) : null;
  }
  if (connection.state === "ready") return null;
  const isLockedOut = connection.reason === "unauthorized";
  return (
    <div class="banner is-warning" role="alert">
      <Icon name="disconnect" />
      <div class="banner-text">
        <p class="banner-title">{isLockedOut ? text.noToken : text.away}</p>
        <p>
          {connection.message ??
            (isLockedOut
              ? text.noTokenDetail
              : connection.reason === "unproven"
                ? text.unproven
                : text.awayDetail)}
        </p>
      </div>
      {!isLockedOut && (
        <div class="button-row">
          <button type="button" class="button" onClick={actions.retryConnection}>
            {actions.run ? text.restart : text.tryNow}
          </button>
          {actions.run && (
            <Secondary onClick={() => actions.run?.("show_log")}>{text.showLog}</Secondary>
          )}
        </div>
      )}
    </div>
  );
}

/**
 * Something that was asked for did not work; it stays until it is put away
 * or something else is done.
 */
export function Notice({ state }: { state: AppState }) {
  const { actions, text } = useSurroundings();
  const { notice, streamError, log } = state;
  const told = notice ?? (log && streamError ? toGone(streamError, text.chatGone) : null);
  if (!told) return null;
  const shown = said(told);
  const isCalm = CALM.has(shown.code);
  return (
    <div class={isCalm ? "banner" : "banner is-error"} role={isCalm ? "status" : "alert"}>
      <Icon name={isCalm ? "info" : "warning"} />
      <div class="banner-text">
        <p>{shown.message}</p>
        {shown.hint !== undefined && <p class="muted">{shown.hint}</p>}
      </div>
      {shown.code === "key_missing" && (
        <button
          type="button"
          class="button"
          onClick={() =>
            actions.run
              ? actions.run("set_key", { model: chosenModel(state) ?? undefined })
              : actions.askKey("")
          }
        >
          {text.setKey}
        </button>
      )}
      {notice && <IconButton icon="close" label={text.dismiss} onClick={actions.dismissNotice} />}
    </div>
  );
}

/** Nothing is wrong; the reader is only told how it is. */
const CALM: ReadonlySet<string> = new Set([
  "context_coming",
  "session_busy",
  "companion_away",
  "not_found",
  "turn_gone",
  "key_set",
  "forked",
]);

function toGone(error: NonNullable<AppState["streamError"]>, gone: string) {
  return error.code === "not_found" ? { ...error, message: gone } : error;
}
