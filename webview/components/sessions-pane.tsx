import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../../server/protocol/responses.ts";
import { useLayer } from "../escape.ts";
import type { AppState, ListPlace, SessionsPane as Pane } from "../state/model.ts";
import { said } from "../strings/said.ts";
import { useSurroundings } from "./base/context.ts";
import { Dialog } from "./base/dialog.tsx";
import { Icon, IconButton } from "./base/icon.tsx";
import { later } from "./base/later.tsx";
import { byDay, untilNextDay } from "./days.ts";
import { DeletedChats, UndoDelete } from "./deleted-chats.tsx";
import { SessionItem } from "./session-item.tsx";
import { isUnfinished } from "./session-mark.tsx";
import { sessionsStrings } from "./sessions-strings.ts";
import { shortName, workspaceNames } from "./workspace-names.ts";

const TransferDialog = later(
  async () => await (await import("../transfer/transfer-dialog.tsx")).loadTransfer(),
);

/** Nobody tells of the chats that are not open. */
const LOOK_MS = 3_000;
/** Where none of them goes on: others may begin in another window. */
const CALM_LOOK_MS = 15_000;

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
  const now = useToday();
  const isUnderWay = sessions.items.some(isUnfinished);
  const isLooking = sessions.open && sessions.query === "";
  useEffect(() => {
    if (!isLooking) return;
    const look = (): void => {
      if (!document.hidden) actions.sessions.refresh();
    };
    const timer = setInterval(look, isUnderWay ? LOOK_MS : CALM_LOOK_MS);
    return () => clearInterval(timer);
  }, [isLooking, isUnderWay]);
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
      {sessions.query === "" && <PlacePicker sessions={sessions} />}
      {sessions.error && <p class="sessions-note">{said(sessions.error).message}</p>}
      {sessions.loaded && items.length === 0 && (
        <p class="sessions-note" role="status">
          {sessions.query !== ""
            ? words.noneFound
            : sessions.place.archived
              ? words.noneArchived
              : words.none}
        </p>
      )}
      <UndoDelete deleted={sessions.deleted} undo={sessions.undo} />
      <ul class="session-list">
        {groupsOf(sessions, items, now).flatMap(({ name, items: ofGroup }) => [
          ...(name === "" ? [] : [<GroupName key={name} name={name} />]),
          ...ofGroup.map((session) => (
            <SessionItem
              key={session.id}
              session={session}
              query={sessions.query}
              isOpen={session.id === log?.id}
              isRenaming={session.id === renaming}
              workspace={workspaceOf(session, sessions)}
              onRename={setRenaming}
              onDelete={setDeleting}
            />
          )),
        ])}
        {sessions.cursor !== null && (
          <li key="more">
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

/** Now, by days: what was of today is of yesterday at midnight, also where nothing else changes. */
function useToday(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setTimeout(() => setNow(new Date()), untilNextDay(new Date()));
    return () => clearTimeout(timer);
  }, [now]);
  return now;
}

interface SessionGroup {
  /** "": it needs none. */
  name: string;
  items: Pane["items"];
}

/** What a search has found, the best first, belongs together. */
function groupsOf({ query, pinned }: Pane, items: Pane["items"], now: Date): SessionGroup[] {
  if (query !== "") return [{ name: "", items }];
  const words = sessionsStrings();
  const ids = new Set(pinned.map(({ id }) => id));
  const days = byDay(
    items.filter(({ id }) => !ids.has(id)),
    now,
  ).map(({ day, items: ofDay }) => ({ name: words.days[day], items: ofDay }));
  return pinned.length === 0 ? days : [{ name: words.pinned, items: pinned }, ...days];
}

/** One list for all groups: a chat that goes from one to another, under a focus, stays itself. */
function GroupName({ name }: { name: string }) {
  return (
    <li class="session-group">
      <h3>{name}</h3>
    </li>
  );
}

/** Where one workspace is shown, or only that of this window, its name says nothing. */
function workspaceOf({ workspace }: Session, { place, workspaces }: Pane): string | undefined {
  if (workspace === undefined || place.workspace !== undefined) return undefined;
  return workspace === workspaces?.here ? undefined : shortName(workspace);
}

const ARCHIVE = "archive";
const OF_WORKSPACE = "workspace:";

function PlacePicker({ sessions: { place, workspaces } }: { sessions: Pane }) {
  const { actions } = useSurroundings();
  const words = sessionsStrings();
  const here = workspaces?.here;
  const others = (workspaces?.workspaces ?? []).filter((one) => one !== here);
  const names = workspaceNames(here === undefined ? others : [here, ...others]);
  const chosen = place.workspace === undefined ? "" : OF_WORKSPACE + place.workspace;
  return (
    <span class="picker">
      <select
        aria-label={words.shown}
        title={words.shown}
        value={place.archived ? ARCHIVE : chosen}
        onChange={(event) => actions.sessions.showPlace(placeOf(event.currentTarget.value))}
      >
        <option value="">{words.all}</option>
        {here !== undefined && (
          <option value={OF_WORKSPACE + here}>{`${words.here}: ${names.get(here)}`}</option>
        )}
        {others.map((workspace) => (
          <option key={workspace} value={OF_WORKSPACE + workspace}>
            {names.get(workspace)}
          </option>
        ))}
        <option value={ARCHIVE}>{words.archiveName}</option>
      </select>
      <Icon name="chevron-down" />
    </span>
  );
}

function placeOf(value: string): ListPlace {
  if (value === ARCHIVE) return { archived: true };
  return value === "" ? {} : { workspace: value.slice(OF_WORKSPACE.length) };
}
