// The calls that our own clients make, with what goes in and what comes out.
// The extension relays them for the webview; the browser makes them itself.
import * as z from "zod/mini";
import { ApprovalRuleList, LevelRequest, RuleChoices, RulesQuery } from "./approvals.ts";
import { AttachmentContent, AttachmentHash } from "./attachments.ts";
import { ForeignId, Id } from "./fields.ts";
import { InstructionHash, InstructionText } from "./instructions.ts";
import { ListSessionsQuery } from "./list-queries.ts";
import { ToolName } from "./offers.ts";
import {
  ChangeQueuedRequest,
  ContextItem,
  CreateSessionRequest,
  MessageRequest,
  PageRequest,
  TakenBack,
  UpdateSessionRequest,
} from "./requests.ts";
import {
  AgentList,
  DeletedSessionList,
  MessageList,
  ModelList,
  PendingList,
  Ready,
  Session,
  SessionList,
  WorkspaceList,
} from "./responses.ts";
import { QueueList } from "./stream-events.ts";

const OfSession = z.strictObject({ session_id: Id });
const OfQueue = z.strictObject({ session_id: Id, id: ForeignId });
const Nothing = z.strictObject({});

/**
 * Params and result of every call. `send_message` resolves once the turn is accepted; the answer
 * comes on the session's stream.
 */
export const CALLS = {
  list_sessions: { params: ListSessionsQuery, result: SessionList },
  list_workspaces: { params: Nothing, result: WorkspaceList },
  create_session: { params: CreateSessionRequest, result: Session },
  get_session: { params: OfSession, result: Session },
  update_session: {
    params: z.strictObject({ session_id: Id, changes: UpdateSessionRequest }),
    result: Session,
  },
  delete_session: {
    params: z.strictObject({ session_id: Id, for_good: z.optional(z.literal(true)) }),
    result: z.unknown(),
  },
  restore_session: { params: OfSession, result: Session },
  fork_session: {
    params: z.strictObject({
      session_id: Id,
      at_seq: z.optional(z.int().check(z.positive())),
      request_id: Id,
    }),
    result: Session,
  },
  list_deleted: { params: Nothing, result: DeletedSessionList },
  list_messages: {
    params: z.strictObject({ session_id: Id, turn_id: z.optional(Id) }),
    result: MessageList,
  },
  get_instruction: {
    params: z.strictObject({ session_id: Id, hash: InstructionHash }),
    result: InstructionText,
  },
  get_attachment: {
    params: z.strictObject({ session_id: Id, hash: AttachmentHash }),
    result: AttachmentContent,
  },
  read_page: { params: PageRequest, result: ContextItem },
  quote_chat: { params: OfSession, result: ContextItem },
  list_pending: { params: OfSession, result: PendingList },
  cancel_turn: { params: OfSession, result: z.unknown() },
  choose_version: {
    params: z.strictObject({
      session_id: Id,
      choice: z.strictObject({ turn_id: Id, instead_of: z.optional(Id), request_id: Id }),
    }),
    result: Session,
  },
  summarise: { params: OfSession, result: z.unknown() },
  undo_summary: {
    params: z.strictObject({ session_id: Id, summary_id: Id }),
    result: z.unknown(),
  },
  ask_again: {
    params: z.strictObject({ session_id: Id, tool_name: ToolName }),
    result: z.unknown(),
  },
  rule_choices: {
    params: z.strictObject({ session_id: Id, call_id: ForeignId }),
    result: RuleChoices,
  },
  list_rules: { params: RulesQuery, result: ApprovalRuleList },
  remove_rule: { params: z.strictObject({ rule_id: Id }), result: z.unknown() },
  set_approval_level: {
    params: z.strictObject({ session_id: Id, changes: LevelRequest }),
    result: Session,
  },
  list_queue: { params: OfSession, result: QueueList },
  change_queued: {
    params: z.strictObject({ session_id: Id, id: ForeignId, change: ChangeQueuedRequest }),
    result: z.unknown(),
  },
  take_back: { params: OfQueue, result: z.optional(TakenBack) },
  send_queued: { params: OfQueue, result: z.unknown() },
  resume_queue: { params: OfSession, result: z.unknown() },
  send_message: { params: MessageRequest, result: z.unknown() },
  list_agents: { params: Nothing, result: AgentList },
  list_models: { params: Nothing, result: ModelList },
  get_ready: { params: Nothing, result: Ready },
} as const;

export type CallName = keyof typeof CALLS;
export type CallParams<N extends CallName> = z.infer<(typeof CALLS)[N]["params"]>;
export type CallResult<N extends CallName> = z.infer<(typeof CALLS)[N]["result"]>;
export const CALL_NAMES = Object.keys(CALLS) as [CallName, ...CallName[]];
