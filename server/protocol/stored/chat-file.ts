// A chat as a file: JSON lines, each with a hash over itself and the hash of the line before
// (docs/protocol.md, "A chat as a file"). What a file says is parsed here, once.
import * as z from "zod/mini";
import { AttachmentHash, AttachmentRef } from "../attachments.ts";
import { ChangedFile, DecidedHunks } from "../changes.ts";
import { Id, Text } from "../fields.ts";
import { InstructionHash, SentInstruction } from "../instructions.ts";
import { TOOL_KINDS } from "../offers.ts";
import { SUBTASK_STATUSES } from "../plans.ts";
import { Thinking } from "./thinking.ts";

/** Grows when a reader of an older version would understand a file wrongly. */
export const CHAT_FILE_VERSION = 1;

const count = z.int().check(z.nonnegative());
const time = z.int().check(z.nonnegative());
const name = Text.check(z.minLength(1), z.maxLength(1_000));
/** As it is stored: numbers in it may be larger than JavaScript can hold. */
const jsonText = z.string().check(z.refine(isJson, "is not JSON"));
const json = z.record(z.string(), z.unknown());

/** Of what a message carries that which the next answer, a fork or an export goes by. */
const Metadata = z.looseObject({
  context: z.optional(z.array(z.object({ type: Text, label: Text, content: Text }))),
  instructions: z.optional(z.array(SentInstruction)),
  attachments: z.optional(z.array(AttachmentRef)),
  tool_calls: z.optional(z.array(z.object({ call_id: Text, tool_name: Text, arguments: json }))),
  call_id: z.optional(Text),
  tool_name: z.optional(Text),
  changed: z.optional(ChangedFile),
  decided: z.optional(DecidedHunks),
  thinking: z.optional(Thinking),
});

/** The first line of each chat. */
export const ChatHead = z.object({
  line: z.literal("chat"),
  version: z.literal(CHAT_FILE_VERSION),
  id: Id,
  title: Text,
  agent_type: name,
  model: z.nullable(name),
  created_at: time,
  updated_at: time,
  /** `seq` of the last line of its log: a chat that ends before it is not whole. */
  last_seq: z.int().check(z.positive()),
});

export const TurnLine = z.object({
  line: z.literal("turn"),
  id: Id,
  status: z.enum(["running", "waiting", "done", "error", "interrupted"]),
  agent_type: name,
  model: name,
  after_seq: count,
  started_at: time,
  ended_at: z.nullable(time),
  error_code: z.nullable(name),
  input_tokens: z.nullable(count),
  output_tokens: z.nullable(count),
  replaced_by: z.nullable(Id),
  client_id: z.nullable(name),
  workspace: z.nullable(Text),
  steps: count,
  switches: count,
  sampling: z.nullable(jsonText),
});

export const MessageLine = z.object({
  line: z.literal("message"),
  id: Id,
  turn_id: Id,
  position: z.int().check(z.positive()),
  role: z.enum(["user", "assistant", "tool"]),
  content: Text,
  status: z.enum(["complete", "partial"]),
  metadata: z.string().check(z.refine(isMetadata, "is not what a message carries")),
  created_at: time,
});

export const ToolCallLine = z.object({
  line: z.literal("tool_call"),
  call_id: name,
  turn_id: Id,
  tool_name: name,
  arguments: jsonText,
  status: z.enum(["waiting_decision", "waiting_result", "done", "rejected", "cancelled"]),
  decision: z.nullable(z.enum(["approve", "edit", "reject"])),
  result: z.nullable(Text),
  error: z.nullable(Text),
  created_at: time,
  ended_at: z.nullable(time),
  position: count,
  kind: z.nullable(z.enum(TOOL_KINDS)),
  decided_by: z.nullable(name),
  output_length: count,
});

export const PlanLine = z.object({
  line: z.literal("plan"),
  id: Id,
  turn_id: Id,
  call_id: name,
  summary: Text,
  status: z.enum(["waiting", "running", "paused", "done", "rejected", "cancelled"]),
  created_at: time,
});

export const SubtaskLine = z.object({
  line: z.literal("subtask"),
  plan_id: Id,
  position: count,
  id: name,
  title: Text,
  description: Text,
  agent_type: name,
  depends_on: jsonText,
  status: z.enum(SUBTASK_STATUSES),
});

export const SummaryLine = z.object({
  line: z.literal("summary"),
  id: Id,
  until_turn_id: Id,
  until_position: count,
  content: Text,
  created_at: time,
  undone_at: z.nullable(time),
});

/** A text that messages refer to by its hash. */
export const InstructionLine = z.object({
  line: z.literal("instruction"),
  id: InstructionHash,
  content: Text,
});

/** A content; `id` is the hash by which messages name it: SHA-256 of its bytes, here in base64. */
export const AttachmentLine = z.object({
  line: z.literal("attachment"),
  id: AttachmentHash,
  media_type: name,
  bytes: count,
  data: z.string(),
});

/** One entry of the log; deltas that follow each other stand as one `snapshot`. */
export const ChunkLine = z.object({
  line: z.literal("chunk"),
  seq: z.int().check(z.positive()),
  turn_id: z.nullable(Id),
  type: z.string().check(z.regex(/^[a-z_]{1,64}$/)),
  payload: json,
});

/** The last line of a file: without it the file was cut off. */
export const EndLine = z.object({ line: z.literal("end"), chats: count });

export const ChatFileLine = z.discriminatedUnion("line", [
  ChatHead,
  TurnLine,
  MessageLine,
  ToolCallLine,
  PlanLine,
  SubtaskLine,
  SummaryLine,
  InstructionLine,
  AttachmentLine,
  ChunkLine,
  EndLine,
]);
export type ChatFileLine = z.infer<typeof ChatFileLine>;

type Line<Of> = Extract<ChatFileLine, { line: Of }>;

/** All of one chat. */
export interface WholeChat {
  head: Line<"chat">;
  turns: Line<"turn">[];
  messages: Line<"message">[];
  tool_calls: Line<"tool_call">[];
  plans: Line<"plan">[];
  subtasks: Line<"subtask">[];
  summaries: Line<"summary">[];
  instructions: Line<"instruction">[];
  attachments: Line<"attachment">[];
  chunks: Line<"chunk">[];
}

function isMetadata(text: string): boolean {
  return isJson(text) && Metadata.safeParse(JSON.parse(text)).success;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
