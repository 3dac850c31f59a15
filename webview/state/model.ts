// All that the app knows, and what changes it.
import type { ApprovalLevel, RuleText } from "../../server/protocol/approvals.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import type {
  AgentList,
  DeletedSessionList,
  ModelList,
  Ready,
  Session,
  SessionList,
  WorkspaceList,
} from "../../server/protocol/responses.ts";
import type { Waiting } from "../../server/protocol/sse.ts";
import type { LogReset, Queue, QueuedMessage } from "../../server/protocol/stream-events.ts";
import type {
  CallDraft,
  CallError,
  ChatDraft,
  ConnectionState,
  Going,
  Unsent,
} from "../messages.ts";
import type { SessionLog } from "../turns/model.ts";

/**
 * A message on its way. Its id stays the same however often it is sent, so it takes effect once.
 */
export interface Outgoing extends Unsent {
  /**
   * `held`: the companion is away, it goes by itself when it is back. `refused`:
   * it will not go as it is.
   */
  state: "sending" | "held" | "refused";
  error: CallError | null;
}

export interface Decision {
  requestId: string;
  decision: "approve" | "edit" | "reject";
  feedback: string;
  /** What an edit makes of the arguments. */
  args?: Record<string, unknown>;
  /** No more questions for this tool in this chat, or for calls that a rule fits. */
  remember?: "session" | RuleText;
}

export interface AppState {
  connection: ConnectionState;
  /** Null: a chat that does not exist yet. */
  log: SessionLog | null;
  facts: SessionFacts | null;
  /**
   * The turn that the reader is led to, once all is here that was said up to
   * `until` (null: not known yet).
   */
  sought: { turnId: string; until: number | null; words: string } | null;
  /** Why the open session cannot be shown. */
  streamError: CallError | null;
  waiting: Waiting;
  outgoing: Outgoing | null;
  /** What waits in the open chat, in the order in which it will be sent. */
  queue: readonly QueuedMessage[];
  /** Decisions on their way, by call. */
  decisions: Readonly<Record<string, Decision>>;
  stopping: boolean;
  draft: string;
  /** Counts changes of the draft that did not come from typing. */
  draftRevision: number;
  context: readonly Going[];
  /** The turn that the composer is rewriting. */
  editing: string | null;
  /** The draft that was there before, while it does. */
  behind: { draft: string; context: readonly Going[] } | null;
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
  /** What is allowed is looked at. */
  approvals: boolean;
}

export type AppMessage =
  | { type: "connection"; connection: ConnectionState }
  | { type: "opened"; sessionId: string | null }
  | { type: "created"; session: Session }
  | { type: "session_facts"; session: Session }
  | { type: "chunks"; chunks: readonly StreamChunk[] }
  | { type: "log_reset"; reset: LogReset }
  | { type: "queue"; queue: Queue }
  /** The message on its way waits, and is stored. */
  | { type: "queued"; message: QueuedMessage }
  | { type: "stream_failed"; error: CallError }
  | { type: "waiting"; waiting: Waiting }
  /** `words`: what was searched for, to be marked there. */
  | { type: "seek"; turnId: string; words: string }
  | { type: "sought"; notice: CallError | null }
  /** `written`: it is the draft that goes. */
  | { type: "send"; outgoing: Outgoing; written: boolean }
  /** A message of a chat that may not be open any more did not go. */
  | { type: "returned"; key: string; draft: string; context: readonly Going[] }
  | { type: "drafts"; drafts: Readonly<Record<string, ChatDraft>> }
  | { type: "write_call"; callId: string; draft: Partial<CallDraft> }
  /** `outgoing`: as it goes now. */
  | {
      type: "send_state";
      requestId: string;
      state: Outgoing["state"];
      error: CallError | null;
      outgoing?: Outgoing;
    }
  | { type: "send_dropped" }
  | { type: "decide"; callId: string; decision: Decision }
  | { type: "decision_failed"; callId: string; error: CallError }
  | { type: "stopping"; stopping: boolean }
  | { type: "draft"; text: string }
  | { type: "compose"; text: string; context: readonly Going[] }
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
      /** Absent where they stay as they were: these are more of the same. */
      pinned?: SessionList["sessions"];
      place: ListPlace;
    }
  | { type: "show_place"; place: ListPlace }
  | { type: "workspaces"; workspaces: WorkspaceList }
  | { type: "sessions_failed"; error: CallError }
  | { type: "renamed"; session: Session }
  | { type: "archived"; session: Session }
  | { type: "deleted"; sessionId: string }
  | { type: "deleted_list"; list: DeletedSessionList | null }
  | { type: "restored"; sessionId: string }
  | { type: "notice"; notice: CallError | null }
  | { type: "link"; url: string | null }
  | { type: "ask_key"; model: string | null }
  | { type: "show_approvals"; open: boolean };

/** What is known of the open session beside its log. */
export interface SessionFacts {
  title: string;
  model: string | null;
  agent: string | null;
  lastSeq: number;
  /** What runs in it without asking. */
  level: ApprovalLevel;
}

/** Which chats the list shows; a search finds all. */
export interface ListPlace {
  archived?: true;
  workspace?: string;
}

export interface SessionsPane {
  open: boolean;
  place: ListPlace;
  workspaces: WorkspaceList | null;
  /** Those of the place that are pinned; they are among `items` as well. */
  pinned: SessionList["sessions"];
  items: SessionList["sessions"];
  query: string;
  cursor: string | null;
  loaded: boolean;
  error: CallError | null;
  /** What can be brought back; null: not known yet. */
  deleted: DeletedSessionList | null;
  /** The chat that was deleted or put away last, while that can be undone with a click. */
  undo: { id: string; title: string; isArchived?: true } | null;
}
