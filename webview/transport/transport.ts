import type { CallName, CallParams, CallResult } from "../../server/protocol/calls.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import type { Waiting } from "../../server/protocol/sse.ts";
import type { LogReset, Queue } from "../../server/protocol/stream-events.ts";
import { isRecord } from "../../server/shared/json.ts";
import type { FilePlace } from "../markdown/file-links.ts";
import type {
  CallError,
  ChatDraft,
  CodeUse,
  CommandAbout,
  ConnectionState,
  FoundKind,
  FromWebview,
  Going,
  HostCommand,
  Mention,
  ProposedChange,
  SavedState,
  ToWebview,
} from "../messages.ts";

/**
 * The companion was not reached or cannot answer now: the same call may be made again
 * later, with the same ids.
 */
export class CallFailure extends Error {
  readonly error: CallError;
  readonly isConnection: boolean;

  constructor(error: CallError, isConnection: boolean) {
    super(error.message);
    this.name = "CallFailure";
    this.error = error;
    this.isConnection = isConnection;
  }
}

export interface StreamSink {
  /** In order and without gaps, as far as the transport knows. */
  chunks: (chunks: readonly StreamChunk[]) => void;
  /** The log went back: nothing more comes of this subscription, all is to be read again. */
  reset: (reset: LogReset) => void;
  failed: (error: CallError) => void;
  /** What waits in the chat, whole, whenever it may have changed. */
  queue: (queue: Queue) => void;
  waiting: (waiting: Waiting) => void;
}

/** What the host may tell the app without having been asked. */
export type HostMessage = Extract<ToWebview, { type: "do" | "open_session" | "compose" }>;

export interface TransportEvents {
  connection: (connection: ConnectionState) => void;
  host: (message: HostMessage) => void;
}

export type ViewState = Omit<Extract<FromWebview, { type: "view_state" }>, "type">;

export interface Editor {
  useCode: (use: CodeUse) => void;
  openFile: (place: FilePlace) => void;
  run: (command: HostCommand, about?: CommandAbout) => void;
  findMentions: (kind: FoundKind, typed: string) => Promise<readonly Mention[]>;
  /**
   * What a call that waits will write, now and each time that it is another; null while
   * the editor does not know.
   */
  followProposal: (callId: string, tell: (change: ProposedChange | null) => void) => () => void;
  /** They come back as `compose`. */
  addContext: (mentions: Mention[]) => void;
}

/** What the app needs of the place it runs in; inside VS Code and in a browser the same. */
export interface Transport {
  start: (events: TransportEvents) => void;
  /** Rejects with `CallFailure` and nothing else. */
  call<N extends CallName>(name: N, params: CallParams<N>): Promise<CallResult<N>>;
  /**
   * Goes on by itself over lost connections; ends when the returned function is called
   * or the sink got `failed`.
   */
  subscribe: (sessionId: string, after: number, sink: StreamSink) => () => void;
  /** Tries at once what waits for its turn to be tried again. */
  retryNow: () => void;
  readSaved: () => SavedState;
  save: (state: SavedState) => void;
  showState: (state: ViewState) => void;
  copy: (text: string) => void;
  openLink: (url: URL) => void;
  /** What only an editor can do. */
  editor: Editor | undefined;
  /** Where no editor keeps them. */
  keys: Keys | undefined;
  /** The bare way to the companion, where this page has one: for files, in and out. */
  link: Link | undefined;
}

export type LinkRequest = Pick<RequestInit, "method" | "body"> & {
  signal: AbortSignal;
  headers?: Record<string, string>;
};

export interface Link {
  /** Whatever the status of the response; rejects with `CallFailure` where none comes. */
  fetch: (path: string, init: LinkRequest) => Promise<Response>;
  /** What a response that is none of success says. */
  refusal: (response: Response) => Promise<CallFailure>;
}

/** They go to the companion and never come back. */
export interface Keys {
  set: (provider: string, key: string) => Promise<void>;
  remove: (provider: string) => Promise<void>;
}

/** Wherever it was kept it may be old or broken; then it is as if there were none. */
export function toSavedState(raw: unknown): SavedState {
  const saved: SavedState = { session_id: null, drafts: {} };
  if (!isRecord(raw)) return saved;
  const { session_id, unsent } = raw;
  if (isText(session_id)) saved.session_id = session_id;
  const kept = isRecord(raw["drafts"]) ? Object.entries(raw["drafts"]) : [];
  for (const [key, one] of kept) {
    const draft = toChatDraft(one);
    if (draft) saved.drafts[key] = draft;
  }
  // As an earlier version kept it: one for all chats.
  const old = toChatDraft(raw);
  if (old && old.draft !== "") saved.drafts[saved.session_id ?? ""] ??= old;
  if (isRecord(unsent)) {
    const { request_id, content, replaces_turn_id, resume_plan_id, when_busy } = unsent;
    const { model, agent_type } = unsent;
    if (isText(request_id) && isText(content)) {
      saved.unsent = { request_id, content, context: toContextItems(unsent["context"]) };
      if (isText(replaces_turn_id)) saved.unsent.replaces_turn_id = replaces_turn_id;
      if (isText(resume_plan_id)) saved.unsent.resume_plan_id = resume_plan_id;
      if (when_busy === "queue" || when_busy === "steer") saved.unsent.when_busy = when_busy;
      if (isText(model)) saved.unsent.model = model;
      if (isText(agent_type)) saved.unsent.agent_type = agent_type;
    }
  }
  return saved;
}

export function toChatDraft(raw: unknown): ChatDraft | null {
  if (!isRecord(raw) || !isText(raw["draft"])) return null;
  const { draft, edit, calls } = raw;
  const read: ChatDraft = { draft, context: toContextItems(raw["context"]) };
  if (isRecord(edit) && isText(edit["turn_id"]) && isText(edit["draft"])) {
    const { turn_id, draft: words } = edit;
    read.edit = { turn_id, draft: words, context: toContextItems(edit["context"]) };
  }
  for (const [id, call] of isRecord(calls) ? Object.entries(calls) : []) {
    if (!isRecord(call) || !isText(call["feedback"])) continue;
    const { args, feedback } = call;
    read.calls = {
      ...read.calls,
      [id]: { args: isText(args) ? args : null, feedback },
    };
  }
  return read;
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Those that are whole. */
export function toContextItems(raw: unknown): Going[] {
  const isWhole = (item: unknown): item is Going =>
    isRecord(item) && ["type", "label", "content"].every((field) => isText(item[field]));
  return Array.isArray(raw) ? raw.filter(isWhole) : [];
}

export function isReset(value: unknown): value is LogReset {
  return (
    isRecord(value) &&
    value["type"] === ("log_reset" satisfies LogReset["type"]) &&
    isText(value["session_id"]) &&
    ["seen", "last_seq", "resume_after"].every((field) => Number.isSafeInteger(value[field]))
  );
}

export function isQueue(value: unknown): value is Queue {
  return (
    isRecord(value) &&
    value["type"] === ("queue" satisfies Queue["type"]) &&
    Array.isArray(value["messages"]) &&
    value["messages"].every((one) => isRecord(one) && isText(one["id"]) && isText(one["content"]))
  );
}

/**
 * Enough of a chunk to be taken without harm; what else it holds is read
 * with care where it is used.
 */
export function isChunk(value: unknown): value is StreamChunk {
  return (
    isRecord(value) &&
    Number.isSafeInteger(value["seq"]) &&
    isText(value["session_id"]) &&
    isText(value["type"])
  );
}

export function asFailure(thrown: unknown): CallFailure {
  if (thrown instanceof CallFailure) return thrown;
  return new CallFailure({ code: "internal", message: String(thrown) }, false);
}
