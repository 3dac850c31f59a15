// One client that talks to a companion and remembers every byte it was shown, across
// whatever happens meanwhile.

import { randomUUID } from "node:crypto";
import { Agent, type ClientRequest, request } from "node:http";
import type { Wish } from "./paced-upstream.ts";

/** Where the companion is now. */
export interface Address {
  port: number;
  token: string;
}

export interface ShownChunk {
  seq: number;
  type: string;
  session_id: string;
  turn_id?: string;
  token?: string;
  is_final: boolean;
  metadata?: { code?: string; text?: string };
}

export interface ConversationOptions {
  /** Where it begins to read. */
  cursor?: number;
  requestId?: string;
  /** The turn whose message it edits. */
  replaces?: string | undefined;
}

const RETRY_MS = 20;

/** Each of them a connection of its own, as windows have. */
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });

/**
 * Sends one message and reads until its turn has ended, reconnecting by its cursor and
 * sending again under the same `request_id` as often as needed. What breaks the contract on
 * the way is kept in `complaints`.
 */
export class Conversation {
  readonly requestId: string;
  /** Frames as they came, by number. */
  readonly frames = new Map<number, string>();
  /** When each came, by the monotonic clock, in nanoseconds. */
  readonly shownAt = new Map<number, bigint>();
  readonly complaints: string[] = [];
  sessionId: string | undefined;
  turnId: string | undefined;
  final: ShownChunk | undefined;
  finals = 0;
  reconnects = 0;
  /** Answers that refused the message or the stream, by status. */
  refusals: number[] = [];
  readonly #wish: Wish;
  readonly #replaces: string | undefined;
  #cursor = 0;
  #outgoing: ClientRequest | undefined;

  constructor(wish: Wish, sessionId?: string, more: ConversationOptions = {}) {
    const { cursor = 0, requestId = randomUUID(), replaces } = more;
    this.requestId = requestId;
    this.#wish = wish;
    this.sessionId = sessionId;
    this.#cursor = cursor;
    this.#replaces = replaces;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** The answer's words so far. */
  get text(): string {
    return [...this.frames.values()].map((frame) => chunkOf(frame).token ?? "").join("");
  }

  /**
   * Resolves when the turn's last chunk was shown; `where` is asked before each
   * attempt. Aborting ends it early.
   */
  async run(where: () => Promise<Address>, signal?: AbortSignal): Promise<void> {
    while (!this.final && !signal?.aborted) {
      const address = await where();
      // Before the first chunk nothing is known of the session, so the message is sent
      // again: it takes effect once.
      await (this.turnId === undefined
        ? this.#read(address, "POST", "/v1/messages/stream", this.#body())
        : this.#read(address, "GET", `/v1/sessions/${this.sessionId}/stream?until=turn_end`));
      if (this.final || signal?.aborted) return;
      this.reconnects++;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** Cuts its connection, if it has one. */
  leave(): void {
    this.#outgoing?.destroy();
  }

  #body(): string {
    return JSON.stringify({
      request_id: this.requestId,
      ...(this.sessionId === undefined ? {} : { session_id: this.sessionId }),
      message: {
        type: "user_message",
        content: JSON.stringify(this.#wish),
        ...(this.#replaces !== undefined && { replaces_turn_id: this.#replaces }),
      },
    });
  }

  /** Ends when the connection does, for whatever reason. */
  #read({ port, token }: Address, method: string, path: string, body?: string): Promise<void> {
    return new Promise((resolve) => {
      const headers = {
        authorization: `Bearer ${token}`,
        ...(body === undefined
          ? { "last-event-id": String(this.#cursor) }
          : { "content-type": "application/json" }),
      };
      const outgoing = request(
        { host: "127.0.0.1", port, path, method, headers, agent },
        (response) => {
          if (response.statusCode !== 200) this.refusals.push(response.statusCode ?? 0);
          let rest = "";
          response.setEncoding("utf8");
          response.on("data", (text: string) => {
            if (response.statusCode !== 200) return;
            const blocks = (rest + text).split("\n\n");
            rest = blocks.pop() ?? "";
            for (const block of blocks) this.#show(block);
            if (this.final) response.destroy();
          });
          response.on("error", () => {});
          response.on("close", resolve);
        },
      );
      this.#outgoing = outgoing;
      outgoing.on("error", () => resolve());
      outgoing.end(body);
    });
  }

  #show(block: string): void {
    if (!block.startsWith("id: ")) return;
    const chunk = chunkOf(block);
    if (this.#cursor > 0 && chunk.seq !== this.#cursor + 1) {
      this.complaints.push(`chunk ${chunk.seq} came after ${this.#cursor}`);
    }
    const before = this.frames.get(chunk.seq);
    if (before !== undefined) this.complaints.push(`chunk ${chunk.seq} came twice`);
    this.#cursor = chunk.seq;
    this.frames.set(chunk.seq, block);
    this.shownAt.set(chunk.seq, process.hrtime.bigint());
    this.sessionId = chunk.session_id;
    if (chunk.turn_id !== undefined) this.turnId ??= chunk.turn_id;
    if (chunk.is_final && chunk.turn_id === this.turnId) {
      this.final = chunk;
      this.finals++;
    }
  }
}

export function chunkOf(block: string): ShownChunk {
  return JSON.parse(block.slice(block.indexOf("\ndata: ") + 7)) as ShownChunk;
}
