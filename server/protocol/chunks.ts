// What a session says, one chunk after another. Flat on purpose: the field names are the contract
// that every client reads, whatever the type of the chunk; `metadata` is each type's own.
import * as z from "zod/mini";
import { AllowedBy, APPROVAL_LEVELS, RULE_TYPES } from "./approvals.ts";
import { AttachmentRef } from "./attachments.ts";
import { ASK_REASONS, CALL_OUTCOMES } from "./call-words.ts";
import { CHANGE_DECISIONS, ChangedFile, CommandChanges } from "./changes.ts";
import { ERROR_CODES } from "./errors.ts";
import { SentInstruction } from "./instructions.ts";
import { TOOL_KINDS } from "./offers.ts";
import { SubtaskView } from "./plans.ts";

export const CHUNK_TYPES = [
  "session_info",
  "user_message",
  "assistant_message",
  "reasoning",
  "tool_call",
  "tool_result",
  "agent_switched",
  "status",
  "error",
  "done",
  "interrupted",
  "snapshot",
  "plan_created",
  "plan_approval_required",
  "plan_rejected",
  "plan_modification_requested",
  "subtask_completed",
  "execution_completed",
] as const;

export type ChunkType = (typeof CHUNK_TYPES)[number];

/** The types that end a turn; exactly one of them closes each turn, with `is_final: true`. */
export const FINAL_TYPES = ["done", "error", "interrupted"] as const satisfies readonly ChunkType[];

const FailureMetadata = z.object({
  code: z.enum(ERROR_CODES),
  hint: z.optional(z.string()),
  kept_chars: z.number(),
  retryable: z.boolean(),
  retry_after_seconds: z.optional(z.number()),
  lost: z.optional(z.literal(true)),
});

/** By type, as written today; types without are not here. */
export const METADATA = {
  session_info: z.object({
    title: z.string(),
    agent_type: z.string(),
    model: z.nullable(z.string()),
  }),
  user_message: z.object({
    model: z.string(),
    agent_type: z.string(),
    role: z.optional(z.enum(["system", "user"])),
    request_id: z.optional(z.string()),
    replaces_turn_id: z.optional(z.string()),
    resume_plan_id: z.optional(z.string()),
    context: z.optional(z.array(z.object({ type: z.string(), label: z.string() }))),
    instructions: z.optional(z.array(SentInstruction)),
    attachments: z.optional(z.array(AttachmentRef)),
  }),
  tool_call: z.object({
    agent_type: z.string(),
    kind: z.optional(z.enum(TOOL_KINDS)),
    asks_because: z.optional(z.enum(ASK_REASONS)),
    allowed_by: z.optional(AllowedBy),
    client_id: z.optional(z.string()),
    workspace: z.optional(z.string()),
  }),
  tool_result: z.object({
    outcome: z.optional(z.enum(CALL_OUTCOMES)),
    changed: z.optional(ChangedFile),
    changed_by_command: z.optional(CommandChanges),
  }),
  agent_switched: z.object({
    from_agent: z.string(),
    to_agent: z.string(),
    reason: z.string(),
    stays: z.boolean(),
  }),
  error: FailureMetadata,
  interrupted: FailureMetadata,
  done: z.object({
    model: z.string(),
    agent_type: z.string(),
    finish_reason: z.enum(["stop", "length", "tool_calls", "content_filter", "other"]),
    elapsed_ms: z.number(),
    usage: z.optional(
      z.object({
        input_tokens: z.number(),
        cache_read_tokens: z.optional(z.number()),
        cache_write_tokens: z.optional(z.number()),
        output_tokens: z.number(),
        reasoning_tokens: z.optional(z.number()),
      }),
    ),
    context_tokens: z.number(),
    imported: z.optional(z.literal(true)),
    lost: z.optional(z.literal(true)),
  }),
  snapshot: z.object({
    from_seq: z.number(),
    of: z.enum(["assistant_message", "reasoning", "tool_output"]),
    cut: z.optional(z.literal(true)),
    lost: z.optional(z.literal(true)),
  }),
  plan_created: z.object({ subtasks: z.array(SubtaskView) }),
  subtask_completed: z.object({ subtask_id: z.string(), number: z.number(), of: z.number() }),
  execution_completed: z.object({ subtasks: z.number() }),
};

/** Of a `status`: told apart by `state`. */
export const STATES = [
  z.object({
    state: z.literal("waiting"),
    waiting_for: z.array(
      z.object({ kind: z.enum(["tool_decision", "tool_result"]), call_id: z.string() }),
    ),
  }),
  z.object({
    state: z.literal("subtask"),
    subtask_id: z.string(),
    number: z.number(),
    of: z.number(),
  }),
  z.object({
    state: z.literal("summarised"),
    summary_id: z.string(),
    until_turn_id: z.string(),
    context_tokens: z.number(),
  }),
  z.object({
    state: z.literal("summary_undone"),
    summary_id: z.string(),
    context_tokens: z.number(),
  }),
  z.object({ state: z.literal("rewound"), replaces_turn_id: z.string() }),
  z.object({
    state: z.literal("version_chosen"),
    chosen_turn_id: z.string(),
    context_tokens: z.number(),
  }),
  z.object({ state: z.literal("tool_allowed") }),
  z.object({ state: z.literal("tool_asks_again") }),
  z.object({
    state: z.literal("rule_allowed"),
    rule_type: z.enum(RULE_TYPES),
    pattern: z.string(),
  }),
  z.object({ state: z.literal("approval_level"), level: z.enum(APPROVAL_LEVELS) }),
  z.object({ state: z.literal("continued") }),
  z.object({
    state: z.literal("change_decided"),
    changed_turn_id: z.string(),
    path: z.string(),
    decision: z.enum(CHANGE_DECISIONS),
    hunks: z.array(z.string()),
    kept: z.number(),
    undone: z.number(),
    open: z.number(),
    added: z.number(),
    removed: z.number(),
  }),
  z.object({ state: z.literal("tool_output"), cut: z.optional(z.literal(true)) }),
] as const;

type Metadata = { [T in keyof typeof METADATA]: z.infer<(typeof METADATA)[T]> };
type AnyState = z.infer<(typeof STATES)[number]>;

type Plain<T extends ChunkType, Fields> = { type: T } & Fields;
type Said<T extends keyof Metadata, Fields = unknown> = { type: T; metadata: Metadata[T] } & Fields;
type Status<S extends AnyState["state"], Fields = unknown> = {
  type: "status";
  metadata: Extract<AnyState, { state: S }>;
} & Fields;
type OfCall = { call_id: string; tool_name: string };
type OfPlan = { plan_id: string; plan_summary: string };

/**
 * A chunk before it has its place in the log: the commit that stores it gives it `seq`. Exact:
 * docs/protocol.md is kept.
 */
export type NewChunk =
  | Said<"session_info">
  | Said<"user_message", { content: string }>
  | Plain<"assistant_message", { token: string }>
  | Plain<"reasoning", { token: string }>
  | Said<
      "tool_call",
      OfCall & {
        arguments: Record<string, unknown>;
        requires_approval: boolean;
        approval_request_id?: string;
      }
    >
  | Plain<"tool_result", OfCall & CallResult>
  | Said<"agent_switched">
  | Status<"waiting">
  | Status<"subtask", { plan_id: string; content: string }>
  | Status<"summarised", { content: string }>
  | Status<"summary_undone">
  | Status<"rewound">
  | Status<"version_chosen">
  | Status<"tool_allowed", { tool_name: string }>
  | Status<"tool_asks_again", { tool_name: string }>
  | Status<"rule_allowed", { tool_name: string }>
  | Status<"approval_level">
  | Status<"continued">
  | Status<"change_decided">
  | Status<"tool_output", { call_id: string; token: string }>
  | Said<"error", { error: string }>
  | Said<"done">
  | Said<"interrupted", { content: string }>
  | Said<"snapshot", { content: string; call_id?: string }>
  | Said<"plan_created", OfPlan>
  | Plain<"plan_approval_required", OfPlan & { call_id: string; approval_request_id: string }>
  | Plain<"plan_rejected", OfPlan>
  | Plain<"plan_modification_requested", OfPlan & { content: string }>
  | Said<"subtask_completed", { plan_id: string; content: string }>
  | Said<"execution_completed", OfPlan>;

/** Of a `tool_result`. */
export type CallResult =
  | { content: string; metadata?: Metadata["tool_result"] }
  | { error: string; metadata?: Metadata["tool_result"] };

const Fields = z.object({
  seq: z.int().check(z.positive()),
  session_id: z.string(),
  turn_id: z.optional(z.string()),
  is_final: z.boolean(),
  content: z.optional(z.string()),
  token: z.optional(z.string()),
  call_id: z.optional(z.string()),
  tool_name: z.optional(z.string()),
  arguments: z.optional(z.record(z.string(), z.unknown())),
  requires_approval: z.optional(z.boolean()),
  approval_request_id: z.optional(z.string()),
  plan_id: z.optional(z.string()),
  plan_summary: z.optional(z.string()),
  error: z.optional(z.string()),
});

/** All of it may be missing but what tells a status from another. */
type Told<M> = Partial<M> & Pick<M, keyof M & "state">;
type Read<C> = C extends NewChunk
  ? z.infer<typeof Fields> & {
      type: C["type"];
      metadata?: "metadata" extends keyof C ? Told<NonNullable<C["metadata"]>> : undefined;
    }
  : never;

/**
 * One committed unit of the stream, as it is read: logs are of all ages, so nothing but its place
 * is sure to be there. `seq` counts 1, 2, 3 … without gaps per session and is the SSE `id`. `token`
 * carries a delta, `content` a whole text. A `snapshot` stands for the chunks `metadata.from_seq`
 * to `seq` of its turn. Of a newer companion there may be types and states that are not here:
 * whoever reads goes on after them.
 */
export type StreamChunk = Read<NewChunk>;
export type ChunkOf<T extends ChunkType> = Extract<StreamChunk, { type: T }>;

/**
 * At a client's door: of whatever type and status. `metadata` is as the companion wrote it, which
 * has proved itself; the companion parses none of its own rows.
 */
export const StreamChunk = z.extend(Fields, {
  type: z.string(),
  metadata: z.optional(z.record(z.string(), z.unknown())),
}) as unknown as z.ZodMiniType<StreamChunk>;

/** The turn waits for its client from here on. */
export function isPause(chunk: StreamChunk): boolean {
  return chunk.type === "status" && chunk.metadata?.state === "waiting";
}

export function isFinal(type: ChunkType): boolean {
  return (FINAL_TYPES as readonly ChunkType[]).includes(type);
}
