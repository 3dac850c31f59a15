// What tests of whole processes do with a companion.
import assert from "node:assert/strict";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { type Companion, chunksOf } from "./companion.ts";

/** Of the demo model; it takes many seconds. */
export const LONG_QUESTION = "Tell me a long story";

export interface Asked {
  sessionId: string;
  /** From the first word on. */
  chunks: AsyncGenerator<StreamChunk>;
  /** Closes the connection; the answer goes on. */
  leave(): void;
}

/** Sends a message and waits for the first words of its answer. */
export async function ask(
  companion: Pick<Companion, "url" | "token">,
  content = LONG_QUESTION,
  model = "demo/demo",
): Promise<Asked> {
  const stop = new AbortController();
  const response = await fetch(`${companion.url}/v1/messages/stream`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${companion.token}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ model, message: { type: "user_message", content } }),
    signal: stop.signal,
  });
  const chunks = chunksOf(response);
  for (;;) {
    const { done, value } = await chunks.next();
    if (done) throw new Error("the answer has no words");
    if (value.type !== "assistant_message") continue;
    return { sessionId: value.session_id, chunks, leave: () => stop.abort() };
  }
}

/** Reads to the end. */
export async function lastOf(chunks: AsyncIterable<StreamChunk>): Promise<StreamChunk | undefined> {
  let last: StreamChunk | undefined;
  for await (const chunk of chunks) last = chunk;
  return last;
}

/** The session's log up to now, or to the end of the turn that runs. */
export async function logOf(companion: Companion, sessionId: string): Promise<StreamChunk[]> {
  const chunks: StreamChunk[] = [];
  const path = `/v1/sessions/${sessionId}/stream?until=turn_end`;
  for await (const chunk of chunksOf(await companion.request("GET", path))) chunks.push(chunk);
  return chunks;
}

/** What other processes do can only be seen by looking. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 60_000,
): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    assert.ok(performance.now() < deadline, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
