// What waits in the scripted chats, as the companion keeps it.
import type { MessageRequest } from "../../../server/protocol/requests.ts";
import type { Queued } from "../../../server/protocol/responses.ts";
import {
  QUEUE,
  type Queue,
  type QueuedMessage,
  toQueueFrame,
} from "../../../server/protocol/stream-events.ts";
import type { OpenStream } from "./scripted-parts.ts";

export class ScriptedQueues {
  readonly #queues = new Map<string, QueuedMessage[]>();
  readonly #readers: ReadonlySet<OpenStream>;

  constructor(readers: ReadonlySet<OpenStream>) {
    this.#readers = readers;
  }

  of(sessionId: string): QueuedMessage[] {
    return this.#queues.get(sessionId) ?? [];
  }

  set(sessionId: string, messages: QueuedMessage[]): void {
    this.#queues.set(sessionId, messages);
    for (const reader of this.#readers) {
      if (reader.withQueue && reader.sessionId === sessionId) {
        reader.response.write(toQueueFrame(this.toldOf(sessionId)));
      }
    }
  }

  toldOf(sessionId: string): Queue {
    return { type: QUEUE, session_id: sessionId, messages: this.of(sessionId) };
  }

  add(sessionId: string, { request_id = "", when_busy, message }: MessageRequest): Queued {
    const one: QueuedMessage = {
      id: request_id,
      version: 1,
      content: message.type === "user_message" ? message.content : "",
      steers: when_busy === "steer",
      created_at: new Date().toISOString(),
    };
    const others = this.of(sessionId).filter(({ id }) => id !== one.id);
    this.set(sessionId, [...others, one]);
    return { type: "queued", session_id: sessionId, message: one };
  }

  /** Status and body of a call about one message, or about what is held. */
  call(sessionId: string, method: string, rest: string, body: unknown): [number, unknown] {
    if (rest === "resume_queue") return this.#resume(sessionId);
    const [, id = "", now] = rest.split("/");
    const one = this.of(sessionId).find((message) => message.id === id);
    if (!one) {
      const error = { code: "queue_changed", message: "This message was sent already." };
      return [409, { error: { ...error, request_id: "r" } }];
    }
    if (method === "DELETE") {
      this.set(
        sessionId,
        this.of(sessionId).filter((message) => message.id !== id),
      );
      return [200, { content: one.content }];
    }
    const { held: _held, ...free } = one;
    const changed =
      now === "send"
        ? { ...free, steers: true }
        : { ...one, ...(body as { content: string }), version: one.version + 1 };
    const all = this.of(sessionId).map((message) => (message.id === id ? changed : message));
    this.set(sessionId, all);
    return [200, now === "send" ? { state: "queued" } : changed];
  }

  #resume(sessionId: string): [number, unknown] {
    this.set(
      sessionId,
      this.of(sessionId).map(({ held: _held, ...message }) => message),
    );
    return [204, undefined];
  }
}
