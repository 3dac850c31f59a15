import { useId, useState } from "preact/hooks";
import type { SentInstruction } from "../../../server/protocol/instructions.ts";
import { loadStyle } from "../../load-style.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon } from "../base/icon.tsx";
import { Shown } from "../base/shown.tsx";
import { instructionStrings } from "./instruction-strings.ts";

/** With what it looks like. */
export async function loadSentInstructions() {
  await loadStyle("instructions.css");
  return SentInstructions;
}

/**
 * What the model was told of people's instructions with a message: how many, which, and each of
 * them to be read.
 */
function SentInstructions({ sent }: { sent: readonly SentInstruction[] }) {
  const words = instructionStrings();
  const [isOpen, setOpen] = useState(false);
  const list = useId();
  const told = sent.filter(({ hash }) => hash !== undefined).length;
  const noted = sent.filter(({ notes = [] }) => notes.length > 0).length;
  return (
    <div class="instructions">
      <button
        type="button"
        class="chip"
        aria-expanded={isOpen}
        aria-controls={list}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="chevron-right" />
        <span>
          {words.count(told)}
          {noted > 0 && `, ${words.noted(noted)}`}
        </span>
      </button>
      <ul id={list} hidden={!isOpen}>
        {isOpen && sent.map((one, index) => <SentOne key={index} one={one} />)}
      </ul>
    </div>
  );
}

function SentOne({ one }: { one: SentInstruction }) {
  const { actions } = useSurroundings();
  const words = instructionStrings();
  const [content, setContent] = useState<string>();
  const { name, from, hash, applies_to, notes = [] } = one;
  const toggle = async (): Promise<void> => {
    if (hash === undefined || content !== undefined) return setContent(undefined);
    const stored = await actions.sending.stored((transport, session_id) =>
      transport.call("get_instruction", { session_id, hash }),
    );
    setContent(stored?.content);
  };
  const about = [from === "user" && words.own, applies_to && words.for(applies_to)];
  return (
    <li>
      {hash === undefined ? (
        <span class="instructions-name">{name}</span>
      ) : (
        <button
          type="button"
          class="chip"
          aria-expanded={content !== undefined}
          onClick={() => void toggle()}
        >
          <Icon name="file" />
          <span>{name}</span>
        </button>
      )}
      {about.filter(Boolean).map((said) => (
        <span class="muted"> {said}</span>
      ))}
      {notes.map(({ code, detail }) => (
        <p class="instructions-note">
          <Icon name="warning" /> {words.notes[code]}
          {detail !== undefined && ` (${detail})`}
        </p>
      ))}
      {content !== undefined && <Shown label={name} text={content} />}
    </li>
  );
}
