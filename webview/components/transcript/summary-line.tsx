import type { Summary } from "../../turns/summaries.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon } from "../base/icon.tsx";
import { Secondary } from "../base/secondary.tsx";
import { Shown } from "../base/shown.tsx";

/** Where the part ends that the model is told of by a summary only. */
export function SummaryLine({ summary, canUndo }: { summary: Summary; canUndo: boolean }) {
  const { actions, text } = useSurroundings();
  return (
    <div class="composer-note">
      <details class="fold">
        <summary>
          <Icon name="history" />
          <span>{text.summarised}</span>
        </summary>
        <div class="fold-body question-text">
          <Shown text={summary.text} where="prose" />
        </div>
      </details>
      <Secondary disabled={!canUndo} onClick={() => void actions.sending.undoSummary(summary.id)}>
        {text.undo}
      </Secondary>
    </div>
  );
}
