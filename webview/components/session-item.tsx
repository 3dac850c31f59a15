import { useEffect, useRef, useState } from "preact/hooks";
import type { Session, SessionList } from "../../server/protocol/responses.ts";
import { useLayer } from "../escape.ts";
import { useSurroundings } from "./base/context.ts";
import { IconButton } from "./base/icon.tsx";
import { SessionMark } from "./session-mark.tsx";
import { sessionsStrings } from "./sessions-strings.ts";
import { formatTime } from "./short-time.ts";

export interface SessionItemProps {
  session: SessionList["sessions"][number];
  query: string;
  isOpen: boolean;
  isRenaming: boolean;
  /** The name of a workspace that is worth a word. */
  workspace: string | undefined;
  onRename: (id: string | null) => void;
  onDelete: (session: Session) => void;
}

export function SessionItem(props: SessionItemProps) {
  const { session, query, isOpen, isRenaming, workspace, onRename } = props;
  const { actions } = useSurroundings();
  const { id, title, snippet, found_turn_id: foundTurn } = session;
  const row = useRef<HTMLLIElement>(null);
  const wasRenaming = useRef(false);
  useEffect(() => {
    if (wasRenaming.current && !isRenaming) {
      row.current?.querySelector<HTMLElement>(".session-actions [data-home]")?.focus();
    }
    wasRenaming.current = isRenaming;
  }, [isRenaming]);
  if (isRenaming) {
    return (
      <li class="session">
        <RenameForm session={session} onEnd={() => onRename(null)} />
      </li>
    );
  }
  return (
    <li ref={row} class={isOpen ? "session is-open" : "session"}>
      <button
        type="button"
        class="session-open"
        aria-current={isOpen ? "true" : undefined}
        onClick={() => {
          if (foundTurn !== undefined) return actions.openFound(id, foundTurn, query);
          actions.openSession(id);
        }}
      >
        <span class="session-title">{title}</span>
        <span class="session-detail">
          <SessionMark session={session} />
          {snippet ?? formatTime(session.updated_at)}
          {snippet === undefined && workspace !== undefined && ` · ${workspace}`}
        </span>
      </button>
      <SessionActions {...props} />
    </li>
  );
}

function SessionActions({ session, onRename, onDelete }: SessionItemProps) {
  const { actions } = useSurroundings();
  const words = sessionsStrings();
  const { id, title, pinned = false, archived = false } = session;
  return (
    <div class="session-actions">
      {!archived && (
        <IconButton
          icon={pinned ? "pinned" : "pin"}
          label={pinned ? words.unpin(title) : words.pin(title)}
          onClick={() => actions.sessions.pin(id, !pinned)}
        />
      )}
      <IconButton icon="edit" home label={words.rename(title)} onClick={() => onRename(id)} />
      <IconButton
        icon={archived ? "unarchive" : "archive"}
        label={archived ? words.unarchive(title) : words.archive(title)}
        onClick={() => actions.sessions.archive(id, !archived)}
      />
      <IconButton icon="trash" label={words.remove(title)} onClick={() => onDelete(session)} />
    </div>
  );
}

function RenameForm({ session, onEnd }: { session: Session; onEnd: () => void }) {
  const { actions, text } = useSurroundings();
  const words = sessionsStrings();
  const input = useRef<HTMLInputElement>(null);
  const form = useRef<HTMLFormElement>(null);
  useLayer(form, "edit", onEnd);
  const [title, setTitle] = useState(session.title);
  useEffect(() => input.current?.select(), []);
  const save = (): void => {
    if (title.trim() !== session.title) actions.sessions.rename(session.id, title);
    onEnd();
  };
  return (
    <form
      class="rename"
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <input
        ref={input}
        type="text"
        class="text-input"
        maxLength={200}
        aria-label={words.title}
        value={title}
        onInput={(event) => setTitle(event.currentTarget.value)}
      />
      <IconButton icon="check" label={text.save} onClick={save} />
      <IconButton icon="close" label={text.cancel} onClick={onEnd} />
    </form>
  );
}
