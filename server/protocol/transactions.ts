// What the companion tells of its last micro-transactions.
import * as z from "zod/mini";

const SECONDS = z.number();

/** Why a slow transaction took so long, where that was measured; see docs/metrics.md. */
export const SLOW_CAUSES = [
  "lock_wait",
  "connection_lost",
  "fsync",
  "checkpoint",
  "big_write",
] as const;
export type SlowCause = (typeof SLOW_CAUSES)[number];

export const Explanation = z.object({
  /** The phase that took the most. */
  phase: z.enum(["wait", "body", "commit"]),
  /** Null: nothing that was measured names one. */
  cause: z.nullable(z.enum(SLOW_CAUSES)),
});
export type Explanation = z.infer<typeof Explanation>;

export const TransactionEntry = z.object({
  /** Also in the warning about a slow one. */
  id: z.string(),
  /** ISO 8601, UTC: when it had ended. */
  at: z.string(),
  /** One of the list in docs/transactions.md; a newer companion may know more. */
  operation: z.string(),
  session_id: z.nullable(z.string()),
  turn_id: z.nullable(z.string()),
  /** Of the request that it belongs to, as in the log. */
  trace_id: z.nullable(z.string()),
  /** `error`: the COMMIT failed; `rollback`: the work did. */
  status: z.enum(["success", "error", "rollback"]),
  seconds: SECONDS,
  phases: z.object({ wait: SECONDS, body: SECONDS, commit: SECONDS }),
  attempts: z.int(),
  /** Characters of text that it handed to the database. */
  text_size: z.int(),
  /** How many units of work shared its physical commit, itself included. */
  shared: z.int(),
  slow: z.boolean(),
  /** For a slow one. */
  explanation: z.nullable(Explanation),
});
export type TransactionEntry = z.infer<typeof TransactionEntry>;

/** Answer to `GET /v1/transactions`, newest first. */
export const TransactionList = z.object({
  engine: z.enum(["sqlite", "postgres"]),
  durability: z.enum(["full", "balanced"]),
  slow_threshold_seconds: SECONDS,
  transactions: z.array(TransactionEntry),
});
export type TransactionList = z.infer<typeof TransactionList>;
