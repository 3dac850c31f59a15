import { chunksAfter } from "../../db/tables/chunks.ts";
import { type LogPlace, logPlace, updatedAtOf } from "../../db/tables/epochs.ts";
import { readQueue } from "../../db/tables/queue.ts";
import type { Reader } from "../../db/tables/schema.ts";
import { findOpenTurn } from "../../db/tables/turns.ts";
import { ChatError } from "../../errors.ts";
import { isPause, type StreamChunk } from "../../protocol/chunks.ts";
import { toFrame } from "../../protocol/sse.ts";
import { LOG_RESET, type LogReset } from "../../protocol/stream-events.ts";
import type { Frame, StreamOptions } from "../chat.ts";
import type { ChatDeps } from "../deps.ts";
import type { Hub, Listener } from "./hub.ts";

const PAGE = 1_000;

/** What may wait for a reader in memory; beyond it the reader is served from the database again. */
const MAX_QUEUED = 2_000;

interface StreamDeps {
  reader: Reader;
  hub: Hub;
  database: Pick<ChatDeps["database"], "secondMachine" | "tail">;
}

/**
 * The session's log from the cursor on: first what is stored, then what gets committed, as one
 * sequence. The reader listens before it reads, so nothing falls between; a gap in what it heard (a
 * bounded queue, a writer in another companion) is filled from the database.
 *
 * Thousands of them wait for days: no generator, whose locals and closures each of them would keep.
 */
export function streamFrames(
  deps: StreamDeps,
  sessionId: string,
  options: StreamOptions,
  signal: AbortSignal,
): AsyncIterable<readonly Frame[]> {
  return new LogReader(deps, sessionId, options, signal);
}

type Next = IteratorResult<readonly Frame[], undefined>;

const ENDED: Next = { done: true, value: undefined };
/** Nothing to give yet; it goes on by itself once something comes. */
const WAITS = "waits";

/**
 * Gone through once, asked for one batch at a time. Its public methods are for the iteration, the
 * hub and the signal.
 */
class LogReader implements AsyncIterableIterator<readonly Frame[], undefined>, Listener {
  readonly #deps: StreamDeps;
  readonly #sessionId: string;
  readonly #until: StreamOptions["until"];
  readonly #direct: StreamOptions["direct"];
  readonly #tellReset: StreamOptions["onReset"];
  readonly #tellQueue: StreamOptions["onQueue"];
  readonly #signal: AbortSignal;
  #stopListening: (() => void) | undefined;
  #queue: Frame[];
  #cursor: number;
  #knownSeq: number;
  #epoch: string | undefined;
  #isTrusted: boolean;
  /** The log may have gone back; or it stands there, as somebody has seen for all readers. */
  #doubt: boolean | LogPlace = false;
  /** The queue may have changed. */
  #asksQueue = true;
  /** There is nothing more to give. */
  #isOver = false;
  /** Undefined: to be looked for. */
  #isLast: IsLast | "nothing runs" | undefined;
  /** It has given all there is, and is asked for more. */
  #isWaiting = false;
  #asked: PromiseWithResolvers<Next> | undefined;

  constructor(deps: StreamDeps, sessionId: string, options: StreamOptions, signal: AbortSignal) {
    this.#deps = deps;
    this.#sessionId = sessionId;
    this.#until = options.until;
    this.#direct = options.direct;
    this.#tellReset = options.onReset;
    this.#tellQueue = options.onQueue;
    this.#signal = signal;
    this.#queue = (options.begun ?? []).map(frameOf);
    this.#cursor = options.after;
    this.#knownSeq = options.stored ?? 0;
    this.#isTrusted = options.stored !== undefined;
    this.#epoch = options.epoch;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Next> {
    const asked = Promise.withResolvers<Next>();
    this.#asked = asked;
    void this.#answer();
    return asked.promise;
  }

  return(): Promise<Next> {
    this.#end();
    return Promise.resolve(ENDED);
  }

  onFrames(frames: readonly Frame[]): void {
    const last = frames.at(-1)?.chunk.seq ?? 0;
    this.#knownSeq = Math.max(this.#knownSeq, last);
    const isNext = frames[0]?.chunk.seq === this.#cursor + 1;
    const isPlain = endIn(frames, this.#isLast) < 0 && !this.#movesQueue(frames);
    if (this.#isWaiting && isNext && isPlain && !this.#doubt && this.#direct?.(frames)) {
      this.#cursor = last;
      return;
    }
    if (this.#queue.length + frames.length <= MAX_QUEUED) this.#queue.push(...frames);
    else this.#queue = [];
    this.#rouse();
  }

  onNews(lastSeq: number): void {
    // Read before the newest words were committed, or they are not there any more.
    if (lastSeq < this.#cursor) this.#doubt ||= true;
    this.#knownSeq = Math.max(this.#knownSeq, lastSeq);
    this.#rouse();
  }

  onEpoch(place: LogPlace | undefined): void {
    this.#doubt = place ?? true;
    this.onQueue();
  }

  onQueue(): void {
    this.#asksQueue = true;
    this.#rouse();
  }

  onGone(): void {
    this.#isOver = true;
    this.#rouse();
  }

  seen(): number {
    return this.#cursor;
  }

  /** Of the signal. */
  handleEvent(): void {
    this.#isOver = true;
    this.#rouse();
  }

  #rouse(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    void this.#answer();
  }

  async #answer(): Promise<void> {
    try {
      const batch = await this.#take();
      if (batch === WAITS) return;
      if (batch) this.#settle({ done: false, value: batch });
      else this.#end();
    } catch (thrown) {
      const asked = this.#asked;
      this.#asked = undefined;
      this.#end();
      asked?.reject(thrown);
    }
  }

  /** What was given is not kept by what waits. */
  #settle(next: Next): void {
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.resolve(next);
  }

  #listen(): void {
    this.#stopListening = this.#deps.hub.listen(this.#sessionId, this);
    this.#signal.addEventListener("abort", this);
    if (this.#signal.aborted) this.#isOver = true;
  }

  #end(): void {
    this.#isOver = true;
    this.#isWaiting = false;
    this.#signal.removeEventListener("abort", this);
    this.#stopListening?.();
    this.#settle(ENDED);
  }

  /** A batch may be empty, where only the log or the queue is told of; undefined: the end. */
  async #take(): Promise<readonly Frame[] | undefined | typeof WAITS> {
    if (!this.#stopListening && !this.#isOver) {
      this.#listen();
      if (!this.#isTrusted && (await this.#lookAgain())) return [];
    }
    while (!this.#isOver) {
      this.#isLast ??= await endOf(this.#deps.reader, this.#sessionId, this.#until);
      if (this.#doubt) {
        if (!(await this.#lookAgain())) continue;
        this.#isLast = undefined;
        // The turn that it waited for may be gone with its words.
        if (typeof this.#until === "object") this.#isOver = true;
        return [];
      }
      if (this.#asksQueue) {
        this.#asksQueue = false;
        if (!this.#tellQueue) continue;
        this.#tellQueue(await readQueue(this.#deps.reader, this.#sessionId));
        return [];
      }
      let batch: readonly Frame[] = this.#heard();
      if (batch.length === 0) {
        if (this.#knownSeq > this.#cursor) batch = await this.#stored();
        else if (this.#isLast === "nothing runs") return undefined;
        else {
          // Nothing can have come since it was looked for: there was no await in between.
          this.#isWaiting = true;
          return WAITS;
        }
      }
      const end = endIn(batch, this.#isLast);
      if (end >= 0) {
        this.#isOver = true;
        return batch.slice(0, end + 1);
      }
      const last = batch.at(-1);
      if (!last) continue;
      this.#cursor = last.chunk.seq;
      if (this.#movesQueue(batch)) this.#asksQueue = true;
      return batch;
    }
    return undefined;
  }

  /** What it heard, if that is what comes next. */
  #heard(): Frame[] {
    const fresh = this.#queue.filter(({ chunk }) => chunk.seq > this.#cursor);
    this.#queue = [];
    return fresh[0]?.chunk.seq === this.#cursor + 1 ? fresh : [];
  }

  async #stored(): Promise<Frame[]> {
    const { reader, database } = this.#deps;
    const chunks = await chunksAfter(reader, this.#sessionId, this.#cursor, PAGE);
    await database.secondMachine?.settle(() => updatedAtOf(reader, this.#sessionId), this.#signal);
    // Rolled back elsewhere or deleted: what was announced is not there.
    if (chunks.length === 0) {
      this.#knownSeq = this.#cursor;
      this.#doubt ||= this.#isTrusted;
      this.#isTrusted = false;
    }
    return chunks.map(frameOf);
  }

  /** True if the log has gone back, and the cursor with it. */
  async #lookAgain(): Promise<boolean> {
    const at = { cursor: this.#cursor, epoch: this.#epoch };
    const told = settling(this.#doubt, at);
    this.#doubt = false;
    // What was heard of words that are gone is no news; what came since it was told is read.
    this.#queue = [];
    if (!told) this.#knownSeq = 0;
    const place = told ?? (await knownPlace(this.#deps, this.#sessionId));
    this.#knownSeq = Math.max(this.#knownSeq, place.last_seq);
    const reset = resetOf(this.#sessionId, place, at);
    this.#epoch = place.epoch;
    if (!reset) return false;
    this.#cursor = reset.resume_after;
    this.#tellReset?.(reset);
    return true;
  }

  #movesQueue(frames: readonly Frame[]): boolean {
    return this.#tellQueue !== undefined && frames.some(({ chunk }) => movesQueue(chunk));
  }
}

/** Where the session's log stands. Rejects with `not_found`. */
export async function knownPlace(
  { reader, database }: Pick<ChatDeps, "reader"> & { database: Pick<ChatDeps["database"], "tail"> },
  sessionId: string,
): Promise<LogPlace> {
  const place = await logPlace(reader, sessionId);
  if (!place) throw new ChatError("not_found", "There is no session with this id.");
  return {
    ...place,
    last_seq: database.tail?.newestSeq(sessionId, place.last_seq) ?? place.last_seq,
  };
}

/** What a reader has to be told whose cursor does not count in this log; undefined if it does. */
function resetOf(
  sessionId: string,
  place: LogPlace,
  { cursor, epoch }: { cursor: number; epoch: string | undefined },
): LogReset | undefined {
  const isForeign = epoch !== undefined && epoch !== place.epoch;
  if (!isForeign && cursor <= place.last_seq) return undefined;
  // Of an epoch that is not the one before nothing is known to be the same;
  // without one, the last is meant.
  const isBefore = place.before !== undefined && (epoch ?? place.before) === place.before;
  return {
    type: LOG_RESET,
    session_id: sessionId,
    epoch: place.epoch,
    reason: isForeign ? "epoch" : "beyond_end",
    seen: cursor,
    last_seq: place.last_seq,
    resume_after: isBefore ? Math.min(cursor, place.epoch_seq) : 0,
  };
}

/**
 * `place`, which others have read, if it says all that this reader has to be told: it may have read
 * a newer one by itself, or its cursor may have gone on since.
 */
function settling(
  place: boolean | LogPlace,
  { cursor, epoch }: { cursor: number; epoch: string | undefined },
): LogPlace | undefined {
  if (typeof place === "boolean") return undefined;
  const isForeign = epoch !== undefined && epoch !== place.epoch;
  const isSure = isForeign ? epoch === place.before : cursor <= place.last_seq;
  return isSure ? place : undefined;
}

/** Its step may have sent what waited, or held it. */
function movesQueue({ type, is_final }: StreamChunk): boolean {
  return type === "user_message" || is_final;
}

type IsLast = (chunk: StreamChunk) => boolean;
const NEVER: IsLast = () => false;

/** Where the last frame that the reader wants is among them; -1: not there. */
function endIn(frames: readonly Frame[], isLast: IsLast | "nothing runs" | undefined): number {
  return typeof isLast === "function" ? frames.findIndex(({ chunk }) => isLast(chunk)) : -1;
}

async function endOf(
  reader: Reader,
  sessionId: string,
  until: StreamOptions["until"],
): Promise<IsLast | "nothing runs"> {
  if (until === "left") return NEVER;
  if (until === "turn_end") {
    const turn = await findOpenTurn(reader, sessionId);
    return turn ? (chunk) => chunk.turn_id === turn.id && chunk.is_final : "nothing runs";
  }
  return (chunk) => chunk.turn_id === until.pause_of && (chunk.is_final || isPause(chunk));
}

function frameOf(chunk: StreamChunk): Frame {
  return { chunk, text: toFrame(chunk) };
}
