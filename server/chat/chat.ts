import type { LogPlace } from "../db/tables/epochs.ts";
import type { ListFilter } from "../db/tables/listed.ts";
import type { ApprovalRuleList, LevelRequest, RuleChoices } from "../protocol/approvals.ts";
import type { WholeAttachment } from "../protocol/attachments.ts";
import type { StreamChunk } from "../protocol/chunks.ts";
import type { InstructionText } from "../protocol/instructions.ts";
import type {
  ChangeQueuedRequest,
  ContextItem,
  CreateSessionRequest,
  MessageRequest,
  TakenBack,
  UpdateSessionRequest,
} from "../protocol/requests.ts";
import type {
  AgentList,
  Claim,
  DeletedSessionList,
  ImportReport,
  MessageList,
  ModelList,
  OutputTaken,
  PendingList,
  Queued,
  Ready,
  SentNow,
  Session,
  SessionList,
  VersionList,
  WorkspaceList,
} from "../protocol/responses.ts";
import type { Sampling } from "../protocol/sampling.ts";
import type {
  ChooseVersionRequest,
  DecideChangesRequest,
  ExportFormat,
  ForkRequest,
  ListTransactionsQuery,
  OutputRequest,
} from "../protocol/served-requests.ts";
import type { LogReset, Queue, QueuedMessage, QueueList } from "../protocol/stream-events.ts";
import type { TransactionList } from "../protocol/transactions.ts";

/** A committed chunk and its SSE frame, encoded once for all readers. */
export interface Frame {
  chunk: StreamChunk;
  text: string;
}

/**
 * A turn that was accepted (or had been, for a repeated `request_id`); `after` is the cursor
 * just before its first chunk.
 */
export interface AcceptedTurn {
  session_id: string;
  turn_id: string;
  after: number;
  /** Its first chunks, and its chat's, where this call has just stored them. */
  begun?: readonly StreamChunk[];
}

/**
 * Takes the frames of one commit for a reader that waits for just these, in the commit's own hook;
 * false: it cannot now, they come as a batch. The last ones before the end always do.
 */
export type DirectSink = (frames: readonly Frame[]) => boolean;

export interface StreamOptions {
  /** The last `seq` the reader has; 0 for everything. */
  after: number;
  /** That chunk was stored a moment ago, so the cursor counts. */
  stored?: number;
  /**
   * What comes right after the cursor, from the call that stored it. Nothing else may have been
   * waited for since: what was committed before there was a reader is not heard.
   */
  begun?: readonly StreamChunk[] | undefined;
  /** The epoch that `after` counts in; absent for a reader that knows none. */
  epoch?: string | undefined;
  /**
   * The log went back: the cursor counts for nothing any more. An empty batch comes right after it.
   */
  onReset?(reset: LogReset): void;
  direct?: DirectSink | undefined;
  /**
   * The session's queue, at first and whenever it may have changed. An empty batch
   * comes right after it.
   */
  onQueue?(queue: Queue): void;
  /**
   * `turn_end`: close after the turn that runs, or at once when none does. `pause`: as one request
   * sees it, close when `turn_id` ends or waits for the client.
   */
  until: "left" | "turn_end" | { pause_of: string };
}

/** The bytes of a file of chats, made as they are taken. */
export type FileParts = AsyncIterable<Uint8Array>;

/** A line of such a file. */
export interface FileLine {
  number: number;
  text: string;
}

export interface ImportedMessage {
  role: "system" | "user" | "assistant";
  content: string;
  /** Of a user. */
  attachments?: readonly WholeAttachment[];
}

/** What the companion can do, for every transport. All methods reject with `ChatError`. */
export interface Chat {
  startTurn(request: MessageRequest): Promise<AcceptedTurn>;
  /**
   * Stores a message that has to wait; undefined if it need not: then start its turn, which rejects
   * with `session_busy` if somebody else was first.
   */
  queueMessage(request: MessageRequest): Promise<Queued | undefined>;
  /** Rejects with `not_found`. */
  listQueue(sessionId: string): Promise<QueueList>;
  /** Rejects with `queue_changed`, `not_found`. */
  editQueued(sessionId: string, id: string, change: ChangeQueuedRequest): Promise<QueuedMessage>;
  /** Rejects with `queue_changed`, `not_found`. */
  takeBack(sessionId: string, id: string): Promise<TakenBack | undefined>;
  /** The model reads it now. Rejects with `queue_changed`, `not_found`, or as its turn would. */
  sendNow(sessionId: string, id: string): Promise<SentNow>;
  /** What is held is sent again by itself. */
  resumeQueue(sessionId: string): Promise<void>;
  /**
   * A conversation that a client brings along whole (OpenAI's API): stored, then its
   * last message is answered.
   */
  startConversation(
    model: string,
    messages: ImportedMessage[],
    sampling: Sampling | null,
  ): Promise<AcceptedTurn>;
  /**
   * Committed frames after the cursor, in order and without gaps, then live. Ends when `signal`
   * aborts. Rejects with `not_found` before the first batch.
   */
  stream(
    sessionId: string,
    options: StreamOptions,
    signal: AbortSignal,
  ): AsyncIterable<readonly Frame[]>;
  /** Where the log of a session stands. Rejects with `not_found`. */
  logPlace(sessionId: string): Promise<LogPlace>;
  /** Resolves when the turn's end is committed; `turn_id` is null if nothing ran. */
  cancelTurn(sessionId: string): Promise<{ turn_id: string | null }>;
  /**
   * Takes a turn and all after it out of the conversation; they stay in the log. Rejects with
   * `session_busy` while one runs.
   */
  rewind(sessionId: string, turnId: string): Promise<Session>;
  /**
   * The conversation goes on with another version of a message. Takes effect once. Rejects with
   * `session_busy`, `version_changed`, `invalid_request`, `not_found`.
   */
  chooseVersion(sessionId: string, request: ChooseVersionRequest): Promise<Session>;
  /** Rejects with `not_found`. */
  listVersions(sessionId: string): Promise<VersionList>;
  /**
   * Older messages are replaced by a summary in what the model is told. Rejects with
   * `session_busy`, `invalid_request`, `upstream_*`.
   */
  summarise(sessionId: string): Promise<void>;
  /** Takes effect once. Rejects with `session_busy` or `not_found`. */
  undoSummary(sessionId: string, summaryId: string): Promise<void>;
  /**
   * A tool that need not ask in this session asks again. Rejects with `not_found`, `session_busy`.
   */
  revokeToolRule(sessionId: string, toolName: string): Promise<void>;
  /** Rules that a person could make of a call. Rejects with `not_found`. */
  ruleChoices(sessionId: string, callId: string): Promise<RuleChoices>;
  /** Of one workspace, or of all. */
  approvalRules(workspace: string | undefined): Promise<ApprovalRuleList>;
  /** Takes effect once. */
  removeApprovalRule(id: string): Promise<void>;
  /**
   * A person keeps or undoes what a turn has changed. Takes effect once. Rejects with
   * `not_found`, `session_busy`.
   */
  decideChanges(sessionId: string, turnId: string, said: DecideChangesRequest): Promise<void>;
  /** Counts from the next call on. Rejects with `not_found`. */
  setApprovalLevel(sessionId: string, wish: LevelRequest): Promise<Session>;
  createSession(request: CreateSessionRequest): Promise<Session>;
  /** Newest first. Those that are put away only where that is asked, or searched. */
  listSessions(
    query: ListFilter & { query?: string; limit?: number; cursor?: string },
  ): Promise<SessionList>;
  listWorkspaces(): Promise<WorkspaceList>;
  getSession(sessionId: string): Promise<Session>;
  updateSession(sessionId: string, changes: UpdateSessionRequest): Promise<Session>;
  /** It can be brought back for some days, unless it goes `forGood`. Rejects with `not_found`. */
  deleteSession(sessionId: string, forGood?: boolean): Promise<void>;
  /** Takes effect once. Rejects with `not_found` where it was removed for good. */
  restoreSession(sessionId: string): Promise<Session>;
  listDeleted(): Promise<DeletedSessionList>;
  /**
   * A new chat, the same as this one up to `at_seq`; one for each `request_id`. Rejects with
   * `not_found`, `invalid_request`, `session_busy`, `request_conflict`.
   */
  forkSession(sessionId: string, wish?: ForkRequest): Promise<Session>;
  /** A page of the web, for a message. Rejects with `page_refused` and `page_failed`. */
  readPage(address: string, signal?: AbortSignal): Promise<ContextItem>;
  /** The newest part of a chat, for a message in another one. */
  quoteChat(sessionId: string): Promise<ContextItem>;
  /** The parts of a file. They, or it, reject with `not_found`, `session_busy`. */
  exportChat(sessionId: string, format: ExportFormat): Promise<{ title: string; parts: FileParts }>;
  /** All chats as the parts of one file. */
  exportAll(): FileParts;
  /** Stores what a file has, chat by chat; what is here already stays as it is. */
  importChats(lines: AsyncIterable<FileLine>, asCopies: boolean): Promise<ImportReport>;
  /** Of the whole conversation, or of one of its turns. Rejects with `not_found`. */
  listMessages(sessionId: string, turnId?: string): Promise<MessageList>;
  /** A text that went with a message. Rejects with `not_found`. */
  getInstruction(sessionId: string, hash: string): Promise<InstructionText>;
  /** Rejects with `not_found` for a content that the session does not have. */
  readAttachment(sessionId: string, hash: string): Promise<{ media_type: string; content: Buffer }>;
  listPending(sessionId: string): Promise<PendingList>;
  /**
   * Makes `clientId` the one that runs the call, or gives it more time. Rejects with
   * `call_claimed` or `not_waiting`.
   */
  claimCall(sessionId: string, callId: string, clientId: string): Promise<Claim>;
  /**
   * A piece of what a running call says; takes effect once. Rejects with `call_claimed`,
   * `not_waiting`, or `invalid_request` if something before it is missing.
   */
  takeOutput(sessionId: string, callId: string, piece: OutputRequest): Promise<OutputTaken>;
  listAgents(): AgentList;
  listModels(): Promise<ModelList>;
  /** The last micro-transactions of this companion, newest first. */
  listTransactions(query: ListTransactionsQuery): TransactionList;
  setKey(provider: string, key: string | undefined, baseUrl: string | undefined): void;
  removeKey(provider: string): void;
  /** Asks the database, with a write if none is a moment old; never rejects. */
  ready(): Promise<Ready>;
  /** So that the metrics say soon whether storing works, though nobody writes. */
  glanceAtStorage(): void;
  runningTurns(): number;
  /** No new turns from now on; resolves when the running ones have ended by themselves. */
  retire(): Promise<void>;
  /** No new turns from now on; running ones end as `interrupted`, committed. */
  drain(): Promise<void>;
}
