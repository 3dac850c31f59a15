// The small words that requests are made of.
import * as z from "zod/mini";

/** Ids reach headers, SSE fields and the database, so they are plain from the start. */
export const Id = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/));

/** Ids that others make (clients, providers): a little wider, still without control characters. */
export const ForeignId = z.string().check(z.regex(/^[A-Za-z0-9_.:-]{1,128}$/));

/**
 * Text that both engines store as it is: Postgres refuses NUL, and UTF-8 has no lone surrogates.
 */
export const STORABLE = z.refine<string>((text) => !text.includes("\0") && text.isWellFormed(), {
  error: "must be well-formed Unicode without NUL",
});
export const Text = z.string().check(STORABLE);

export const ModelId = z.string().check(z.regex(/^[a-z][a-z-]{0,31}\/[A-Za-z0-9_.:@/-]{1,128}$/));
export const AgentType = z.string().check(z.regex(/^[a-z][a-z0-9_-]{0,31}$/));
