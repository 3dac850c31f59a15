import { chunksAfter } from "../../db/tables/chunks.ts";
import type { Reader } from "../../db/tables/schema.ts";
import { findSession } from "../../db/tables/sessions.ts";
import { findOpenTurn } from "../../db/tables/turns.ts";
import { isPause, type StreamChunk } from "../../protocol/chunks.ts";
import { toFrame } from "../../protocol/sse.ts";
import type { Frame, StreamOptions } from "../chat.ts";
import type { Hub } from "./hub.ts";

const PAGE = 1_000;

/** What may wait for a reader in memory; beyond it the reader is served from the database again. */
const MAX_QUEUED = 2_000;

/**
 * The session's log from the cursor on: first what is stored, then what gets committed, as one sequence. The
 * reader listens before it reads, so nothing falls between; a gap in what it heard (a bounded queue, a writer
 * in another companion) is filled from the database.
 */
export async function* streamFrames(
  deps: { reader: Reader; hub: Hub },
  sessionId: string,
  options: StreamOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly Frame[], void> {
  const { reader, hub } = deps;
  let queue: Frame[] = [];
  let knownSeq = 0;
  let gone = false;
  let wake: (() => void) | undefined;
  const rouse = () => {
    wake?.();
    wake = undefined;
  };
  const stopListening = hub.listen(sessionId, {
    onFrames(frames) {
      knownSeq = Math.max(knownSeq, frames.at(-1)?.chunk.seq ?? 0);
      if (queue.length + frames.length <= MAX_QUEUED) queue.push(...frames);
      else queue = [];
      rouse();
    },
    onNews(lastSeq) {
      knownSeq = Math.max(knownSeq, lastSeq);
      rouse();
    },
    onGone() {
      gone = true;
      rouse();
    },
  });
  signal.addEventListener("abort", rouse);

  try {
    const session = await findSession(reader, sessionId);
    knownSeq = Math.max(knownSeq, session.last_seq);
    const isLast = await endOf(reader, sessionId, options);
    let cursor = options.after;
    while (!signal.aborted && !gone) {
      let batch: readonly Frame[];
      const heard = queue;
      queue = [];
      const fresh = heard.filter(({ chunk }) => chunk.seq > cursor);
      if (fresh[0]?.chunk.seq === cursor + 1) {
        batch = fresh;
      } else if (knownSeq > cursor) {
        batch = (await chunksAfter(reader, sessionId, cursor, PAGE)).map(frameOf);
        // Rolled back elsewhere or deleted: what was announced is not there.
        if (batch.length === 0) knownSeq = cursor;
      } else {
        if (isLast === "nothing runs") return;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (signal.aborted || gone || queue.length > 0 || knownSeq > cursor) rouse();
        });
        continue;
      }
      const end = isLast === "nothing runs" ? -1 : batch.findIndex(({ chunk }) => isLast(chunk));
      if (end >= 0) {
        yield batch.slice(0, end + 1);
        return;
      }
      const last = batch.at(-1);
      if (!last) continue;
      cursor = last.chunk.seq;
      yield batch;
    }
  } finally {
    signal.removeEventListener("abort", rouse);
    stopListening();
  }
}

type IsLast = (chunk: StreamChunk) => boolean;

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
