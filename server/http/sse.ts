import type { Request, Response } from "express";
import type { DirectSink } from "../chat/chat.ts";
import { ChatError } from "../errors.ts";
import type { Metrics } from "../observe/metrics.ts";
import {
  HEARTBEAT_MS,
  SSE_HEARTBEAT,
  SSE_RETRY,
  toWaiting,
  WAIT_OVER,
  type Waiting,
} from "../protocol/sse.ts";

/**
 * A reader gets the next piece once it has taken the last: so one that does not read keeps no more
 * in memory than this and a frame, however long the log is, and one that reads slowly is not taken
 * for one that does not. As much as Node lets wait in a socket before it asks for patience.
 */
const PIECE_LENGTH = 64 * 1024;
/**
 * Whoever takes no piece for so long is let go, and resumes by its cursor. Two heartbeats: a
 * program that lives has read by then. The network alone would keep the place of a computer that
 * has gone without a word for a quarter of an hour.
 */
const MAX_STALLED_MS = 2 * HEARTBEAT_MS;

const MAX_READERS_PER_SESSION = 64;
/** Who sends a message has a place beside those who only read, so that no reader keeps it out. */
const MAX_AUTHORS = 1_024;

const SSE_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
  // A stream has no end that keep-alive could wait for; without this, shutting down would.
  connection: "close",
};

/** A frame, encoded. */
interface Written {
  text: string;
}

export type FrameStream = (
  signal: AbortSignal,
  direct: DirectSink,
) => AsyncIterable<readonly Written[]>;

type WriteBatch<F> = (next: IteratorResult<readonly F[]>) => Promise<boolean>;

/** The frames of a commit as one chunk of HTTP (RFC 9112, section 7.1). */
interface HttpChunk {
  frames: readonly Written[];
  text: string;
  encoding: "latin1" | "utf8";
}

interface OpenStream {
  /** Null for an author, who counts for no session. */
  sessionId: string | null;
  stop: AbortController;
}

/** The open streams of this server: who reads, and the one timer that keeps them all alive. */
export class StreamReaders {
  readonly #metrics: Metrics;
  readonly #maxReaders: number;
  readonly #maxStalledMs: number;
  readonly #open = new Map<Response, OpenStream>();
  readonly #perSession = new Map<string, number>();
  #authors = 0;
  readonly #heartbeat: NodeJS.Timeout;
  /** For how many seconds the database has been away. */
  #waiting = 0;
  /** The newest, for the next reader of the same commit. */
  #chunk: HttpChunk | undefined;

  /** @param maxReaders how many of them, beside authors. */
  constructor(metrics: Metrics, maxReaders: number, maxStalledMs = MAX_STALLED_MS) {
    this.#metrics = metrics;
    this.#maxReaders = maxReaders;
    this.#maxStalledMs = maxStalledMs;
    this.#heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /** A heartbeat to every reader. */
  beat(): void {
    this.#tellAll(SSE_HEARTBEAT);
  }

  /** How long the database has been away, 0: it is back. */
  tellWaiting(waiting: Waiting): void {
    this.#waiting = waiting.seconds;
    this.#tellAll(toWaiting(waiting));
  }

  #tellAll(comment: string): void {
    for (const response of this.#open.keys()) {
      if (response.headersSent && !response.writableNeedDrain) response.write(comment);
    }
  }

  get count(): number {
    return this.#open.size;
  }

  /**
   * Begins to write a session's frames to one client; goes on until they end or the client leaves.
   * Rejects before the first byte if there is no place or the stream cannot begin; afterwards the
   * answer just ends. Resolves with the first byte: a reader may stay for days, and all that stands
   * between here and the request, routers and handlers, would stay in memory with it.
   */
  async serve(
    request: Request,
    response: Response,
    sessionId: string,
    frames: FrameStream,
  ): Promise<void> {
    const here = this.#perSession.get(sessionId) ?? 0;
    if (this.#open.size - this.#authors >= this.#maxReaders || here >= MAX_READERS_PER_SESSION) {
      throw tooManyStreams("Close some windows or tabs that show this session.");
    }
    const stop = this.#enter(response, sessionId);
    try {
      const iterator = frames(stop.signal, this.#directTo(response, stop.signal))[
        Symbol.asyncIterator
      ]();
      const first = iterator.next();
      // A session that is not there must be a 404; a live stream may be silent for long,
      // so that is not waited for.
      const early = await Promise.race([first.then(() => true), immediate()]);
      if (!early) first.catch(() => {});
      const writeBatch = this.#begin(request, response, stop.signal, joinFrames);
      void writeAll(response, iterator, writeBatch, first.then(writeBatch)).finally(() =>
        this.#leave(response),
      );
    } catch (thrown) {
      this.#leave(response);
      throw thrown;
    }
  }

  /**
   * Takes a message and writes its answer. The place comes first: what is refused is not stored,
   * and who has had a message stored gets in. Rejects as `accept` does, or for want of a place,
   * before anything was accepted.
   * @param render the text of a batch, or of a piece of it; one write for each.
   */
  async serveAuthor<Accepted, F extends Written>(
    request: Request,
    response: Response,
    accept: () => Promise<Accepted>,
    frames: (
      accepted: Accepted,
      signal: AbortSignal,
      direct: DirectSink,
    ) => AsyncIterable<readonly F[]>,
    render: (batch: readonly F[]) => string = joinFrames,
  ): Promise<void> {
    if (this.#authors >= MAX_AUTHORS) {
      throw tooManyStreams("Nothing was stored. Wait for some answers to end, then send again.");
    }
    const stop = this.#enter(response, null);
    try {
      const accepted = await accept();
      const direct = this.#directTo(response, stop.signal);
      const iterator = frames(accepted, stop.signal, direct)[Symbol.asyncIterator]();
      const writeBatch = this.#begin(request, response, stop.signal, render);
      await writeAll(response, iterator, writeBatch, iterator.next().then(writeBatch));
    } finally {
      this.#leave(response);
    }
  }

  /** The function writes a batch; false: there is nothing more to write, or nobody to read it. */
  #begin<F extends Written>(
    request: Request,
    response: Response,
    signal: AbortSignal,
    render: (batch: readonly F[]) => string,
  ): WriteBatch<F> {
    request.socket.setNoDelay(true);
    begin(response);
    letGo(request);
    const write = async (text: string) =>
      !signal.aborted &&
      (text === "" || response.write(text) || (await this.#drained(response, signal)));
    let told = 0;
    return async ({ done, value }) => {
      const waiting = this.#waiting;
      // What is shown is stored, so the wait is over: the answer may end before all are told.
      const over = waiting > 0 && waiting !== told ? toWaiting(WAIT_OVER) : "";
      told = waiting;
      if (done || !(await write(over))) return false;
      for (const piece of inPieces(value)) if (!(await write(render(piece)))) return false;
      return true;
    };
  }

  /** False if the client has gone, or does not read. */
  #drained(response: Response, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (isDrained: boolean) => {
        clearTimeout(timer);
        response.off("drain", onDrain);
        signal.removeEventListener("abort", onAbort);
        resolve(isDrained);
      };
      const onDrain = () => settle(true);
      const onAbort = () => settle(false);
      const timer = setTimeout(() => {
        response.destroy();
        settle(false);
      }, this.#maxStalledMs);
      response.on("drain", onDrain);
      signal.addEventListener("abort", onAbort);
    });
  }

  /**
   * Who waits for the next words, and has taken all before them, gets them in the hook of their
   * commit: one write to the socket, of a text that is made once for all readers. `response.write`
   * would make several buffers of it, for each reader anew. Whenever anything is not as plain as
   * that, it is `#write`'s, which knows what a reader has not taken.
   */
  #directTo(response: Response, signal: AbortSignal): DirectSink {
    return (frames) => {
      const { socket } = response;
      if (!response.headersSent || response.writableEnded || this.#waiting > 0) return false;
      // No chunks: HTTP/1.0, HEAD.
      if (!response.chunkedEncoding || signal.aborted) return false;
      if (!socket || socket.writableLength > 0) return false;
      if (this.#chunk?.frames !== frames) this.#chunk = toHttpChunk(frames);
      socket.write(this.#chunk.text, this.#chunk.encoding);
      return true;
    };
  }

  /** Ends all streams; their clients come back to whoever serves then. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const { stop } of this.#open.values()) stop.abort();
  }

  #enter(response: Response, sessionId: string | null): AbortController {
    const stop = new AbortController();
    this.#open.set(response, { sessionId, stop });
    if (sessionId === null) this.#authors++;
    else this.#perSession.set(sessionId, (this.#perSession.get(sessionId) ?? 0) + 1);
    this.#metrics.streamsActive.set(this.#open.size);
    response.on("close", () => stop.abort());
    return stop;
  }

  #leave(response: Response): void {
    const stream = this.#open.get(response);
    if (!stream) return;
    stream.stop.abort();
    this.#open.delete(response);
    this.#metrics.streamsActive.set(this.#open.size);
    if (stream.sessionId === null) {
      this.#authors--;
      return;
    }
    const here = (this.#perSession.get(stream.sessionId) ?? 1) - 1;
    if (here > 0) this.#perSession.set(stream.sessionId, here);
    else this.#perSession.delete(stream.sessionId);
  }
}

/** No batch is named here: whoever waits for days would keep the last it was given. */
async function writeAll<F extends Written>(
  response: Response,
  iterator: AsyncIterator<readonly F[]>,
  writeBatch: WriteBatch<F>,
  begun: Promise<boolean>,
): Promise<void> {
  try {
    let isGoing = await begun;
    while (isGoing) isGoing = await iterator.next().then(writeBatch);
  } catch {
    // The client knows its cursor, or repeats its request_id: it comes back for the rest.
  }
  response.end();
  // It may not have come to its end: then it would listen on, for nobody.
  await iterator.return?.();
}

/** In one packet. */
function begin(response: Response): void {
  response.cork();
  response.writeHead(200, SSE_HEADERS);
  // By itself: a head to which text is added stays in memory as the dozens of strings that it was
  // put together from.
  response.flushHeaders();
  response.write(SSE_RETRY);
  response.uncork();
}

/** What nobody asks of a request any more whose answer goes on for long. */
function letGo(request: Request): void {
  request.headers = {};
  request.rawHeaders = [];
  request.body = undefined;
  // Not deleted: what has lost a property is kept as a dictionary.
  Object.assign(request, { next: undefined });
}

function tooManyStreams(hint: string): ChatError {
  return new ChatError("rate_limited", "Too many streams are open.", {
    hint,
    retryAfterSeconds: 5,
  });
}

function toHttpChunk(frames: readonly Written[]): HttpChunk {
  const text = joinFrames(frames);
  const bytes = Buffer.byteLength(text);
  const encoding = bytes === text.length ? "latin1" : "utf8";
  return { frames, text: `${bytes.toString(16)}\r\n${text}\r\n`, encoding };
}

function* inPieces<F extends Written>(batch: readonly F[]): Generator<readonly F[], void> {
  let begin = 0;
  let length = 0;
  for (const [index, { text }] of batch.entries()) {
    length += text.length;
    if (length < PIECE_LENGTH) continue;
    yield batch.slice(begin, index + 1);
    begin = index + 1;
    length = 0;
  }
  if (begin < batch.length) yield batch.slice(begin);
}

function joinFrames(batch: readonly Written[]): string {
  let all = "";
  for (const { text } of batch) all += text;
  return all;
}

/** After what the database can answer at once: a turn of the event loop or two. */
function immediate(): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), 25));
}
