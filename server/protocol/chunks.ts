// What a session says, one chunk after another. Flat on purpose: the field names are the contract
// that every client reads, whatever the type of the chunk.
import * as z from "zod/mini";

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

/**
 * One committed unit of the stream. `seq` counts 1, 2, 3 … without gaps per session and is the SSE
 * `id`. `token` carries a delta, `content` a whole text. A `snapshot` stands for the chunks
 * `metadata.from_seq` to `seq` of its turn.
 */
export const StreamChunk = z.object({
  type: z.enum(CHUNK_TYPES),
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
  metadata: z.optional(z.record(z.string(), z.unknown())),
});
export type StreamChunk = z.infer<typeof StreamChunk>;

/** A chunk before it has its place in the log: the commit that stores it gives it `seq`. */
export type NewChunk = Omit<StreamChunk, "seq" | "session_id" | "turn_id" | "is_final">;

/** The turn waits for its client from here on. */
export function isPause({ type, metadata }: Pick<StreamChunk, "type" | "metadata">): boolean {
  return type === "status" && metadata?.["state"] === "waiting";
}

export function isFinal(type: ChunkType): boolean {
  return (FINAL_TYPES as readonly ChunkType[]).includes(type);
}
