// The tables as types. `test/server/schema.test.ts` compares them with the
// real tables on both engines.
import type { Generated, Kysely, Transaction } from "kysely";
import type { ApprovalLevel, RuleText } from "../../protocol/approvals.ts";
import type { ToolKind } from "../../protocol/offers.ts";
import type { SubtaskStatus } from "../../protocol/plans.ts";
import type { TurnStatus } from "../../protocol/responses.ts";

/** Milliseconds since 1970, UTC. For people to read; order comes from `seq`, never from a clock. */
type Milliseconds = number;
/** A JSON document as text. */
type Json = string;

export interface SessionsTable {
  id: string;
  title: string;
  agent_type: string;
  model: string | null;
  created_at: Milliseconds;
  updated_at: Milliseconds;
  /**
   * The newest chunk's number. Taken with the row's lock held, so numbers have no gaps
   * and follow commit order.
   */
  last_seq: number;
  /** The one writer: the companion that runs the session's turn. */
  lease_owner: string | null;
  /** Grows with every lease and its end; a writer with an older number writes nothing. */
  lease_fence: number;
  lease_expires_at: Milliseconds | null;
  /** A turn that somebody asked to stop; its owner sees it at its next commit. */
  cancel_turn_id: string | null;
  /** The id of the newest commit: how a lost COMMIT acknowledgement is resolved. */
  last_commit: string | null;
  /**
   * `last_seq` when the present epoch began: what came before it is the same as in the epoch
   * before.
   */
  epoch_seq: Generated<number>;
  /** How often its queue has changed without a chunk: other companions look for it. */
  queue_changes: Generated<number>;
  /** What runs without asking; null for as usual. */
  approval_level: Generated<ApprovalLevel | null>;
  /** Where that counts. */
  approval_workspace: Generated<string | null>;
  /** Nobody sees it any more; it can be brought back until it is removed for good. */
  deleted_at: Milliseconds | null;
  /** At the head of the list. */
  pinned_at: Milliseconds | null;
  /** Not in the list, but in one of its own. */
  archived_at: Milliseconds | null;
  /** Where its newest message that named one came from; opaque. */
  workspace: string | null;
  /** How often its model may still be asked for a title; 0: the title stays as it is. */
  title_tries: Generated<number>;
  /** When the model was asked, by the database's clock; null once nobody waits for that. */
  title_asked_at: Milliseconds | null;
}

export interface TurnsTable {
  id: string;
  session_id: string;
  status: TurnStatus;
  agent_type: string;
  model: string;
  /** Cursor just before the turn's first chunk. */
  after_seq: number;
  started_at: Milliseconds;
  ended_at: Milliseconds | null;
  error_code: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  /**
   * The turn that took this one's place (retry, edit); null while it belongs to the conversation.
   */
  replaced_by: string | null;
  /** Where in its log compaction begins or goes on; null once all of it is compact. */
  compact_from: number | null;
  /** What its client brought along; null if nothing. */
  offer_id: string | null;
  /** The client that sent the message, and where its tools work. */
  client_id: string | null;
  workspace: string | null;
  /** How often the model was asked in this turn. */
  steps: Generated<number>;
  /** How often its agent has changed. */
  switches: Generated<number>;
  /**
   * How its client wants the answers made (`protocol/sampling.ts`); null for as the model likes.
   */
  sampling: string | null;
  /**
   * The answer that is made now, where its vendor holds it
   * (`tables/turns.ts`); null between answers.
   */
  held_answer: Json | null;
}

/** Courses of events: the newest is the present one. Another begins when the database went back. */
export interface EpochsTable {
  number: number;
  id: string;
  reason: string;
  begun_at: Milliseconds;
}

/**
 * What each data directory wrote here last; it knows the same beside the database
 * (`chat/upkeep/keep-epoch.ts`).
 */
export interface WitnessesTable {
  keeper: string;
  nonce: string;
  written_at: Milliseconds;
}

/** Tools and agents as a client offered them: many turns of a session refer to one row. */
export interface OffersTable {
  session_id: string;
  /** SHA-256 of the body. */
  id: string;
  body: Json;
}

/** What people have written down for models: many turns of a session refer to one row. */
export interface InstructionsTable {
  session_id: string;
  /** SHA-256 of the content. */
  id: string;
  content: string;
}

/** Contents of attachments, each once. */
export interface BlobsTable {
  /** SHA-256 of the bytes, hexadecimal. */
  hash: string;
  media_type: string;
  bytes: number;
  /** Base64. */
  data: string;
  /** Another at each use: who deletes sees that somebody has taken it up meanwhile. */
  last_use: string;
}

/** Which sessions have which content. */
export interface AttachmentsTable {
  session_id: string;
  hash: string;
}

export interface MessagesTable {
  id: string;
  session_id: string;
  turn_id: string;
  /** `seq` of the chunk it was stored with; the order of the conversation. */
  position: number;
  role: "user" | "assistant" | "tool";
  content: string;
  status: "complete" | "partial";
  metadata: Json;
  created_at: Milliseconds;
  /** Grows with each message; its row in the full-text index of SQLite. */
  search_id: number | null;
}

export interface ChunksTable {
  session_id: string;
  seq: number;
  turn_id: string | null;
  type: string;
  /**
   * The chunk without what the other columns say; once compact, without what a
   * message says (compaction.ts).
   */
  payload: Json;
}

/** What a person has sent while an answer ran, and nobody has read yet. */
export interface QueuedMessagesTable {
  session_id: string;
  /** The `request_id` it came with. */
  id: string;
  /** The order in which they came. */
  position: number;
  /** What was asked (`tables/queue.ts`). */
  body: Json;
  /** Another after each change, so that no change undoes one that it has not seen. */
  version: number;
  /** 1: the running turn reads it at its next step. */
  steers: number;
  /** Why it is not sent by itself (`protocol/queue.ts`); null: it is. */
  held: string | null;
  created_at: Milliseconds;
}

export interface RequestsTable {
  request_id: string;
  /** SHA-256 of what was asked: the same id with another body is refused. */
  body_hash: string;
  session_id: string;
  turn_id: string | null;
  /** Or when a person took back what was asked. */
  created_at: Milliseconds;
}

export const TOOL_CALL_STATUSES = [
  "waiting_decision",
  "waiting_result",
  "done",
  "rejected",
  "cancelled",
] as const;
export type ToolCallStatus = (typeof TOOL_CALL_STATUSES)[number];

export interface ToolCallsTable {
  session_id: string;
  call_id: string;
  turn_id: string;
  tool_name: string;
  /** As decided: after an edit, what the person made of it. */
  arguments: Json;
  status: ToolCallStatus;
  decision: "approve" | "edit" | "reject" | null;
  result: string | null;
  error: string | null;
  created_at: Milliseconds;
  ended_at: Milliseconds | null;
  /** Among the calls of its answer, which run in this order. */
  position: Generated<number>;
  /** What the tool does to the world; null for a tool that nobody knows. */
  kind: ToolKind | null;
  /** The client that sent the decision, if it said who it is. */
  decided_by: string | null;
  /** The one client that runs it. */
  claimed_by: string | null;
  /** Until then its result must be there. */
  claim_expires_at: Milliseconds | null;
  /** What it has said while it runs, in UTF-16 units; the words are chunks. */
  output_length: Generated<number>;
}

/** What a person has decided for all later calls of a tool in this session. */
export interface ToolRulesTable {
  session_id: string;
  tool_name: string;
  /** Where it was allowed; empty for a client that did not say. */
  workspace: string;
  kind: ToolKind;
  rule: "allow";
  created_at: Milliseconds;
}

/** What a person lets run in a workspace, whatever chat asks for it. */
export interface ApprovalRulesTable {
  /** SHA-256 of what it says: the same rule is stored once. */
  id: string;
  workspace: string;
  tool_name: string;
  kind: ToolKind;
  type: RuleText["type"];
  pattern: string;
  /** What else a command's call has to say. */
  arguments: Json;
  created_at: Milliseconds;
}

/** `waiting` for its approval; `paused`: its turn ended before it did. */
const PLAN_STATUSES = ["waiting", "running", "paused", "done", "rejected", "cancelled"] as const;
export type PlanStatus = (typeof PLAN_STATUSES)[number];

export interface PlansTable {
  id: string;
  session_id: string;
  /** The turn that carries it out now, or did last. */
  turn_id: string;
  /** The call of `create_plan` that a person decides. */
  call_id: string;
  summary: string;
  status: PlanStatus;
  created_at: Milliseconds;
}

export interface SubtasksTable {
  plan_id: string;
  position: number;
  /** Its name inside the plan. */
  id: string;
  title: string;
  description: string;
  agent_type: string;
  /** Names of the subtasks that come before it. */
  depends_on: Json;
  status: SubtaskStatus;
}

/** Stands for all messages up to a turn in what a model is told. */
export interface SummariesTable {
  id: string;
  session_id: string;
  /** The last turn that it covers; it counts for as long as that is part of the conversation. */
  until_turn_id: string;
  /** `position` of the last message that it covers. */
  until_position: number;
  content: string;
  created_at: Milliseconds;
  /** When somebody took it back. */
  undone_at: Milliseconds | null;
}

export interface Database {
  sessions: SessionsTable;
  turns: TurnsTable;
  messages: MessagesTable;
  chunks: ChunksTable;
  requests: RequestsTable;
  queued_messages: QueuedMessagesTable;
  tool_calls: ToolCallsTable;
  offers: OffersTable;
  instructions: InstructionsTable;
  tool_rules: ToolRulesTable;
  approval_rules: ApprovalRulesTable;
  plans: PlansTable;
  subtasks: SubtasksTable;
  summaries: SummariesTable;
  blobs: BlobsTable;
  attachments: AttachmentsTable;
  epochs: EpochsTable;
  witnesses: WitnessesTable;
}

/** The inside of a unit of work. */
export type Trx = Transaction<Database>;
/**
 * Reads outside of any transaction; repositories that only read take this. It has no writing
 * method: what one of them stored would be in no unit of work.
 */
export type Reader = Pick<Kysely<Database>, "selectFrom" | "introspection" | "getExecutor">;
