import * as z from "zod/mini";

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
