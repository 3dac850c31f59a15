import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Session, SessionList } from "../../server/protocol/responses.ts";
import { useLayer } from "../escape.ts";
import type { AppState } from "../state/model.ts";
import { said } from "../strings/said.ts";
import { useSurroundings } from "./base/context.ts";
import { Dialog } from "./base/dialog.tsx";
import { Icon, IconButton } from "./base/icon.tsx";
import { later } from "./base/later.tsx";
import { DeletedChats, UndoDelete } from "./deleted-chats.tsx";
import { isUnfinished, SessionMark } from "./session-mark.tsx";
import { sessionsStrings } from "./sessions-strings.ts";
import { formatTime } from "./short-time.ts";

const TransferDialog = later(
  async () => await (await import("../transfer/transfer-dialog.tsx")).loadTransfer(),
);

/** Nobody tells of the chats that are not open. */
const LOOK_MS = 3_000;

export function SessionsPane({ state }: { state: AppState }) {
  const { actions, attaching, text } = useSurroundings();
  const words = sessionsStrings();
  const { sessions, log } = state;
  const [renaming, setRenaming] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<Session | null>(null);
  const [moving, setMoving] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  const close = (): void => actions.sessions.show(false);
  const pane = useRef<HTMLElement>(null);
  useLayer(pane, "pane", sessions.open ? close : undefined);
  // Before anything else can have the focus: an effect after the paint would take it away again.
  useLayoutEffect(() => {
    if (sessions.open) search.current?.focus();
  }, [sessions.open]);
  const mayChange = sessions.open && sessions.query === "" && sessions.items.some(isUnfinished);
  useEffect(() => {
    if (!mayChange) return;
    const timer = setInterval(() => {
      if (!document.hidden) actions.sessions.refresh();
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [mayChange]);
  if (!sessions.open) return null;

  // A chat whose first message never came is of no use to anybody.
  const items = sessions.items.filter(({ id, turn }) => turn !== null || id === log?.id);
  return (
    <nav class="sessions" aria-label={text.chats} ref={pane}>
      <div class="sessions-head">
        <h2>{text.chats}</h2>
        <IconButton icon="add" label={text.newChat} onClick={actions.newChat} />
        {attaching.transport.link && (
          <IconButton icon="export" label={words.transfer} onClick={() => setMoving(true)} />
        )}
        <IconButton icon="close" label={text.closeChats} onClick={close} />
      </div>
      <div class="search">
        <Icon name="search" />
        <input
          ref={search}
          type="search"
          class="text-input"
          data-home
          aria-label={words.search}
          placeholder={words.search}
          value={sessions.query}
          onInput={(event) => actions.sessions.search(event.currentTarget.value)}
        />
      </div>
      {sessions.error && <p class="sessions-note">{said(sessions.error).message}</p>}
      {sessions.loaded && items.length === 0 && (
        <p class="sessions-note" role="status">
          {sessions.query === "" ? words.none : words.noneFound}
        </p>
      )}
      <UndoDelete deleted={sessions.deleted} undo={sessions.undo} />
      <ul class="session-list">
        {items.map((session) => (
          <SessionItem
            key={session.id}
            session={session}
            query={sessions.query}
            isOpen={session.id === log?.id}
            isRenaming={session.id === renaming}
            onRename={setRenaming}
            onDelete={setDeleting}
          />
        ))}
        {sessions.cursor !== null && (
          <li>
            <button type="button" class="button is-secondary" onClick={actions.sessions.more}>
              {words.more}
            </button>
          </li>
        )}
      </ul>
      <DeletedChats deleted={sessions.deleted} />
      {moving && <TransferDialog state={state} onClose={() => setMoving(false)} />}
      {deleting && (
        <Dialog
          title={words.removeQuestion(deleting.title)}
          confirm={text.delete}
          isDangerous
          onClose={(isConfirmed) => {
            setDeleting(null);
            if (isConfirmed) actions.sessions.remove(deleting.id);
          }}
        >
          <p>{words.removeDetail(sessions.deleted?.kept_days ?? 0)}</p>
        </Dialog>
      )}
    </nav>
  );
}

interface SessionItemProps {
  session: SessionList["sessions"][number];
  query: string;
  isOpen: boolean;
  isRenaming: boolean;
  onRename: (id: string | null) => void;
  onDelete: (session: Session) => void;
}

function SessionItem(props: SessionItemProps) {
  const { session, query, isOpen, isRenaming, onRename, onDelete } = props;
  const { actions } = useSurroundings();
  const words = sessionsStrings();
  const { id, title, snippet, found_turn_id: foundTurn } = session;
  const row = useRef<HTMLLIElement>(null);
  const wasRenaming = useRef(false);
  useEffect(() => {
    if (wasRenaming.current && !isRenaming) {
      row.current?.querySelector<HTMLElement>(".session-actions button")?.focus();
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
        </span>
      </button>
      <div class="session-actions">
        <IconButton icon="edit" label={words.rename(title)} onClick={() => onRename(id)} />
        <IconButton icon="trash" label={words.remove(title)} onClick={() => onDelete(session)} />
      </div>
    </li>
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
