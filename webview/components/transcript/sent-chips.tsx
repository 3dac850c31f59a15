import { useState } from "preact/hooks";
import { storedContext } from "../../state/delivery.ts";
import type { Question } from "../../turns/model.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon } from "../base/icon.tsx";
import { Shown } from "../base/shown.tsx";

interface SentChipsProps {
  turnId: string | undefined;
  context: Question["context"];
}

/**
 * What went with a message; a click shows what the model was really sent, once the message is
 * stored.
 */
export function SentChips({ turnId, context }: SentChipsProps) {
  const { actions } = useSurroundings();
  const [shown, setShown] = useState<{ index: number; content: string } | null>(null);
  const toggle = async (index: number): Promise<void> => {
    if (turnId === undefined || shown?.index === index) return setShown(null);
    const stored = await actions.sending.stored((transport, session) =>
      storedContext(transport, session, turnId),
    );
    const content = stored?.[index]?.content;
    setShown(content === undefined ? null : { index, content });
  };
  return (
    <>
      <ul class="chips" aria-hidden={false}>
        {context.map(({ label }, index) => (
          <li>
            <button
              type="button"
              class="chip"
              disabled={turnId === undefined}
              aria-expanded={shown?.index === index}
              onClick={() => void toggle(index)}
            >
              <Icon name="file" />
              <span>{label}</span>
            </button>
          </li>
        ))}
      </ul>
      {shown && <Shown label={context[shown.index]?.label ?? ""} text={shown.content} />}
    </>
  );
}
