import { useState } from "preact/hooks";
import type { ContextItem } from "../../../server/protocol/requests.ts";
import type { Question } from "../../turns/model.ts";
import { useSurroundings } from "./context.ts";
import { Icon, IconButton } from "./icon.tsx";
import { Shown } from "./shown.tsx";

/** What will go with the next message. */
export function DraftChips({ context }: { context: readonly ContextItem[] }) {
  const { actions, text } = useSurroundings();
  if (context.length === 0) return null;
  return (
    <ul class="chips">
      {context.map(({ label }, index) => (
        <li class="chip">
          <Icon name="file" />
          <span>{label}</span>
          <IconButton
            icon="close"
            label={text.removeContext(label)}
            onClick={() => actions.dropContext(index)}
          />
        </li>
      ))}
    </ul>
  );
}

interface GrantedToolsProps {
  names: readonly string[];
  onRevoked: () => void;
}

/** Tools that a person has allowed for this chat, until they are to ask again. */
export function GrantedTools({ names, onRevoked }: GrantedToolsProps) {
  const { actions, text } = useSurroundings();
  if (names.length === 0) return null;
  return (
    <div class="composer-note">
      <span>{text.granted}</span>
      <ul class="chips">
        {names.map((name) => (
          <li class="chip" key={name}>
            <Icon name="tools" />
            <span>{name}</span>
            <IconButton
              icon="close"
              label={text.revoke(name)}
              onClick={() => {
                void actions.sending.revoke(name);
                onRevoked();
              }}
            />
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What went with a message; a click shows what the model was really sent, once the message is stored. */
export function SentChips({ turnId, context }: { turnId?: string; context: Question["context"] }) {
  const { actions } = useSurroundings();
  const [shown, setShown] = useState<{ index: number; content: string } | null>(null);
  if (context.length === 0) return null;
  const toggle = async (index: number): Promise<void> => {
    if (turnId === undefined || shown?.index === index) return setShown(null);
    const content = (await actions.sending.contextOf(turnId))[index]?.content;
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
