// The app without its looks: store, transport and what goes on between them.
import type { Session } from "../server/protocol/responses.ts";
import { findTurn } from "../server/shared/versions.ts";
import { type Actions, createActions } from "./actions.ts";
import type { SavedState } from "./messages.ts";
import { createApprovals } from "./state/approvals.ts";
import { withHere } from "./state/drafts.ts";
import { createFollowing, createLoading, type Loading } from "./state/loading.ts";
import type { AppState } from "./state/model.ts";
import { isLoading, isUnwritten, lastTurn, soughtIndex } from "./state/selectors.ts";
import { createSending, type Sending } from "./state/sending.ts";
import { createSessionList, type SessionList } from "./state/session-list.ts";
import { createStore, type Store } from "./state/store.ts";
import type { Strings } from "./strings/texts.ts";
import type { HostMessage, Transport, ViewState } from "./transport/transport.ts";
import { isOpen } from "./turns/model.ts";

export interface App {
  store: Store;
  actions: Actions;
  start: () => void;
  onFocusComposer: (listener: () => void) => void;
}

export function createApp(transport: Transport, text: Strings): App {
  const store = createStore();
  const loading = createLoading(store, transport);
  const follow = createFollowing(store, transport);
  let focusComposer = (): void => {};

  const open = (sessionId: string | null): void => {
    sending.giveBack();
    store.dispatch({ type: "opened", sessionId });
    follow(sessionId);
    loading.facts();
  };
  /** A chat that is open already stays as it is. */
  const showTurn = (sessionId: string, turnId: string, words = ""): void => {
    const { log, streamError } = store.get();
    const isOpen = log?.id === sessionId && streamError === null;
    if (!isOpen) open(sessionId);
    store.dispatch({ type: "seek", turnId, words });
    if (isOpen) loading.facts();
    sessions.makeRoom();
  };
  const onCreated = (session: Session): void => {
    store.dispatch({ type: "created", session });
    follow(session.id);
  };
  const sending = createSending({ store, transport, text, onCreated });
  const approvals = createApprovals({ store, transport, text, onCreated });
  const sessions = createSessionList(store, transport, (removed) => {
    if (store.get().log?.id === removed) open(null);
  });

  const onConnected = (): void => {
    loading.choices();
    const { facts, sought } = store.get();
    if (facts === null || sought !== null) loading.facts();
    sessions.refresh();
    sending.resume();
  };
  /** What covers it goes away. */
  const toComposer = (): void => {
    sessions.makeRoom();
    focusComposer();
  };
  const onHost = (message: HostMessage): void => {
    switch (message.type) {
      case "open_session":
        sessions.makeRoom();
        if (message.turn_id === undefined) open(message.session_id);
        else showTurn(message.session_id, message.turn_id);
        break;
      case "compose":
        if (message.if_empty && !isUnwritten(store.get())) break;
        store.dispatch({ type: "compose", text: message.text, context: message.context });
        toComposer();
        break;
      case "do":
        obey(message.action);
        break;
      default:
        message satisfies never;
    }
  };
  const obey = (action: Extract<HostMessage, { type: "do" }>["action"]): void => {
    switch (action) {
      case "new_chat":
        return actions.newChat();
      case "focus_composer":
        return toComposer();
      case "stop":
        return sending.stop();
      case "show_sessions":
        return sessions.show(true);
      case "reload_models":
        return loading.choices();
      default:
        action satisfies never;
    }
  };

  const actions = createActions({
    ...{ store, transport, text, sending, approvals, sessions, loading, open, showTurn },
    focusComposer: toComposer,
  });
  watchTurns({ store, text, sessions, loading, sending });

  return {
    store,
    actions,
    start() {
      const saved = transport.readSaved();
      store.dispatch({ type: "drafts", drafts: saved.drafts });
      transport.start({
        connection(connection) {
          const before = store.get().connection.state;
          store.dispatch({ type: "connection", connection });
          if (connection.state === "ready" && before !== "ready") onConnected();
        },
        host: onHost,
      });
      if (saved.session_id !== null) open(saved.session_id);
      if (saved.unsent) sending.restore(saved.unsent);
      keepInStep(store, transport, text);
    },
    onFocusComposer(listener) {
      focusComposer = listener;
    },
  };
}

interface Watched {
  store: Store;
  text: Strings;
  sessions: SessionList;
  loading: Loading;
  sending: Sending;
}

/** What follows from a change of the newest turn. */
function watchTurns({ store, text, sessions, loading, sending }: Watched): void {
  store.subscribe((state, before) => {
    if (state.log === before.log || isLoading(before)) return;
    const turn = lastTurn(state);
    const beforeTurn = lastTurn(before);
    // The first message names the chat; every turn moves it up in the list.
    if (turn?.id !== beforeTurn?.id && state.log?.id === before.log?.id) loading.facts();
    if (turn?.id !== beforeTurn?.id || turn?.status !== beforeTurn?.status) sessions.refresh();
    const hasEnded = turn?.id === beforeTurn?.id && beforeTurn?.status !== "done";
    if (turn?.status === "done" && hasEnded) awaitTitle(store, loading);
  });
  store.subscribe((state, before) => {
    if (state.log?.id !== before.log?.id || state.facts?.title === before.facts?.title) return;
    if (before.facts !== null) sessions.refresh();
  });

  let chosen: string | null = null;
  store.subscribe((state) => {
    if (state.sought === null) chosen = null;
    if (soughtIndex(state) !== -1) return;
    const { log, sought } = state;
    const isHidden = log && sought && findTurn(log, sought.turnId);
    if (isHidden && chosen !== sought.turnId) {
      chosen = sought.turnId;
      void sending.choose(chosen).then(() => {
        // It says why, if the chat has not become that version.
        if (store.get().notice) store.dispatch({ type: "sought", notice: store.get().notice });
      });
    }
    if (isHidden) return;
    const notice = { code: "turn_gone", message: text.turnGone, hint: text.turnGoneHint };
    store.dispatch({ type: "sought", notice });
  });
}

/** By then the model may have given the chat its title. */
const TITLED_MS = [2_000, 6_000, 20_000];

/** The model is asked after the first answer, or after the next; the stream does not tell of it. */
function awaitTitle(store: Store, loading: Loading): void {
  const { log, facts } = store.get();
  if (log === null || log.turns.length > 2) return;
  for (const ms of TITLED_MS) {
    setTimeout(() => {
      const now = store.get();
      if (now.log?.id === log.id && now.facts?.title === facts?.title) loading.facts();
    }, ms);
  }
}

/** Tells the host what is shown, and keeps what a reload needs. */
function keepInStep(store: Store, transport: Transport, text: Strings): void {
  let shown = "";
  let saved: AppState | undefined;
  const update = (state: AppState): void => {
    const view = toViewState(state, text);
    const nextShown = JSON.stringify(view);
    if (nextShown !== shown) transport.showState(view);
    shown = nextShown;
    // Not compared by its text: files that go with a draft are long, and an
    // answer comes word by word.
    const isSaved =
      saved !== undefined &&
      KEPT.every((key) => saved?.[key] === state[key]) &&
      saved.log?.id === state.log?.id;
    if (!isSaved) transport.save(toSaved(state));
    saved = state;
  };
  update(store.get());
  store.subscribe(update);
}

function toViewState(state: AppState, text: Strings): ViewState {
  return {
    session_id: state.log?.id ?? null,
    title: titleOf(state, text),
    streaming: isOpen(lastTurn(state)),
  };
}

/** The companion's name for a chat that has none yet. */
const UNTITLED = "New chat";

export function titleOf(state: AppState, text: Strings): string {
  const title = state.facts?.title ?? state.log?.info.title ?? "";
  if (state.log === null) return "";
  return title === UNTITLED || title === "" ? text.newChat : title;
}

/** What a reload needs, beside the place. */
const KEPT = ["draft", "context", "editing", "behind", "calls", "drafts", "outgoing"] as const;

function toSaved(state: AppState): SavedState {
  const session_id = state.log?.id ?? null;
  const drafts = withHere(state);
  if (state.outgoing === null) return { session_id, drafts };
  const { state: _, error: __, ...unsent } = state.outgoing;
  return { session_id, drafts, unsent };
}
