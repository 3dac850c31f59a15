import { setTimeout as delay } from "node:timers/promises";
import { createParser } from "eventsource-parser";
import { createChatRelay } from "../../../extension/chat/chat-relay.ts";
import type { CallName, CallParams, CallResult } from "../../../server/protocol/calls.ts";
import { StreamChunk } from "../../../server/protocol/chunks.ts";
import { toHttp } from "../../../server/protocol/http-calls.ts";
import { readWaiting, type Waiting } from "../../../server/protocol/sse.ts";
import { QUEUE, Queue } from "../../../server/protocol/stream-events.ts";
import type { CallError, FromWebview, ToWebview } from "../../../webview/messages.ts";
import type { ScriptedCompanion } from "./scripted-companion.ts";

class Answered extends Error {
  readonly error: CallError;
  constructor(error: CallError) {
    super(error.message);
    this.error = error;
  }
}

/**
 * The extension's own relay over a plain HTTP client; the extension's client needs a
 * companion process to own.
 */
export function relayToCompanion(
  companion: ScriptedCompanion,
  post: (message: ToWebview) => Promise<void>,
  onHostMessage: (message: FromWebview) => void,
): { receive: (message: unknown) => void; stop: () => void } {
  const headers = { authorization: `Bearer ${companion.token}` };
  const request = async (
    path: string,
    init: Pick<RequestInit, "method" | "body" | "signal"> & { headers: Record<string, string> },
  ): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(companion.origin + path, {
        ...init,
        headers: { ...headers, ...init.headers },
      });
    } catch {
      throw new Answered({
        code: "companion_lost",
        message: "The companion server does not answer.",
      });
    }
    if (response.ok) return response;
    const { error } = (await response.json()) as { error: CallError };
    throw new Answered(error);
  };

  async function call<N extends CallName>(name: N, params: CallParams<N>): Promise<CallResult<N>> {
    const { method, path, body } = toHttp(name, params);
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await request(path, {
      method,
      ...init,
      headers: { "content-type": "application/json" },
    });
    const text = await response.text();
    // The answer is read on the session's stream; as the extension's client
    // does, only its place is told.
    const value: unknown =
      name === "send_message" && response.status === 200
        ? { session_id: (params as { session_id?: string }).session_id, after: 0 }
        : text === ""
          ? undefined
          : JSON.parse(text);
    return value as CallResult<N>;
  }

  async function* stream(
    id: string,
    after: number,
    signal: AbortSignal,
    {
      onQueue,
      onWaiting,
    }: {
      onQueue?: ((queue: Queue) => void) | undefined;
      onWaiting?: ((waiting: Waiting) => void) | undefined;
    } = {},
  ): AsyncGenerator<StreamChunk[]> {
    let cursor = after;
    while (!signal.aborted) {
      try {
        const response = await request(`/v1/sessions/${id}/stream?queue=true`, {
          headers: { "last-event-id": String(cursor) },
          signal,
        });
        let chunks: StreamChunk[] = [];
        let queue: Queue | undefined;
        const parser = createParser({
          onComment(comment) {
            const waiting = readWaiting(comment);
            if (waiting) onWaiting?.(waiting);
          },
          onEvent: ({ event, data }) => {
            if (event === QUEUE) queue = Queue.parse(JSON.parse(data));
            else chunks.push(StreamChunk.parse(JSON.parse(data)));
          },
        });
        const text = new TextDecoder();
        for await (const bytes of response.body ?? []) {
          parser.feed(text.decode(bytes, { stream: true }));
          cursor = chunks.at(-1)?.seq ?? cursor;
          if (chunks.length > 0) yield chunks;
          chunks = [];
          if (queue) onQueue?.(queue);
          queue = undefined;
        }
      } catch (thrown) {
        if (thrown instanceof Answered && thrown.error.code === "not_found") throw thrown;
      }
      await delay(50, undefined, { signal }).catch(() => {});
    }
  }

  const relay = createChatRelay({
    client: { call, stream },
    post: (message) => void post(message),
    preferredModel: () => undefined,
    offer: async () => ({}),
    offerFor: async () => ({}),
    withPrompt: async (message) => message,
    withEdits: (_sessionId, message) => message,
    onSent() {},
    onQueued() {},
    onOpened() {},
    explain: (thrown) =>
      thrown instanceof Answered ? thrown.error : { code: "internal", message: String(thrown) },
    onHostMessage(message) {
      onHostMessage(message);
      if (message.type === "ready")
        void post({ type: "connection", connection: { state: "ready" } });
    },
    log: { warn() {} },
  });
  return { receive: (message) => relay.receive(message), stop: () => relay.reset() };
}
