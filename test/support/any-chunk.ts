import type { StreamChunk } from "../../server/protocol/chunks.ts";

type Placed = "seq" | "session_id" | "turn_id" | "is_final";

/** A chunk without its place, as a log of whatever age may have it. */
export type AnyChunk = StreamChunk extends infer C
  ? C extends C
    ? Omit<C, Placed>
    : never
  : never;
