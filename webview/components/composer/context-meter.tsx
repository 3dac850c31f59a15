import { useState } from "preact/hooks";
import type { AppState } from "../../state/model.ts";
import { canSummarise, contextUse, isBusy } from "../../state/selectors.ts";
import { useSurroundings } from "../base/context.ts";
import { Secondary } from "../base/secondary.tsx";

const SHOWN_FROM = 50;
const WARNS_FROM = 80;

/**
 * How much of what the model can read the next message would fill; nothing
 * while there is room enough.
 */
export function ContextMeter({ state }: { state: AppState }) {
  const { actions, text } = useSurroundings();
  const [isAsked, setAsked] = useState(false);
  const { tokens, window } = contextUse(state);
  const percent = Math.round((tokens / window) * 100);
  if (percent < SHOWN_FROM) return null;
  const label = text.contextUse(percent);
  return (
    <p
      class={percent < WARNS_FROM ? "composer-note" : "composer-note is-full"}
      title={`${tokens.toLocaleString()} / ${window.toLocaleString()}`}
    >
      <meter min={0} max={100} value={Math.min(percent, 100)} aria-label={label} />
      <span>{label}</span>
      {(isAsked || canSummarise(state)) && (
        <Secondary
          disabled={isAsked || isBusy(state)}
          onClick={() => {
            setAsked(true);
            void actions.sending.summarise().then(() => setAsked(false));
          }}
        >
          {isAsked ? text.summarising : text.summarise}
        </Secondary>
      )}
    </p>
  );
}
