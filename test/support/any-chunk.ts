import assert from "node:assert/strict";
import * as z from "zod/mini";
import {
  type ChunkOf,
  type ChunkType,
  isFinal,
  METADATA,
  STATES,
  type StreamChunk,
} from "../../server/protocol/chunks.ts";

type Rest = "seq" | "session_id" | "turn_id" | "is_final" | "type" | "metadata";

/** A chunk without its place, as a log of whatever age may have it. */
export type AnyChunk = Omit<ChunkOf<"done">, Rest> & { type: ChunkType; metadata?: object };

/** Wire and database hold it to nothing; so do readers. */
export function placed(
  chunk: AnyChunk,
  place: Pick<StreamChunk, "seq" | "session_id" | "turn_id">,
): StreamChunk {
  return { ...chunk, ...place, is_final: isFinal(chunk.type) } as StreamChunk;
}

type Metadata = NonNullable<StreamChunk["metadata"]>;
type Keys<M> = M extends M ? keyof M : never;
type Value<M, K> = M extends M ? (K extends keyof M ? M[K] : never) : never;

/** The metadata of a chunk, whatever its type. */
export function metadataOf(chunk: StreamChunk | undefined): {
  [K in Keys<Metadata>]?: Value<Metadata, K>;
} {
  return { ...chunk?.metadata };
}

const exact = (known: z.ZodMiniObject) => z.strictObject(known.shape);
const EXACT: Partial<Record<ChunkType, z.ZodMiniType>> = {
  ...Object.fromEntries(Object.entries(METADATA).map(([type, known]) => [type, exact(known)])),
  status: z.union(STATES.map(exact)),
  tool_result: z.optional(exact(METADATA.tool_result)),
};

/** Its metadata is all that docs/protocol.md says, and nothing else. */
export function checkWritten(chunk: StreamChunk): void {
  const { success } = (EXACT[chunk.type] ?? z.undefined()).safeParse(chunk.metadata);
  assert.ok(success, JSON.stringify(chunk));
}
