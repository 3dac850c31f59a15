// The app without its looks: store, transport and what goes on between them.
import type { CallName, CallResult } from "../server/protocol/calls.ts";
import type { Agent, ModelList } from "../server/protocol/responses.ts";
import { toSafeUrl } from "./markdown/links.ts";
import type { CallDraft, CommandAbout, HostCommand, SavedState } from "./messages.ts";
import { withHere } from "./state/drafts.ts";
import type { AppState } from "./state/model.ts";
import {
  chosenModel,
  findModel,
  isBusy,
  isLoading,
  isLockedOut,
  isUnwritten,
  lastQuestion,
  lastTurn,
  soughtIndex,
} from "./state/selectors.ts";
import { asFailure, createSending, type Sending } from "./state/sending.ts";
import { createSessionList, type SessionList } from "./state/session-list.ts";
import { createStore, type Store } from "./state/store.ts";
import type { Strings } from "./strings/texts.ts";
import type { Editor, HostMessage, Keys, Transport, ViewState } from "./transport/transport.ts";
import { isOpen } from "./turns/model.ts";

/** What components may ask for. */
export interface Actions {
  sending: Sending;
  sessions: SessionList;
  newChat: () => void;
  openSession: (sessionId: string) => void;
  /** Where a search has found its words. */
  openFound: (sessionId: string, turnId: string, words: string) => void;
  /** The reader has been led to the turn that was sought. */
  turnShown: () => void;
  setDraft: (text: string) => void;
  dropContext: (index: number) => void;
  writeCall: (callId: string, draft: Partial<CallDraft>) => void;
  editLast: () => void;
  stopEditing: () => void;
  dropUnsent: () => void;
  chooseModel: (id: string) => void;
  /** Asks for the key of this model; "": of the chosen one; null: no more. */
  askKey: (model: string | null) => void;
  reloadModels: () => Promise<ModelList | null>;
  tell: (code: string, message: string) => void;
  keys: Keys | undefined;
  chooseAgent: (type: string) => void;
  /** A file of the workspace may have become one since; resolves with all there are. */
  refreshAgents: () => Promise<readonly Agent[]>;
  retryConnection: () => void;
  isLockedOut: () => boolean;
  dismissNotice: () => void;
  copy: (text: string) => void;
  followLink: (url: string) => void;
  confirmLink: (open: boolean) => void;
  /** Undefined where there is no editor. */
  editor: Editor | undefined;
  insert: ((text: string) => void) | undefined;
  openFile: Editor["openFile"] | undefined;
  run: ((command: HostCommand, about?: CommandAbout) => void) | undefined;
}

export interface App {
  store: Store;
  actions: Actions;
  start: () => void;
  onFocusComposer: (listener: () => void) => void;
}

export function createApp(transport: Transport, text: Strings): App {
  const store = createStore();
  let focusComposer = (): void => {};
  let unfollow = (): void => {};

  const follow = (sessionId: string, after: number): void => {
    unfollow();
    unfollow = transport.subscribe(sessionId, after, {
      chunks(chunks) {
        store.dispatch({ type: "chunks", chunks });
        const { log } = store.get();
        if (log?.id === sessionId && log.gap) follow(sessionId, log.cursor);
      },
      reset(reset) {
        store.dispatch({ type: "log_reset", reset });
        if (store.get().log?.id === sessionId) follow(sessionId, 0);
      },
      failed: (error) => store.dispatch({ type: "stream_failed", error }),
    });
  };

  const load = async <N extends CallName>(
    name: N,
    params: Parameters<Transport["call"]>[1],
    take: (value: CallResult<N>) => void,
  ): Promise<void> => {
    try {
      take(await transport.call(name, params as never));
    } catch (thrown) {
      const { error, isConnection } = asFailure(thrown);
      // What is lost with the connection is asked for again when it is back; that a session is gone, its stream tells.
      if (!isConnection && error.code !== "not_found")
        store.dispatch({ type: "notice", notice: error });
    }
  };
  const loadFacts = (): void => {
    const id = store.get().log?.id;
    if (id === undefined) return;
    void load("get_session", { session_id: id }, (session) =>
      store.dispatch({ type: "session_facts", session }),
    );
  };
  const loadAgents = () =>
    load("list_agents", {}, (agents) => store.dispatch({ type: "agents", agents }));
  const loadModels = () =>
    load("list_models", {}, (models) => store.dispatch({ type: "models", models }));
  const loadChoices = (): void => {
    void loadModels();
    void loadAgents();
    void load("get_ready", {}, (ready) => store.dispatch({ type: "ready", ready }));
  };

  const open = (sessionId: string | null): void => {
    sending.giveBack();
    unfollow();
    store.dispatch({ type: "opened", sessionId });
    if (sessionId === null) return;
    follow(sessionId, 0);
    loadFacts();
  };
  /** A chat that is open already stays as it is. */
  const showTurn = (sessionId: string, turnId: string, words = ""): void => {
    const { log, streamError } = store.get();
    const isOpen = log?.id === sessionId && streamError === null;
    if (!isOpen) open(sessionId);
    store.dispatch({ type: "seek", turnId, words });
    if (isOpen) loadFacts();
    sessions.makeRoom();
  };
  const sending = createSending({
    store,
    transport,
    text,
    onCreated(session) {
      store.dispatch({ type: "created", session });
      follow(session.id, 0);
    },
  });
  const sessions = createSessionList(store, transport, (removed) => {
    if (store.get().log?.id === removed) open(null);
  });

  const onConnected = (): void => {
    loadChoices();
    const { facts, sought } = store.get();
    if (facts === null || sought !== null) loadFacts();
    sessions.refresh();
    sending.resume();
  };
  const onHost = (message: HostMessage): void => {
    switch (message.type) {
      case "open_session":
        if (message.turn_id === undefined) open(message.session_id);
        else showTurn(message.session_id, message.turn_id);
        break;
      case "compose":
        if (message.if_empty && !isUnwritten(store.get())) break;
        store.dispatch({ type: "compose", text: message.text, context: message.context });
        focusComposer();
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
        return focusComposer();
      case "stop":
        return sending.stop();
      case "show_sessions":
        return sessions.show(true);
      case "reload_models":
        return loadChoices();
      default:
        action satisfies never;
    }
  };

  const actions: Actions = {
    sending,
    sessions,
    newChat() {
      open(null);
      focusComposer();
    },
    openSession(sessionId) {
      if (store.get().log?.id !== sessionId) open(sessionId);
      focusComposer();
    },
    openFound: showTurn,
    turnShown: () => store.dispatch({ type: "sought", notice: null }),
    setDraft: (draft) => store.dispatch({ type: "draft", text: draft }),
    writeCall: (callId, draft) => store.dispatch({ type: "write_call", callId, draft }),
    dropContext: (index) => store.dispatch({ type: "drop_context", index }),
    editLast() {
      const turn = lastQuestion(store.get());
      if (!turn || isBusy(store.get())) return;
      store.dispatch({ type: "edit", turnId: turn.id });
      focusComposer();
    },
    stopEditing: () => store.dispatch({ type: "stop_editing" }),
    dropUnsent() {
      store.dispatch({ type: "send_dropped" });
      focusComposer();
    },
    chooseModel(id) {
      const model = findModel(store.get(), id);
      if (model && !model.available) {
        if (transport.keys) return actions.askKey(id);
        // The editor has a button for it.
        return actions.tell("key_missing", `${model.name}: ${text.needsKey}`);
      }
      store.dispatch({ type: "choose", model: id });
    },
    askKey: (asked) => {
      const model = asked === "" ? (chosenModel(store.get()) ?? "") : asked;
      store.dispatch({ type: "ask_key", model });
    },
    async reloadModels() {
      await loadModels();
      return store.get().models;
    },
    tell: (code, message) => store.dispatch({ type: "notice", notice: { code, message } }),
    keys: transport.keys,
    chooseAgent: (agent) => store.dispatch({ type: "choose", agent }),
    async refreshAgents() {
      await loadAgents();
      return store.get().agents?.agents ?? [];
    },
    retryConnection: () => transport.retryNow(),
    isLockedOut: () => isLockedOut(store.get()),
    dismissNotice: () => store.dispatch({ type: "notice", notice: null }),
    copy: (content) => transport.copy(content),
    followLink(raw) {
      const url = toSafeUrl(raw);
      if (!url) return;
      // VS Code asks by itself, with its list of trusted domains.
      if (transport.editor) transport.openLink(url);
      else store.dispatch({ type: "link", url: url.href });
    },
    confirmLink(isConfirmed) {
      const url = toSafeUrl(store.get().link ?? "");
      store.dispatch({ type: "link", url: null });
      if (url && isConfirmed) transport.openLink(url);
    },
    editor: transport.editor,
    insert: transport.editor?.insert,
    openFile: transport.editor?.openFile,
    run: transport.editor?.run,
  };

  store.subscribe((state, before) => {
    if (state.log === before.log || isLoading(before)) return;
    const turn = lastTurn(state);
    const beforeTurn = lastTurn(before);
    // The first message names the chat; every turn moves it up in the list.
    if (turn?.id !== beforeTurn?.id && state.log?.id === before.log?.id) loadFacts();
    if (turn?.id !== beforeTurn?.id || turn?.status !== beforeTurn?.status) sessions.refresh();
  });

  store.subscribe((state) => {
    if (soughtIndex(state) !== -1) return;
    const notice = { code: "turn_gone", message: text.turnGone, hint: text.turnGoneHint };
    store.dispatch({ type: "sought", notice });
  });

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

/** Tells the host what is shown, and keeps what a reload needs. */
function keepInStep(store: Store, transport: Transport, text: Strings): void {
  let shown = "";
  let saved: AppState | undefined;
  const update = (state: AppState): void => {
    const view = toViewState(state, text);
    const nextShown = JSON.stringify(view);
    if (nextShown !== shown) transport.showState(view);
    shown = nextShown;
    // Not compared by its text: files that go with a draft are long, and an answer comes word by word.
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
  const { log, outgoing } = state;
  return {
    session_id: log?.id ?? null,
    drafts: withHere(state),
    ...(outgoing
      ? {
          unsent: {
            request_id: outgoing.requestId,
            content: outgoing.content,
            context: [...outgoing.context],
            ...(outgoing.replacesTurnId === null
              ? {}
              : { replaces_turn_id: outgoing.replacesTurnId }),
            ...(outgoing.resumesPlanId && { resume_plan_id: outgoing.resumesPlanId }),
          },
        }
      : {}),
  };
}
