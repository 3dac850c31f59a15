// All that the app knows, and the one function that changes it. Components read, actions dispatch.
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import type { Session } from "../../server/protocol/responses.ts";
import { WAIT_OVER } from "../../server/protocol/sse.ts";
import type { LogReset, Queue, QueuedMessage } from "../../server/protocol/stream-events.ts";
import type { CallError, ConnectionState } from "../messages.ts";
import { ownPrompt } from "../strings/own-prompts.ts";
import { resetLog } from "../turns/gone.ts";
import { emptyLog, isOpen, type SessionLog, type Turn } from "../turns/model.ts";
import { takeChunks } from "../turns/turns.ts";
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
import type { AppMessage, AppState, Outgoing, SessionFacts } from "./model.ts";
import { isLoading } from "./selectors.ts";
import { INITIAL_SESSIONS, reduceSessions, toFacts } from "./sessions-state.ts";

export const INITIAL: AppState = {
  connection: { state: "starting" },
  log: null,
  facts: null,
  sought: null,
  streamError: null,
  waiting: WAIT_OVER,
  outgoing: null,
  queue: [],
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
  approvals: false,
};

export function reduce(state: AppState, message: AppMessage): AppState {
  switch (message.type) {
    case "connection":
      return {
        ...state,
        connection: message.connection,
        waiting: WAIT_OVER,
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
    case "queue":
      return takeQueue(state, message.queue);
    case "queued":
      return takeQueued(state, message.message);
    case "stream_failed":
      return { ...state, streamError: message.error, sought: null };
    case "waiting":
      return { ...state, waiting: message.waiting };
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
    case "show_place":
    case "workspaces":
    case "archived":
    case "sessions_failed":
    case "renamed":
    case "deleted":
    case "deleted_list":
    case "restored":
      return reduceSessions(state, message);
    case "notice":
      return { ...state, notice: message.notice };
    case "link":
      return { ...state, link: message.url };
    case "ask_key":
      return { ...state, keyFor: message.model };
    case "show_approvals":
      return { ...state, approvals: message.open };
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
    queue: [],
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
  const arrived = outgoing !== null && log.arrived.includes(outgoing.request_id);
  const open = isOpen(log.turns.at(-1));
  const { editing } = state;
  const isGone = editing !== null && !log.turns.some(({ id }) => id === editing);
  return {
    ...(isGone && !isLoading({ ...state, log }) ? withoutEdit(state) : state),
    calls: unanswered(state.calls, log.turns.at(-1)),
    log,
    streamError: null,
    outgoing: arrived ? null : outgoing,
    queue: unsent(state.queue, log),
    // A choice lasts until a turn was made with it; then the session has it.
    chosen: arrived ? stillChosen(state.chosen, outgoing) : state.chosen,
    facts: withLevel(arrived ? withChoice(state.facts, outgoing) : state.facts, chunks),
    decisions: pendingOnly(state.decisions, log.turns.at(-1)),
    stopping: state.stopping && (open || (outgoing !== null && !arrived)),
    notice: state.notice?.code === "session_busy" && !open ? null : state.notice,
  };
}

/** Those that have not come back as chunks: their turn may be told before their place is free. */
function unsent(queue: AppState["queue"], { arrived }: SessionLog): AppState["queue"] {
  return queue.some(({ id }) => arrived.includes(id))
    ? queue.filter(({ id }) => !arrived.includes(id))
    : queue;
}

function takeQueue(state: AppState, { session_id, messages }: Queue): AppState {
  const { log, outgoing } = state;
  if (log?.id !== session_id) return state;
  const isThere = messages.some(({ id }) => id === outgoing?.request_id);
  return { ...state, queue: unsent(messages, log), outgoing: isThere ? null : outgoing };
}

/** The queue itself may have been told before, or be told later. */
function takeQueued(state: AppState, message: QueuedMessage): AppState {
  const { log, outgoing, queue } = state;
  if (!log || outgoing?.request_id !== message.id) return state;
  const others = queue.filter(({ id }) => id !== message.id);
  return { ...state, outgoing: null, queue: unsent([...others, message], log) };
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

function withChoice(facts: SessionFacts | null, sent: Outgoing): SessionFacts | null {
  if (!facts) return null;
  return { ...facts, model: sent.model ?? facts.model, agent: sent.agent_type ?? facts.agent };
}

/** What was chosen while the message was on its way is for the next one. */
function stillChosen({ model, agent }: AppState["chosen"], sent: Outgoing): AppState["chosen"] {
  return {
    model: model === sent.model ? null : model,
    agent: agent === sent.agent_type ? null : agent,
  };
}

/** As another window has said since the facts were read. */
function withLevel(
  facts: SessionFacts | null,
  chunks: readonly StreamChunk[],
): SessionFacts | null {
  for (const { type, seq, metadata } of facts ? chunks : []) {
    const isNewer = type === "status" && seq > (facts?.lastSeq ?? 0);
    if (!isNewer || metadata?.state !== "approval_level") continue;
    if (facts && metadata.level) facts = { ...facts, level: metadata.level };
  }
  return facts;
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
      const isEdited = state.editing !== null && state.editing === outgoing.replaces_turn_id;
      const left = isEdited ? withoutEdit(state) : state;
      return {
        ...(written ? withWritten(state, afterSending(state)) : left),
        outgoing,
        // An answer that is being stopped goes on to be.
        stopping: outgoing.when_busy !== undefined && state.stopping,
        notice: null,
      };
    }
    case "send_state": {
      const { requestId, state: sending, error, outgoing = state.outgoing } = message;
      if (!outgoing || state.outgoing?.request_id !== requestId) return state;
      const stopping = state.stopping && sending === "sending";
      return { ...state, stopping, outgoing: { ...outgoing, state: sending, error } };
    }
    case "send_dropped": {
      if (!state.outgoing) return state;
      const { content: draft, context, replaces_turn_id } = state.outgoing;
      const here = writtenHere(withoutEdit({ ...state, outgoing: null }));
      const edit = { turn_id: replaces_turn_id ?? "", draft, context };
      // What a button said is not worth keeping.
      const back = ownPrompt(draft) === undefined ? returned(here, { draft, context }) : here;
      const written = replaces_turn_id === undefined ? back : { ...here, edit };
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
