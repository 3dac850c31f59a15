// Server-sent events, the writing side.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
import type { StreamChunk } from "./chunks.ts";

/** First words of every stream: how soon a client that lost it should come back, in ms. */
export const SSE_RETRY = "retry: 1000\n\n";
export const SSE_HEARTBEAT = ": ping\n\n";
export const HEARTBEAT_MS = 15_000;

/** Of answers, for how many seconds; 0: they do not wait any more. */
export interface Waiting {
  seconds: number;
  /** The database answers, and only its second machine is away. */
  second_machine: boolean;
}

export const WAIT_OVER: Waiting = { seconds: 0, second_machine: false };

/**
 * Said once a second to whoever reads while the database is away, and with 0 when it
 * is back. A comment: it is no part of the log, has no number, and a client that does
 * not know it hears nothing.
 */
export function toWaiting({ seconds, second_machine }: Waiting): string {
  return `: waits for the database ${seconds}${second_machine ? ", its second machine" : ""}\n\n`;
}

/** Undefined for another comment. */
export function readWaiting(comment: string): Waiting | undefined {
  const [, seconds, second] = /waits for the database (\d+)(, its second)?/.exec(comment) ?? [];
  if (seconds === undefined) return undefined;
  return { seconds: Number(seconds), second_machine: second !== undefined };
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
