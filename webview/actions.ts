import type { Agent, ModelList } from "../server/protocol/responses.ts";
import { toSafeUrl } from "./markdown/syntax/links.ts";
import type { CallDraft, CommandAbout, HostCommand } from "./messages.ts";
import type { Approvals } from "./state/approvals.ts";
import type { Loading } from "./state/loading.ts";
import { chosenModel, findModel, isBusy, isLockedOut, lastQuestion } from "./state/selectors.ts";
import type { Sending } from "./state/sending.ts";
import type { SessionList } from "./state/session-list.ts";
import type { Store } from "./state/store.ts";
import type { Strings } from "./strings/texts.ts";
import type { Editor, Keys, Transport } from "./transport/transport.ts";

/** What components may ask for. */
export interface Actions {
  sending: Sending;
  approvals: Approvals;
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
  /** Default: the last message. */
  edit: (turnId?: string) => void;
  stopEditing: () => void;
  dropUnsent: () => void;
  chooseModel: (id: string) => void;
  /** Asks for the key of this model; "": of the chosen one; null: no more. */
  askKey: (model: string | null) => void;
  /** What may run without asking is looked at, or no more. */
  showApprovals: (open: boolean) => void;
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
  useCode: Editor["useCode"] | undefined;
  openFile: Editor["openFile"] | undefined;
  run: ((command: HostCommand, about?: CommandAbout) => void) | undefined;
}

interface ActionsDeps {
  store: Store;
  transport: Transport;
  text: Strings;
  sending: Sending;
  approvals: Approvals;
  sessions: SessionList;
  loading: Loading;
  open: (sessionId: string | null) => void;
  showTurn: Actions["openFound"];
  focusComposer: () => void;
}

export function createActions(deps: ActionsDeps): Actions {
  const { store, transport, text, sending, approvals, sessions, loading, open, showTurn } = deps;
  const { focusComposer } = deps;
  const actions: Actions = {
    sending,
    approvals,
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
    edit(turnId = lastQuestion(store.get())?.id) {
      if (turnId === undefined || isBusy(store.get())) return;
      store.dispatch({ type: "edit", turnId });
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
    showApprovals: (isShown) => store.dispatch({ type: "show_approvals", open: isShown }),
    async reloadModels() {
      await loading.models();
      return store.get().models;
    },
    tell: (code, message) => store.tell({ code, message }),
    keys: transport.keys,
    chooseAgent: (agent) => store.dispatch({ type: "choose", agent }),
    async refreshAgents() {
      await loading.agents();
      return store.get().agents?.agents ?? [];
    },
    retryConnection: () => transport.retryNow(),
    isLockedOut: () => isLockedOut(store.get()),
    dismissNotice: () => store.tell(null),
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
    useCode: transport.editor?.useCode,
    openFile: transport.editor?.openFile,
    run: transport.editor?.run,
  };
  return actions;
}
