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
import type { Hub } from "./hub.ts";

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
 */
export async function* streamFrames(
  deps: StreamDeps,
  sessionId: string,
  options: StreamOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly Frame[], void> {
  const { reader, hub } = deps;
  let queue = (options.begun ?? []).map(frameOf);
  let knownSeq = options.stored ?? 0;
  let isTrusted = options.stored !== undefined;
  let gone = false;
  /** The log may have gone back; or it stands there, as somebody has seen for all readers. */
  let doubt: boolean | LogPlace = false;
  /** The queue may have changed. */
  let askQueue = true;
  let cursor = options.after;
  /** While the reader has all there is, and waits. */
  let wake: (() => void) | undefined;
  let isLast: IsLast | "nothing runs" = "nothing runs";
  const rouse = () => {
    wake?.();
    wake = undefined;
  };
  const stopListening = hub.listen(sessionId, {
    onFrames(frames) {
      const last = frames.at(-1)?.chunk.seq ?? 0;
      knownSeq = Math.max(knownSeq, last);
      const isNext = frames[0]?.chunk.seq === cursor + 1;
      const isPlain = endIn(frames, isLast) < 0 && !asksQueue(frames, options);
      if (wake && isNext && isPlain && !doubt && options.direct?.(frames)) {
        cursor = last;
        return;
      }
      if (queue.length + frames.length <= MAX_QUEUED) queue.push(...frames);
      else queue = [];
      rouse();
    },
    onNews(lastSeq) {
      // Read before the newest words were committed, or they are not there any more.
      if (lastSeq < cursor) doubt ||= true;
      knownSeq = Math.max(knownSeq, lastSeq);
      rouse();
    },
    onEpoch(place) {
      doubt = place ?? true;
      askQueue = true;
      rouse();
    },
    onQueue() {
      askQueue = true;
      rouse();
    },
    onGone() {
      gone = true;
      rouse();
    },
    seen: () => cursor,
  });
  signal.addEventListener("abort", rouse);

  try {
    let { epoch } = options;
    const lookAgain = async (): Promise<boolean> => {
      const told = settling(doubt, { cursor, epoch });
      doubt = false;
      // What was heard of words that are gone is no news; what came since it was told is read.
      queue = [];
      if (!told) knownSeq = 0;
      const place = told ?? (await knownPlace(deps, sessionId));
      knownSeq = Math.max(knownSeq, place.last_seq);
      const reset = resetOf(sessionId, place, { cursor, epoch });
      epoch = place.epoch;
      if (!reset) return false;
      cursor = reset.resume_after;
      options.onReset?.(reset);
      return true;
    };
    if (!isTrusted && (await lookAgain())) yield [];
    isLast = await endOf(reader, sessionId, options);
    while (!signal.aborted && !gone) {
      if (doubt) {
        if (!(await lookAgain())) continue;
        yield [];
        // The turn that it waited for may be gone with its words.
        if (typeof options.until === "object") return;
        isLast = await endOf(reader, sessionId, options);
        continue;
      }
      if (askQueue) {
        askQueue = false;
        options.onQueue?.(await readQueue(reader, sessionId));
        if (options.onQueue) yield [];
        continue;
      }
      let batch: readonly Frame[];
      const fresh = queue.filter(({ chunk }) => chunk.seq > cursor);
      queue = [];
      if (fresh[0]?.chunk.seq === cursor + 1) {
        batch = fresh;
      } else if (knownSeq > cursor) {
        batch = await storedAfter(deps, sessionId, cursor, signal);
        // Rolled back elsewhere or deleted: what was announced is not there.
        if (batch.length === 0) {
          knownSeq = cursor;
          doubt ||= isTrusted;
          isTrusted = false;
        }
      } else {
        if (isLast === "nothing runs") return;
        // Nothing can have come since it was looked for: there is no await between.
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      const end = endIn(batch, isLast);
      if (end >= 0) {
        yield batch.slice(0, end + 1);
        return;
      }
      const last = batch.at(-1);
      if (!last) continue;
      cursor = last.chunk.seq;
      if (asksQueue(batch, options)) askQueue = true;
      yield batch;
    }
  } finally {
    signal.removeEventListener("abort", rouse);
    stopListening();
  }
}

async function storedAfter(
  { reader, database }: StreamDeps,
  sessionId: string,
  cursor: number,
  signal: AbortSignal,
): Promise<Frame[]> {
  const chunks = await chunksAfter(reader, sessionId, cursor, PAGE);
  await database.secondMachine?.settle(() => updatedAtOf(reader, sessionId), signal);
  return chunks.map(frameOf);
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

function asksQueue(frames: readonly Frame[], { onQueue }: StreamOptions): boolean {
  return onQueue !== undefined && frames.some(({ chunk }) => movesQueue(chunk));
}

type IsLast = (chunk: StreamChunk) => boolean;

/** Where the last frame that the reader wants is among them; -1: not there. */
function endIn(frames: readonly Frame[], isLast: IsLast | "nothing runs"): number {
  return isLast === "nothing runs" ? -1 : frames.findIndex(({ chunk }) => isLast(chunk));
}

async function endOf(
  reader: Reader,
  sessionId: string,
  { until }: StreamOptions,
): Promise<IsLast | "nothing runs"> {
  if (until === "left") return () => false;
  if (until === "turn_end") {
    const turn = await findOpenTurn(reader, sessionId);
    return turn ? (chunk) => chunk.turn_id === turn.id && chunk.is_final : "nothing runs";
  }
  return (chunk) => chunk.turn_id === until.pause_of && (chunk.is_final || isPause(chunk));
}

function frameOf(chunk: StreamChunk): Frame {
  return { chunk, text: toFrame(chunk) };
}
