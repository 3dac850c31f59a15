import * as z from "zod/mini";
import { APPROVAL_LEVELS } from "./approvals.ts";
import { ERROR_CODES } from "./errors.ts";
import { TOOL_KINDS } from "./offers.ts";
import { QueuedMessage } from "./stream-events.ts";

export const TURN_STATUSES = ["running", "waiting", "done", "error", "interrupted"] as const;
export type TurnStatus = (typeof TURN_STATUSES)[number];

const Timestamp = z.string(); // ISO 8601, UTC

export const Session = z.object({
  id: z.string(),
  title: z.string(),
  agent_type: z.string(),
  model: z.nullable(z.string()),
  created_at: Timestamp,
  updated_at: Timestamp,
  last_seq: z.int(),
  /** What runs in it without asking; absent for as usual. */
  approval_level: z.optional(z.enum(APPROVAL_LEVELS)),
  /** At the head of the list. */
  pinned: z.optional(z.boolean()),
  /** Put away: in a list of its own. */
  archived: z.optional(z.boolean()),
  /** Where its newest message that named one came from; opaque. */
  workspace: z.optional(z.string()),
  /** The newest turn, or null before the first message. */
  turn: z.nullable(
    z.object({
      id: z.string(),
      status: z.enum(TURN_STATUSES),
      /** A call of it waits for a person's decision. */
      asks: z.optional(z.boolean()),
    }),
  ),
});
export type Session = z.infer<typeof Session>;

export const SessionList = z.object({
  sessions: z.array(
    z.extend(Session, {
      /** Where a search found its words; absent without a search. */
      snippet: z.optional(z.string()),
      /** The turn that says it; it may be another version than the one that is shown. */
      found_turn_id: z.optional(z.string()),
    }),
  ),
  next_cursor: z.nullable(z.string()),
});
export type SessionList = z.infer<typeof SessionList>;

/** Where there are chats of. `here`: the client's own, where it has one. */
export const WorkspaceList = z.object({
  workspaces: z.array(z.string()),
  here: z.optional(z.string()),
});
export type WorkspaceList = z.infer<typeof WorkspaceList>;

/** A chat that was deleted and can be brought back. */
export const DeletedSession = z.object({
  id: z.string(),
  title: z.string(),
  deleted_at: Timestamp,
});
export type DeletedSession = z.infer<typeof DeletedSession>;

/** The newest first. `kept_days`: for so long after `deleted_at` each can be brought back. */
export const DeletedSessionList = z.object({
  sessions: z.array(DeletedSession),
  kept_days: z.int(),
});
export type DeletedSessionList = z.infer<typeof DeletedSessionList>;

/**
 * Messages that have more than one version: the one that is shown (null: all were taken back), and
 * all there are, the oldest first.
 */
export const VersionList = z.object({
  messages: z.array(z.object({ turn_id: z.nullable(z.string()), versions: z.array(z.string()) })),
});
export type VersionList = z.infer<typeof VersionList>;

export const Message = z.object({
  id: z.string(),
  turn_id: z.string(),
  role: z.enum(["user", "assistant", "tool"]),
  content: z.string(),
  /** `partial`: the answer was cut short, this is what was kept. */
  status: z.enum(["complete", "partial", "streaming"]),
  created_at: Timestamp,
  /** What clients look at, of what the message carries beside its text. */
  metadata: z.looseObject({
    context: z.optional(z.unknown()),
    attachments: z.optional(z.unknown()),
    subtask_id: z.optional(z.unknown()),
    changed: z.optional(z.unknown()),
    decided: z.optional(z.unknown()),
  }),
});
export type Message = z.infer<typeof Message>;
export const MessageList = z.object({ messages: z.array(Message), last_seq: z.int() });
export type MessageList = z.infer<typeof MessageList>;

export const PendingCall = z.object({
  call_id: z.string(),
  turn_id: z.string(),
  tool_name: z.string(),
  arguments: z.record(z.string(), z.unknown()),
  waits_for: z.enum(["tool_decision", "tool_result"]),
  /** What the tool does to the world; absent for a tool that nobody knows. */
  kind: z.optional(z.enum(TOOL_KINDS)),
  /** Who sent the message and where its tools work, if it said so. */
  client_id: z.optional(z.string()),
  workspace: z.optional(z.string()),
  /** The client that runs it. */
  claimed_by: z.optional(z.string()),
});
export type PendingCall = z.infer<typeof PendingCall>;
export const PendingList = z.object({ pending: z.array(PendingCall) });
export type PendingList = z.infer<typeof PendingList>;

/** Answer to a claim: without a heartbeat the call is given up `expires_in_ms` from now. */
export const Claim = z.object({ call: PendingCall, expires_in_ms: z.int() });
export type Claim = z.infer<typeof Claim>;

/**
 * Answer to a piece of output: how much of the call's is known now, in UTF-16
 * units. It renews the claim.
 */
export const OutputTaken = z.object({ taken: z.int(), expires_in_ms: z.int() });
export type OutputTaken = z.infer<typeof OutputTaken>;

export const Agent = z.object({ type: z.string(), name: z.string(), description: z.string() });
export type Agent = z.infer<typeof Agent>;
export const AgentList = z.object({ agents: z.array(Agent), default: z.string() });
export type AgentList = z.infer<typeof AgentList>;

/** OpenAI's list shape (`object`, `data`), with what our own pickers need beside it. */
export const Model = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
  name: z.string(),
  /** Usable now: a key is there or none is needed. */
  available: z.boolean(),
  /** Answers from a script, offline; never to be mistaken for a real model. */
  demo: z.boolean(),
  /** In tokens, question and answer together; an assumption where nobody knows. */
  context_window: z.int(),
  /** What it takes beside text, as far as is known. */
  inputs: z.optional(z.array(z.string())),
});
export type Model = z.infer<typeof Model>;
export const ModelList = z.object({
  object: z.literal("list"),
  data: z.array(Model),
  /** What a message without `model` uses. */
  default: z.string(),
  /** Local servers that answered and are offered, never taken silently. */
  offers: z.array(z.object({ model: z.string(), label: z.string() })),
});
export type ModelList = z.infer<typeof ModelList>;

/** Answer to `GET /v1/hello?nonce=`: `hmac` is hex HMAC-SHA-256 of the nonce under the token. */
export const Hello = z.object({
  hmac: z.string(),
  version: z.string(),
  protocol: z.int(),
  pid: z.int(),
  started_at: Timestamp,
});
export type Hello = z.infer<typeof Hello>;

export const Ready = z.object({
  ready: z.boolean(),
  engine: z.enum(["sqlite", "postgres"]),
  durability: z.enum(["full", "balanced"]),
  /**
   * Where what is shown lies: on the one machine of the database, or on a standby's, too. Null:
   * nobody knows. Absent in answers of older companions.
   */
  level: z.optional(z.nullable(z.enum(["one_machine", "two_machines"]))),
  schema_version: z.int(),
  draining: z.boolean(),
  /**
   * Why nothing can be stored, as found out a moment ago. Absent in answers of older companions.
   */
  problem: z.optional(
    z.nullable(
      z.object({
        code: z.enum(ERROR_CODES),
        message: z.string(),
        hint: z.optional(z.string()),
      }),
    ),
  ),
  /**
   * The newest database file that could not be read and was given another name, as long as it is
   * there; `backup_at`: the newest backup. Absent in answers of older companions.
   */
  set_aside: z.optional(
    z.nullable(z.object({ path: z.string(), backup_at: z.nullable(Timestamp) })),
  ),
});
export type Ready = z.infer<typeof Ready>;

/** Answer to `POST /v1/drain`. */
export const Drain = z.object({ running_turns: z.int(), grace_seconds: z.number() });
export type Drain = z.infer<typeof Drain>;

export const ErrorBody = z.object({
  error: z.object({
    code: z.enum(ERROR_CODES),
    message: z.string(),
    hint: z.optional(z.string()),
    request_id: z.string(),
  }),
});
export type ErrorBody = z.infer<typeof ErrorBody>;

/** `DATA_DIR/server.json`: how clients find the companion. `protocol` is `PROTOCOL_VERSION`. */
export const RuntimeFile = z.object({
  pid: z.int(),
  host: z.string(),
  port: z.int(),
  version: z.string(),
  protocol: z.int(),
  started_at: Timestamp,
});
export type RuntimeFile = z.infer<typeof RuntimeFile>;

/** Answer to a message that has to wait. */
export const Queued = z.object({
  type: z.literal("queued"),
  session_id: z.string(),
  message: QueuedMessage,
});
export type Queued = z.infer<typeof Queued>;

/** Answer to *now*: `sent` where nothing ran, or it had been sent before. */
export const SentNow = z.object({ state: z.enum(["queued", "sent"]) });
export type SentNow = z.infer<typeof SentNow>;

export const PROTOCOL_VERSION = 1;

/** What became of a chat in a file. */
export const IMPORT_OUTCOMES = ["imported", "incomplete", "present", "differs", "refused"] as const;

export const ImportReport = z.object({
  /** The file had its last line, and all chats it was made with. */
  complete: z.boolean(),
  /** How many chats had each outcome. */
  counts: z.record(z.enum(IMPORT_OUTCOMES), z.int()),
  /** Those that are not plainly `imported` or `present`; of very many the first ones. */
  problems: z.array(
    z.object({
      /** Null where the damage has taken it. */
      session_id: z.nullable(z.string()),
      title: z.nullable(z.string()),
      outcome: z.enum(IMPORT_OUTCOMES),
      message: z.string(),
    }),
  ),
  /** Of the first chat that is here now because of this file, or was before. */
  session_id: z.nullable(z.string()),
  /** What is wrong with the file as a whole, if anything. */
  message: z.nullable(z.string()),
});
export type ImportReport = z.infer<typeof ImportReport>;
