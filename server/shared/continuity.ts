// Beside the schemas and not among them, so that the web app can have it without them.
import type { StreamChunk } from "../protocol/chunks.ts";

export type Continuity = "next" | "duplicate" | "gap";

/**
 * Where a chunk stands against a cursor (the last `seq` taken): take it, skip it, or
 * ask again from the cursor.
 */
export function continuity(cursor: number, chunk: StreamChunk): Continuity {
  if (chunk.seq <= cursor) return "duplicate";
  const from = (chunk.type === "snapshot" && chunk.metadata?.from_seq) || chunk.seq;
  return from <= cursor + 1 ? "next" : "gap";
}
