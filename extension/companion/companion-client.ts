import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createParser } from "eventsource-parser";
import {
  CALLS,
  type CallName,
  type CallParams,
  type CallResult,
} from "../../server/protocol/calls.ts";
import { StreamChunk } from "../../server/protocol/chunks.ts";
import { type HttpCall, toHttp } from "../../server/protocol/http-calls.ts";
import type { MessageRequest } from "../../server/protocol/requests.ts";
import { Queued, Ready } from "../../server/protocol/responses.ts";
import type { OutputRequest } from "../../server/protocol/served-requests.ts";
import { readWaiting, type Waiting } from "../../server/protocol/sse.ts";
import { LOG_RESET, LogReset, QUEUE, Queue } from "../../server/protocol/stream-events.ts";
import { TransactionList } from "../../server/protocol/transactions.ts";
import { continuity } from "../../server/shared/continuity.ts";
import { isRecord, parseJson } from "../../server/shared/json.ts";
import { isProblem, Problem } from "../problem.ts";
import type { Companion, CompanionRequest } from "./companion.ts";

/** Where a client gets its companion from, and tells when one does not answer any more. */
export interface CompanionSource {
  ensure(): Promise<Companion>;
  check(companion: Companion): Promise<void>;
  waitUntilReady(signal: AbortSignal): Promise<Companion>;
  succeed(companion: Companion): Promise<void>;
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

export interface CompanionClientDeps {
  source: CompanionSource;
  log: { warn(message: string): void };
}

/** What `send_message` resolves with: where the answer is to be read. */
export interface Accepted {
  session_id: string;
  turn_id: string | undefined;
  after: number;
}

const TRIES = 3;
const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 10_000;
const MAX_FRAME = 16 * 1024 * 1024;
/** Refusals that asking again would not change. */
const PERMANENT = new Set(["not_found", "invalid_request", "forbidden", "method_not_allowed"]);

/** What a reader hears beside chunks. */
interface StreamHearing {
  /** Whether a companion is started where there is none. */
  starts?: boolean;
  onReset?: ((reset: LogReset) => void) | undefined;
  /** What waits in the session, whole, whenever it may have changed; told to who asks. */
  onQueue?: ((queue: Queue) => void) | undefined;
  onWaiting?: ((waiting: Waiting) => void) | undefined;
}

type Heard = Pick<StreamHearing, "onWaiting" | "onQueue">;

/** The cursor counts in another log than there is now. */
class LogWentBack extends Error {
  readonly reset: LogReset;
  constructor(reset: LogReset) {
    super(`the log went back to ${reset.resume_after} of ${reset.seen}`);
    this.reset = reset;
  }
}

/** The companion's API, typed; outlives any single companion. */
export class CompanionClient {
  readonly #deps: CompanionClientDeps;
  readonly #epochs = new Map<string, string>();

  constructor(deps: CompanionClientDeps) {
    this.#deps = deps;
  }

  /**
   * Resolves with the parsed answer; rejects with a `Problem`. A lost connection is tried
   * again where that is safe.
   */
  async call<N extends CallName>(name: N, params: CallParams<N>): Promise<CallResult<N>> {
    if (name === "send_message") {
      // The params of this one name; with an id, sending it twice takes effect once.
      const message = params as MessageRequest;
      const once = { ...message, request_id: message.request_id ?? randomUUID() };
      return this.#again(true, (companion) =>
        accept(companion, toHttp("send_message", once)),
      ) as Promise<CallResult<N>>;
    }
    // 503 of `/readyz` says what it is not ready for.
    const http = { ...toHttp(name, params), ...(name === "get_ready" && { alsoAnswer: 503 }) };
    const text = await this.#again(isRepeatable(http), (companion) => companion.text(http));
    const result = CALLS[name].result.safeParse(text === "" ? undefined : parseJson(text));
    if (!result.success) throw malformed(name);
    return result.data as CallResult<N>;
  }

  /**
   * The committed chunks after `after`, in order, each once, over every loss of the connection or
   * the companion. Ends when `signal` aborts; rejects only when the session cannot be read at all.
   * `starts: false`, for what nobody looks at: a companion that was stopped is waited for until
   * somebody uses it again. Where the log went back, it ends after `onReset`; without that it goes
   * on from where the log is the same.
   */
  async *stream(
    sessionId: string,
    after: number,
    signal: AbortSignal,
    { starts = true, onReset, ...heard }: StreamHearing = {},
  ): AsyncGenerator<StreamChunk[]> {
    const { source } = this.#deps;
    let cursor = after;
    let failures = 0;
    while (!signal.aborted) {
      let companion: Companion | undefined;
      try {
        companion = await (starts ? source.ensure() : source.waitUntilReady(signal));
        for await (const chunks of this.#read(companion, sessionId, cursor, {
          signal,
          ...heard,
        })) {
          const { fresh, gap } = sift(cursor, chunks);
          const last = fresh.at(-1);
          if (last) {
            cursor = last.seq;
            failures = 0;
            yield fresh;
          }
          if (gap) throw malformed(`chunk ${gap.seq} after ${cursor}`);
        }
        // Ended by the companion: it drains, or it cut us loose for reading too slowly.
      } catch (thrown) {
        if (signal.aborted) return;
        if (thrown instanceof Problem && PERMANENT.has(thrown.code)) throw thrown;
        if (thrown instanceof LogWentBack) {
          onReset?.(thrown.reset);
          if (onReset) return;
          cursor = thrown.reset.resume_after;
        }
        this.#deps.log.warn(`Stream of ${sessionId} after ${cursor}: ${String(thrown)}`);
      }
      await this.#recover(companion, failures++, signal);
    }
  }

  /** A cursor counts in the epoch that it was read in, and in no other. */
  async *#read(
    companion: Companion,
    sessionId: string,
    after: number,
    { signal, ...heard }: { signal: AbortSignal } & Heard,
  ): AsyncGenerator<StreamChunk[]> {
    const known = after > 0 ? this.#epochs.get(sessionId) : undefined;
    const query = new URLSearchParams({
      ...(heard.onQueue && { queue: "true" }),
      ...(known !== undefined && { epoch: known }),
    });
    const path = `/v1/sessions/${encodeURIComponent(sessionId)}/stream${query.size > 0 ? `?${query}` : ""}`;
    const headers = { accept: "text/event-stream", "last-event-id": String(after) };
    const response = await companion.send({ method: "GET", path, headers }, signal);
    const epoch = response.headers["x-log-epoch"];
    for await (const chunks of parseChunks(response, heard)) {
      // Not before its first chunk: until then the cursor may still be told to be of another.
      if (typeof epoch === "string") this.#epochs.set(sessionId, epoch);
      yield chunks;
    }
  }

  /**
   * Makes `clientId` the one that runs the call, or gives it more time; rejects with
   * `call_claimed` or `not_waiting`.
   */
  async claim(sessionId: string, callId: string, clientId: string): Promise<void> {
    const rest = `calls/${encodeURIComponent(callId)}/claim`;
    await this.post(true, sessionId, rest, { client_id: clientId });
  }

  /** A piece of what a running call says; takes effect once. Rejects as `claim` does. */
  async tellOutput(sessionId: string, callId: string, body: OutputRequest): Promise<void> {
    await this.post(true, sessionId, `calls/${encodeURIComponent(callId)}/output`, body);
  }

  /** Takes a turn and all after it out of the conversation; they stay in the log. */
  async rewind(sessionId: string, turnId: string): Promise<void> {
    await this.post(false, sessionId, "rewind", { turn_id: turnId });
  }

  /** `repeatable`: it takes effect once, however often it is sent. */
  async post(repeatable: boolean, sessionId: string, rest: string, body: object): Promise<void> {
    const path = `/v1/sessions/${encodeURIComponent(sessionId)}/${rest}`;
    await this.#again(repeatable, (companion) => companion.text({ method: "POST", path, body }));
  }

  /**
   * The Prometheus text. Unlike `call` this, `ready` and `transactions` never start a companion.
   */
  metrics(companion: Companion, signal: AbortSignal): Promise<string> {
    return this.#watch(companion, { method: "GET", path: "/metrics" }, signal);
  }

  async ready(companion: Companion, signal: AbortSignal): Promise<Ready> {
    const http = { ...toHttp("get_ready", {}), alsoAnswer: 503 };
    const ready = Ready.safeParse(parseJson(await this.#watch(companion, http, signal)));
    if (!ready.success) throw malformed("get_ready");
    return ready.data;
  }

  /** The last micro-transactions, or the last slow ones. */
  async transactions(
    companion: Companion,
    query: { limit: number; slow?: boolean },
    signal: AbortSignal,
  ): Promise<TransactionList> {
    const path = `/v1/transactions?limit=${query.limit}${query.slow ? "&slow=true" : ""}`;
    const text = await this.#watch(companion, { method: "GET", path }, signal);
    const list = TransactionList.safeParse(parseJson(text));
    if (!list.success) throw malformed("transactions");
    return list.data;
  }

  async #watch(
    companion: Companion,
    request: CompanionRequest,
    signal: AbortSignal,
  ): Promise<string> {
    try {
      return await companion.text(request, signal);
    } catch (thrown) {
      if (isProblem(thrown, "companion_lost", "companion_unproven")) {
        await this.#deps.source.check(companion);
      }
      throw thrown;
    }
  }

  async #recover(
    companion: Companion | undefined,
    failures: number,
    signal: AbortSignal,
  ): Promise<void> {
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures, LAST_PAUSE_MS);
    try {
      if (companion) await this.#deps.source.check(companion);
      // Given up on: goes on when someone presses Restart.
      else await this.#deps.source.waitUntilReady(signal);
      await this.#deps.source.pause(failures === 0 ? 0 : pause, signal);
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }

  async #again<T>(repeatable: boolean, work: (companion: Companion) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      const companion = await this.#deps.source.ensure();
      try {
        return await work(companion);
      } catch (thrown) {
        const lost = isProblem(thrown, "companion_lost", "companion_unproven");
        if (lost) await this.#deps.source.check(companion);
        // Whoever asked may ask again once another companion is ready.
        if (thrown instanceof Problem && thrown.code === "draining") {
          void this.#deps.source.succeed(companion);
        }
        if (!lost || tries === TRIES || !(repeatable || neverSent(thrown))) throw thrown;
      }
    }
  }
}

/** Those of `chunks` that follow the cursor one after another, and the first that does not. */
function sift(
  after: number,
  chunks: StreamChunk[],
): { fresh: StreamChunk[]; gap: StreamChunk | undefined } {
  let cursor = after;
  const fresh: StreamChunk[] = [];
  for (const chunk of chunks) {
    const place = continuity(cursor, chunk);
    if (place === "duplicate") continue;
    if (place === "gap") return { fresh, gap: chunk };
    cursor = chunk.seq;
    fresh.push(chunk);
  }
  return { fresh, gap: undefined };
}

/** It takes effect once, however often it is sent. */
function isRepeatable({ method, body }: HttpCall): boolean {
  return method !== "POST" || (isRecord(body) && body["request_id"] !== undefined);
}

/** A connection that did not come about carried nothing. */
function neverSent(problem: Problem): boolean {
  const { cause } = problem;
  if (problem.code === "companion_unproven") return true;
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}

/**
 * Sends a message; its answer is read on the session's stream, so this one is
 * left after the first chunk.
 */
async function accept(companion: Companion, call: CompanionRequest): Promise<Accepted | Queued> {
  const leave = new AbortController();
  try {
    const response = await companion.send(call, leave.signal);
    if (response.statusCode === 202) return await readQueued(response);
    for await (const chunks of parseChunks(response)) {
      const first = chunks[0];
      if (first) {
        return { session_id: first.session_id, turn_id: first.turn_id, after: first.seq - 1 };
      }
    }
    throw Problem.ours("companion_lost", "The answer ended before it began");
  } finally {
    leave.abort();
  }
}

async function readQueued(response: IncomingMessage): Promise<Queued> {
  let text = "";
  response.setEncoding("utf8");
  for await (const piece of response as AsyncIterable<string>) text += piece;
  const queued = Queued.safeParse(parseJson(text));
  if (!queued.success) throw malformed("queued");
  return queued.data;
}

/** The chunks of an SSE body, as they arrive; those of one network read together. */
async function* parseChunks(
  response: IncomingMessage,
  { onWaiting, onQueue }: Heard = {},
): AsyncGenerator<StreamChunk[]> {
  let chunks: StreamChunk[] = [];
  let broken: Problem | LogWentBack | undefined;
  let queued: Queue | undefined;
  const parser = createParser({
    maxBufferSize: MAX_FRAME,
    onComment(comment) {
      const waited = readWaiting(comment);
      if (waited) onWaiting?.(waited);
    },
    onEvent(event) {
      if (event.event === QUEUE) {
        const queue = Queue.safeParse(parseJson(event.data));
        if (queue.success) queued = queue.data;
        return;
      }
      if (event.event === LOG_RESET) {
        const reset = LogReset.safeParse(parseJson(event.data));
        broken ??= reset.success ? new LogWentBack(reset.data) : malformed("log_reset");
        return;
      }
      if (broken) return;
      const chunk = StreamChunk.safeParse(parseJson(event.data));
      if (chunk.success) chunks.push(chunk.data);
      else broken ??= malformed("chunk");
    },
    onError() {
      broken ??= malformed("frame");
    },
  });
  response.setEncoding("utf8");
  try {
    for await (const text of response as AsyncIterable<string>) {
      parser.feed(text);
      if (chunks.length > 0) yield chunks;
      chunks = [];
      // After the chunks that it came with.
      if (queued) onQueue?.(queued);
      queued = undefined;
      if (broken) throw broken;
    }
  } catch (thrown) {
    if (thrown instanceof Problem || thrown instanceof LogWentBack) throw thrown;
    throw Problem.ours("companion_lost", "The stream broke", { cause: thrown });
  } finally {
    response.destroy();
  }
}

function malformed(what: string): Problem {
  return Problem.ours("companion_malformed", `The companion's answer is not understood: ${what}`);
}
