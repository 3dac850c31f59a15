// Server-sent events, the writing side.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
import type { StreamChunk } from "./chunks.ts";

/** First words of every stream: how soon a client that lost it should come back, in ms. */
export const SSE_RETRY = "retry: 1000\n\n";
export const SSE_HEARTBEAT = ": ping\n\n";
export const HEARTBEAT_MS = 15_000;

/**
 * Said once a second to whoever reads while the database is away, and with 0 when it
 * is back. A comment: it is no part of the log, has no number, and a client that does
 * not know it hears nothing.
 */
export function toWaiting(seconds: number): string {
  return `: waits for the database ${seconds}\n\n`;
}

/** Seconds, NaN for another comment. */
export function readWaiting(comment: string): number {
  return Number(/waits for the database (\d+)/.exec(comment)?.[1]);
}

/**
 * `id`, `event`, `data`, blank line. JSON has no raw line breaks, so content cannot start a field
 * of its own; the id is a number and the event name comes from a closed list.
 */
export function toFrame(chunk: StreamChunk): string {
  return frame(chunk, JSON.stringify(chunk));
}

/**
 * The same bytes, where what the chunk says beside its place is JSON already, as it is stored. Ids
 * are plain (`fields.ts`).
 */
export function toFrameOf(chunk: StreamChunk, payload: string): string {
  const { type, seq, session_id, turn_id, is_final } = chunk;
  const turn = turn_id === undefined ? "" : `"turn_id":"${turn_id}",`;
  const place = `"type":"${type}","seq":${seq},"session_id":"${session_id}",${turn}"is_final":${is_final}`;
  return frame(chunk, payload === "{}" ? `{${place}}` : `{${place},${payload.slice(1)}`);
}

function frame({ seq, type }: StreamChunk, data: string): string {
  return `id: ${seq}\nevent: ${type}\ndata: ${data}\n\n`;
}
