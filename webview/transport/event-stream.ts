import { createParser } from "eventsource-parser";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { readWaiting } from "../../server/protocol/sse.ts";
import type { LogReset } from "../../server/protocol/stream-events.ts";
import { continuity } from "../../server/shared/continuity.ts";
import type { CompanionLink } from "./companion-link.ts";
import { CallFailure, isChunk, isQueue, isReset, type StreamSink } from "./transport.ts";

/**
 * The companion says something every 15 s; longer silence is a dead line that nobody has noticed.
 */
const SILENCE_MS = 45_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 10_000;

/** Of the log that each session was last read from; a cursor counts in no other. */
export type Epochs = Map<string, string>;

/**
 * Reads a session from `after` on for as long as `signal` lets it, over every lost
 * connection, without a gap.
 */
export async function followSession(
  link: CompanionLink,
  sessionId: string,
  after: number,
  sink: StreamSink,
  signal: AbortSignal,
  epochs: Epochs,
): Promise<void> {
  const state = { cursor: after };
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    const before = state.cursor;
    try {
      await link.up(signal);
      const reset = await readOnce(link, sessionId, state, { sink, epochs }, signal);
      if (reset) {
        sink.reset(reset);
        return;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      if (!(thrown instanceof CallFailure)) {
        link.doubt();
      } else if (!thrown.isConnection && !isPassing(thrown)) {
        sink.failed(thrown.error);
        return;
      }
    }
    wait = state.cursor > before ? FIRST_WAIT_MS : Math.min(wait * 2, LONGEST_WAIT_MS);
    // A stream that ended well, because its server is going, is begun again at leisure.
    await pause(state.cursor > before ? FIRST_WAIT_MS / 4 : wait / 2, signal);
  }
}

function isPassing({ error }: CallFailure): boolean {
  return ["rate_limited", "database_unavailable", "storage_busy", "internal"].includes(error.code);
}

async function readOnce(
  link: CompanionLink,
  sessionId: string,
  state: { cursor: number },
  { sink, epochs }: { sink: StreamSink; epochs: Epochs },
  signal: AbortSignal,
): Promise<LogReset | undefined> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const path = `/v1/sessions/${encodeURIComponent(sessionId)}/stream`;
    const known = epochs.get(sessionId);
    const asked = `${path}?queue=true`;
    const inEpoch = known === undefined ? asked : `${asked}&epoch=${encodeURIComponent(known)}`;
    const resume = state.cursor > 0 ? { "Last-Event-ID": String(state.cursor) } : undefined;
    const response = await link.fetch(resume ? inEpoch : `${asked}&after=0`, {
      headers: { Accept: "text/event-stream", ...resume },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (!response.ok) throw await link.refusal(response);
    if (!response.body) return undefined;
    const epoch = response.headers.get("x-log-epoch");
    // Not before its first chunk: an older cursor is not one of this epoch
    // until nothing else was said.
    const settle = () => epoch !== null && epochs.set(sessionId, epoch);
    if (!resume) settle();
    let reset: LogReset | undefined;
    let chunks: StreamChunk[] = [];
    let hasGap = false;
    const parser = createParser({
      onComment(comment) {
        const waited = readWaiting(comment);
        if (waited) sink.waiting(waited);
      },
      onEvent: ({ data }) => {
        const chunk: unknown = JSON.parse(data);
        if (isReset(chunk)) reset ??= chunk;
        if (isQueue(chunk)) {
          // What it was sent after has been taken before it.
          if (chunks.length > 0) sink.chunks(chunks);
          chunks = [];
          sink.queue(chunk);
        }
        if (hasGap || reset || !isChunk(chunk)) return;
        const place = continuity(state.cursor, chunk);
        hasGap = place === "gap";
        if (place !== "next") return;
        state.cursor = chunk.seq;
        settle();
        chunks.push(chunk);
      },
    });
    const decoder = new TextDecoder();
    for await (const bytes of readAll(response.body)) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      parser.feed(decoder.decode(bytes, { stream: true }));
      if (chunks.length > 0) sink.chunks(chunks);
      chunks = [];
      // What is missing is asked for again from the cursor.
      if (hasGap) return undefined;
      if (reset) return reset;
    }
    return undefined;
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** Not `for await` over the stream itself, which not every browser can. */
async function* readAll(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
