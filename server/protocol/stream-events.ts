// Events of a stream that are no chunks: they have no number, and the log knows nothing of them.
import * as z from "zod/mini";
import { AttachmentRef } from "./attachments.ts";

/** The name of the SSE event, which is no chunk and has no number of its own. */
export const LOG_RESET = "log_reset";

/**
 * The log is not the one that the reader's cursor counts in. The stream goes on
 * with `resume_after` + 1.
 */
export const LogReset = z.object({
  type: z.literal(LOG_RESET),
  session_id: z.string(),
  /** Of the log as it is now. */
  epoch: z.string(),
  /** `epoch`: the cursor was of another one. `beyond_end`: it was ahead of the log. */
  reason: z.enum(["epoch", "beyond_end"]),
  /** The reader's cursor, as it gave it. */
  seen: z.int(),
  last_seq: z.int(),
  /** Up to here the two logs are known to be the same. */
  resume_after: z.int(),
});
export type LogReset = z.infer<typeof LogReset>;

/** The id takes back the cursor of a reader that knows nothing of this event. */
export function toResetFrame(reset: LogReset): string {
  return `id: ${reset.resume_after}\nevent: ${LOG_RESET}\ndata: ${JSON.stringify(reset)}\n\n`;
}

/**
 * Why a message is not sent by itself: a person stopped the answer before it, that failed, it was
 * refused itself, or the database went back to an older state, in which it waits perhaps again.
 */
export const HELD_BECAUSE = ["stopped", "failed", "refused", "restored"] as const;
export type HeldBecause = (typeof HELD_BECAUSE)[number];

export const QueuedMessage = z.object({
  /** The `request_id` it came with. */
  id: z.string(),
  /** Another after each change. */
  version: z.int(),
  content: z.string(),
  context: z.optional(z.array(z.object({ type: z.string(), label: z.string() }))),
  attachments: z.optional(z.array(AttachmentRef)),
  /** The model reads it at its next step, if there is one. */
  steers: z.boolean(),
  /** It waits for a person, and why: one of `HELD_BECAUSE`, or what a newer companion knows. */
  held: z.optional(z.string()),
  created_at: z.string(),
});
export type QueuedMessage = z.infer<typeof QueuedMessage>;

export const QueueList = z.object({ messages: z.array(QueuedMessage) });
export type QueueList = z.infer<typeof QueueList>;

/** The name of the SSE event, which is no chunk and has no number. */
export const QUEUE = "queue";

/** The whole queue of a chat, in the order in which it will be sent. */
export const Queue = z.extend(QueueList, { type: z.literal(QUEUE), session_id: z.string() });
export type Queue = z.infer<typeof Queue>;

export function toQueueFrame(queue: Queue): string {
  return `event: ${QUEUE}\ndata: ${JSON.stringify(queue)}\n\n`;
}
