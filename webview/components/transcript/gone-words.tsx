import type { Gone } from "../../turns/model.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon } from "../base/icon.tsx";
import { Shown } from "../base/shown.tsx";
import { PartView } from "./parts.tsx";

/**
 * What the reader has seen and the restored copy does not have: marked, still
 * readable, and nothing to act on.
 */
export function GoneWords({
  gone,
  agentName,
}: {
  gone: Gone;
  agentName: (type: string) => string;
}) {
  const { text } = useSurroundings();
  return (
    <section class="gone-words" aria-label={text.gone(gone.count)}>
      <p class="status-line" role="alert">
        <Icon name="warning" />
        <span>
          {text.gone(gone.count)} {text.goneDetail}
        </span>
      </p>
      {gone.turns.map((turn) => (
        <div class="gone-turn" key={turn.id}>
          {turn.question && (
            <div class="message question question-text" tabIndex={-1}>
              <Shown text={turn.question.text} where="prose" />
            </div>
          )}
          <article class="message answer" tabIndex={-1}>
            {turn.parts.map((part) => (
              <PartView
                key={`${part.kind}-${part.from}`}
                part={part}
                isFinal
                isOpen={false}
                decision={undefined}
                written={undefined}
                agentName={agentName}
              />
            ))}
          </article>
        </div>
      ))}
    </section>
  );
}
