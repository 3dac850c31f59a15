import type { Request, Response } from "express";
import type { Frame } from "../chat/chat.ts";
import { ChatError } from "../errors.ts";
import type { Metrics } from "../observe/metrics.ts";
import { HEARTBEAT_MS, SSE_HEARTBEAT, SSE_RETRY } from "../protocol/sse.ts";

/** A reader that leaves so much unread, or takes nothing for so long, is let go; it resumes by its cursor. */
const MAX_UNREAD_BYTES = 1024 * 1024;
const MAX_STALLED_MS = 30_000;

const MAX_READERS = 4_096;
const MAX_READERS_PER_SESSION = 64;

const SSE_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
  // A stream has no end that keep-alive could wait for; without this, shutting down would.
  connection: "close",
};

export type FrameStream = (signal: AbortSignal) => AsyncIterable<readonly Frame[]>;

/** The open streams of this server: who reads, and the one timer that keeps them all alive. */
export class Readers {
  readonly #metrics: Metrics;
  readonly #open = new Map<Response, { sessionId: string; stop: AbortController }>();
  readonly #perSession = new Map<string, number>();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /** A sign of life to every reader. */
  beat(): void {
    for (const response of this.#open.keys()) {
      if (response.headersSent && !response.writableNeedDrain) response.write(SSE_HEARTBEAT);
    }
  }

  get count(): number {
    return this.#open.size;
  }

  /**
   * Writes a stream of frames to one client until it ends or the client leaves. Rejects before the first byte
   * if the stream cannot begin; afterwards the answer just ends.
   * @param render the text of a batch; one write per batch.
   */
  async serve(
    request: Request,
    response: Response,
    sessionId: string,
    frames: FrameStream,
    render: (batch: readonly Frame[]) => string = joinFrames,
  ): Promise<void> {
    const stop = this.#enter(response, sessionId);
    try {
      const iterator = frames(stop.signal)[Symbol.asyncIterator]();
      let pending = iterator.next();
      // A session that is not there must be a 404; a live stream may be silent for long, so that is not waited for.
      const early = await Promise.race([pending.then(() => true), immediate()]);
      if (!early) pending.catch(() => {});
      request.socket.setNoDelay(true);
      response.writeHead(200, SSE_HEADERS);
      response.write(SSE_RETRY);
      for (;;) {
        const { done, value } = await pending;
        if (done) break;
        if (!(await write(response, render(value), stop.signal))) break;
        pending = iterator.next();
      }
      response.end();
    } catch (thrown) {
      if (!response.headersSent) throw thrown;
      response.end();
    } finally {
      stop.abort();
      this.#leave(response, sessionId);
    }
  }

  /** Ends all streams; their clients come back to whoever serves then. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const { stop } of this.#open.values()) stop.abort();
  }

  #enter(response: Response, sessionId: string): AbortController {
    const here = this.#perSession.get(sessionId) ?? 0;
    if (this.#open.size >= MAX_READERS || here >= MAX_READERS_PER_SESSION) {
      throw new ChatError("rate_limited", "Too many streams are open.", {
        hint: "Close some windows or tabs that show this session.",
        retryAfterSeconds: 5,
      });
    }
    const stop = new AbortController();
    this.#open.set(response, { sessionId, stop });
    this.#perSession.set(sessionId, here + 1);
    this.#metrics.streamsActive.set(this.#open.size);
    response.on("close", () => stop.abort());
    return stop;
  }

  #leave(response: Response, sessionId: string): void {
    this.#open.delete(response);
    const here = (this.#perSession.get(sessionId) ?? 1) - 1;
    if (here > 0) this.#perSession.set(sessionId, here);
    else this.#perSession.delete(sessionId);
    this.#metrics.streamsActive.set(this.#open.size);
  }
}

function joinFrames(batch: readonly Frame[]): string {
  return batch.map((frame) => frame.text).join("");
}

/** False if the client has gone, or does not read. */
async function write(response: Response, text: string, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  if (text === "" || response.write(text)) return true;
  if (response.writableLength > MAX_UNREAD_BYTES + text.length) {
    response.destroy();
    return false;
  }
  return await new Promise((resolve) => {
    const settle = (written: boolean) => {
      clearTimeout(timer);
      response.off("drain", onDrain);
      signal.removeEventListener("abort", onAbort);
      resolve(written);
    };
    const onDrain = () => settle(true);
    const onAbort = () => settle(false);
    const timer = setTimeout(() => {
      response.destroy();
      settle(false);
    }, MAX_STALLED_MS);
    response.on("drain", onDrain);
    signal.addEventListener("abort", onAbort);
  });
}

/** After what the database can answer at once: a turn of the event loop or two. */
function immediate(): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), 25));
}
