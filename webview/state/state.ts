// All that the app knows, and the one function that changes it. Components read, actions dispatch.
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import type { LogReset } from "../../server/protocol/log-reset.ts";
import type { ContextItem } from "../../server/protocol/requests.ts";
import type {
  AgentList,
  ModelList,
  Ready,
  Session,
  SessionList,
} from "../../server/protocol/responses.ts";
import type { CallDraft, CallError, ChatDraft, ConnectionState } from "../messages.ts";
import { ownPrompt } from "../strings/own-prompts.ts";
import { resetLog } from "../turns/gone.ts";
import { emptyLog, isOpen, type SessionLog, type Turn, takeChunks } from "../turns/turns.ts";
import { reduceComposer } from "./composer-state.ts";
import {
  afterSending,
  NEW_CHAT,
  NO_CALLS,
  returned,
  withDraftsOf,
  withoutEdit,
  withWritten,
  writtenHere,
} from "./drafts.ts";
import { isLoading } from "./selectors.ts";
import {
  INITIAL_SESSIONS,
  reduceSessions,
  type SessionFacts,
  type SessionsPane,
  toFacts,
} from "./sessions-state.ts";

/** A message on its way. Its id stays the same however often it is sent, so it takes effect once. */
export interface Outgoing {
  requestId: string;
  content: string;
  context: readonly ContextItem[];
  replacesTurnId: string | null;
  resumesPlanId?: string;
  /** `held`: the companion is away, it goes by itself when it is back. `refused`: it will not go as it is. */
  state: "sending" | "held" | "refused";
  error: CallError | null;
}

export interface Decision {
  requestId: string;
  decision: "approve" | "edit" | "reject";
  feedback: string;
  /** What an edit makes of the arguments. */
  args?: Record<string, unknown>;
  /** No more questions for this tool in this chat. */
  always?: boolean;
}

export interface AppState {
  connection: ConnectionState;
  /** Null: a chat that does not exist yet. */
  log: SessionLog | null;
  facts: SessionFacts | null;
  /** The turn that the reader is led to, once all is here that was said up to `until` (null: not known yet). */
  sought: { turnId: string; until: number | null; words: string } | null;
  /** Why the open session cannot be shown. */
  streamError: CallError | null;
  outgoing: Outgoing | null;
  /** Decisions on their way, by call. */
  decisions: Readonly<Record<string, Decision>>;
  stopping: boolean;
  draft: string;
  /** Counts changes of the draft that did not come from typing. */
  draftRevision: number;
  context: readonly ContextItem[];
  /** The turn that the composer is rewriting. */
  editing: string | null;
  /** The draft that was there before, while it does. */
  behind: { draft: string; context: readonly ContextItem[] } | null;
  /** What is being written about calls that wait. */
  calls: Readonly<Record<string, CallDraft>>;
  /** What is written in the chats that are not open. */
  drafts: Readonly<Record<string, ChatDraft>>;
  chosen: { model: string | null; agent: string | null };
  models: ModelList | null;
  agents: AgentList | null;
  ready: Ready | null;
  sessions: SessionsPane;
  notice: CallError | null;
  /** A link that the reader wants to follow and has not confirmed. */
  link: string | null;
  /** The model whose key is asked for; "": any. */
  keyFor: string | null;
}

export type AppMessage =
  | { type: "connection"; connection: ConnectionState }
  | { type: "opened"; sessionId: string | null }
  | { type: "created"; session: Session }
  | { type: "session_facts"; session: Session }
  | { type: "chunks"; chunks: readonly StreamChunk[] }
  | { type: "log_reset"; reset: LogReset }
  | { type: "stream_failed"; error: CallError }
  /** `words`: what was searched for, to be marked there. */
  | { type: "seek"; turnId: string; words: string }
  | { type: "sought"; notice: CallError | null }
  /** `written`: it is the draft that goes. */
  | { type: "send"; outgoing: Outgoing; written: boolean }
  /** A message of a chat that may not be open any more did not go. */
  | { type: "returned"; key: string; draft: string; context: readonly ContextItem[] }
  | { type: "drafts"; drafts: Readonly<Record<string, ChatDraft>> }
  | { type: "write_call"; callId: string; draft: Partial<CallDraft> }
  | { type: "send_state"; requestId: string; state: Outgoing["state"]; error: CallError | null }
  | { type: "send_dropped" }
  | { type: "decide"; callId: string; decision: Decision }
  | { type: "decision_failed"; callId: string; error: CallError }
  | { type: "stopping"; stopping: boolean }
  | { type: "draft"; text: string }
  | { type: "compose"; text: string; context: readonly ContextItem[] }
  | { type: "drop_context"; index: number }
  | { type: "edit"; turnId: string }
  | { type: "stop_editing" }
  | { type: "choose"; model?: string; agent?: string }
  | { type: "models"; models: ModelList }
  | { type: "agents"; agents: AgentList }
  | { type: "ready"; ready: Ready }
  | { type: "show_sessions"; open: boolean }
  | { type: "search"; query: string }
  | {
      type: "sessions";
      query: string;
      items: SessionList["sessions"];
      cursor: string | null;
      more: boolean;
    }
  | { type: "sessions_failed"; error: CallError }
  | { type: "renamed"; session: Session }
  | { type: "deleted"; sessionId: string }
  | { type: "notice"; notice: CallError | null }
  | { type: "link"; url: string | null }
  | { type: "ask_key"; model: string | null };

export const INITIAL: AppState = {
  connection: { state: "starting" },
  log: null,
  facts: null,
  sought: null,
  streamError: null,
  outgoing: null,
  decisions: {},
  stopping: false,
  draft: "",
  draftRevision: 0,
  context: [],
  editing: null,
  behind: null,
  calls: NO_CALLS,
  drafts: {},
  chosen: { model: null, agent: null },
  models: null,
  agents: null,
  ready: null,
  sessions: INITIAL_SESSIONS,
  notice: null,
  link: null,
  keyFor: null,
};

export function reduce(state: AppState, message: AppMessage): AppState {
  switch (message.type) {
    case "connection":
      return {
        ...state,
        connection: message.connection,
        notice: isOld(state.notice, message.connection) ? null : state.notice,
      };
    case "opened":
      return openSession(state, message.sessionId);
    case "created":
      return {
        ...state,
        log: emptyLog(message.session.id),
        // Nothing to wait for: its history begins with the message that is on its way.
        facts: { ...toFacts(message.session), lastSeq: 0 },
        streamError: null,
      };
    case "session_facts":
      return takeFacts(state, message.session);
    case "chunks":
      return takeIn(state, message.chunks);
    case "log_reset":
      return takeReset(state, message.reset);
    case "stream_failed":
      return { ...state, streamError: message.error, sought: null };
    case "seek":
      return { ...state, sought: seek(message), notice: null };
    case "sought":
      return { ...state, sought: null, notice: message.notice };
    case "send":
    case "send_state":
    case "send_dropped":
    case "decide":
    case "decision_failed":
    case "stopping":
      return reduceSending(state, message);
    case "draft":
    case "compose":
    case "drop_context":
    case "edit":
    case "stop_editing":
    case "returned":
    case "drafts":
    case "write_call":
      return reduceComposer(state, message);
    case "choose":
      return {
        ...state,
        chosen: {
          model: message.model ?? state.chosen.model,
          agent: message.agent ?? state.chosen.agent,
        },
      };
    case "models":
      return { ...state, models: message.models };
    case "agents":
      return { ...state, agents: message.agents };
    case "ready":
      return { ...state, ready: message.ready };
    case "show_sessions":
    case "search":
    case "sessions":
    case "sessions_failed":
    case "renamed":
    case "deleted":
      return reduceSessions(state, message);
    case "notice":
      return { ...state, notice: message.notice };
    case "link":
      return { ...state, link: message.url };
    case "ask_key":
      return { ...state, keyFor: message.model };
    default:
      message satisfies never;
      return state;
  }
}

function seek({ turnId, words }: { turnId: string; words: string }): AppState["sought"] {
  return { turnId, words, until: null };
}

const PASSING = ["companion_away", "no_token", "not_loaded"];

/** What a notice says of an answer that runs, or of being away, is not so any more. */
function isOld(notice: CallError | null, { state }: ConnectionState): boolean {
  if (state === "ready") return PASSING.includes(notice?.code ?? "");
  return notice?.code === "session_busy";
}

function openSession(state: AppState, sessionId: string | null): AppState {
  return {
    ...withDraftsOf(state, sessionId ?? NEW_CHAT),
    log: sessionId === null ? null : emptyLog(sessionId),
    facts: null,
    sought: null,
    streamError: null,
    outgoing: null,
    decisions: {},
    stopping: false,
    chosen: { model: null, agent: null },
    notice: null,
  };
}

function takeFacts(state: AppState, session: Session): AppState {
  const { log, facts, sought } = state;
  if (log?.id !== session.id) return state;
  return {
    ...state,
    facts: toFacts(session, facts),
    sought: sought && { ...sought, until: sought.until ?? session.last_seq },
  };
}

function takeIn(state: AppState, chunks: readonly StreamChunk[]): AppState {
  if (!state.log) return state;
  const log = takeChunks(state.log, chunks);
  if (log === state.log) return state;
  const { outgoing } = state;
  const arrived = outgoing !== null && log.arrived.includes(outgoing.requestId);
  const open = isOpen(log.turns.at(-1));
  const { editing } = state;
  const isGone = editing !== null && !log.turns.some(({ id }) => id === editing);
  return {
    ...(isGone && !isLoading({ ...state, log }) ? withoutEdit(state) : state),
    calls: unanswered(state.calls, log.turns.at(-1)),
    log,
    streamError: null,
    outgoing: arrived ? null : outgoing,
    // A choice lasts until a turn was made with it; then the session has it.
    chosen: arrived ? { model: null, agent: null } : state.chosen,
    facts: arrived ? withChoice(state) : state.facts,
    decisions: pendingOnly(state.decisions, log.turns.at(-1)),
    stopping: state.stopping && (open || (outgoing !== null && !arrived)),
    notice: state.notice?.code === "session_busy" && !open ? null : state.notice,
  };
}

/** What was known of the chat is not so any more. */
function takeReset(state: AppState, reset: LogReset): AppState {
  const { log, facts } = state;
  if (log?.id !== reset.session_id) return state;
  return {
    ...state,
    log: resetLog(log, reset),
    facts: facts && { ...facts, lastSeq: reset.last_seq },
    decisions: {},
    stopping: false,
    editing: null,
  };
}

function withChoice({ facts, chosen }: AppState): SessionFacts | null {
  if (!facts) return null;
  return { ...facts, model: chosen.model ?? facts.model, agent: chosen.agent ?? facts.agent };
}

function pendingOnly(decisions: AppState["decisions"], turn: Turn | undefined) {
  const calls = Object.keys(decisions);
  if (calls.length === 0) return decisions;
  const waiting = new Set(
    turn?.parts.flatMap((part) =>
      part.kind === "tool" && part.waitsFor === "tool_decision" ? [part.callId] : [],
    ),
  );
  return Object.fromEntries(Object.entries(decisions).filter(([callId]) => waiting.has(callId)));
}

/** What is written about a call is of use until it has its answer. */
function unanswered(calls: AppState["calls"], turn: Turn | undefined): AppState["calls"] {
  const over = turn?.parts.filter(
    (part) => part.kind === "tool" && (part.result !== null || part.error !== null),
  );
  const ids = new Set(over?.map((part) => (part.kind === "tool" ? part.callId : "")));
  if (!Object.keys(calls).some((id) => ids.has(id))) return calls;
  return Object.fromEntries(Object.entries(calls).filter(([id]) => !ids.has(id)));
}

type SendingMessage = Extract<
  AppMessage,
  {
    type: "send" | "send_state" | "send_dropped" | "decide" | "decision_failed" | "stopping";
  }
>;

function reduceSending(state: AppState, message: SendingMessage): AppState {
  switch (message.type) {
    case "send": {
      const { outgoing, written } = message;
      const isEdited = state.editing !== null && state.editing === outgoing.replacesTurnId;
      const left = isEdited ? withoutEdit(state) : state;
      return {
        ...(written ? withWritten(state, afterSending(state)) : left),
        outgoing,
        stopping: false,
        notice: null,
      };
    }
    case "send_state": {
      const { requestId, state: sending, error } = message;
      if (state.outgoing?.requestId !== requestId) return state;
      const stopping = state.stopping && sending === "sending";
      return { ...state, stopping, outgoing: { ...state.outgoing, state: sending, error } };
    }
    case "send_dropped": {
      if (!state.outgoing) return state;
      const { content: draft, replacesTurnId } = state.outgoing;
      const context = [...state.outgoing.context];
      const here = writtenHere(withoutEdit({ ...state, outgoing: null }));
      const edit = { turn_id: replacesTurnId ?? "", draft, context };
      // What a button said is not worth keeping.
      const back = ownPrompt(draft) === undefined ? returned(here, { draft, context }) : here;
      const written = replacesTurnId === null ? back : { ...here, edit };
      return withWritten({ ...state, outgoing: null }, written);
    }
    case "decide":
      return {
        ...state,
        notice: null,
        decisions: { ...state.decisions, [message.callId]: message.decision },
      };
    case "decision_failed": {
      const { [message.callId]: _, ...decisions } = state.decisions;
      return { ...state, decisions, notice: message.error };
    }
    case "stopping":
      return { ...state, stopping: message.stopping };
  }
}
