import type { LogPlace } from "../../db/tables/epochs.ts";
import type { Metrics } from "../../observe/metrics.ts";
import type { StreamChunk } from "../../protocol/chunks.ts";
import { toFrame, toFrameOf } from "../../protocol/sse.ts";
import type { Frame } from "../chat.ts";

export interface Listener {
  /** Committed frames, in order. */
  onFrames(frames: readonly Frame[]): void;
  /** The log has grown elsewhere up to `lastSeq`; read it. */
  onNews(lastSeq: number): void;
  /** Another epoch may have begun; `place`: where the log stood just now. */
  onEpoch(place: LogPlace | undefined): void;
  /** The session's queue has changed: read it. */
  onQueue(): void;
  /** The session was deleted; there is nothing more to come. */
  onGone(): void;
  /** The newest chunk that it was shown. */
  seen(): number;
}

interface Row {
  payload: string;
}

/**
 * Tells the readers of a session what was committed. Only the after-commit hook of
 * a unit of work publishes.
 */
export interface Hub {
  /** `rows`: with what each says beside its place, where that is JSON already. */
  publish(sessionId: string, chunks: readonly StreamChunk[], rows?: readonly Row[]): void;
  announce(sessionId: string, lastSeq: number): void;
  announceGone(sessionId: string): void;
  /** The session's queue has changed, and its log has not. */
  announceQueue(sessionId: string): void;
  /** Another epoch has begun, for all sessions; these stand there. */
  announceEpoch(places: ReadonlyMap<string, LogPlace>): void;
  listen(sessionId: string, listener: Listener): () => void;
  /** Sessions with at least one reader. */
  sessions(): Iterable<string>;
  /** Of each of them, the newest chunk that a reader was shown. */
  seen(): Iterable<readonly [sessionId: string, seq: number]>;
}

export function createHub(metrics: Metrics): Hub {
  const listeners = new Map<string, Set<Listener>>();
  return {
    publish(sessionId, chunks, rows) {
      for (const { type } of chunks) metrics.published[type]();
      const readers = listeners.get(sessionId);
      if (!readers) return;
      const frames = chunks.map((chunk, index) => {
        const row = rows?.[index];
        return { chunk, text: row ? toFrameOf(chunk, row.payload) : toFrame(chunk) };
      });
      for (const reader of readers) reader.onFrames(frames);
    },
    announce(sessionId, lastSeq) {
      for (const reader of listeners.get(sessionId) ?? []) reader.onNews(lastSeq);
    },
    announceGone(sessionId) {
      for (const reader of listeners.get(sessionId) ?? []) reader.onGone();
    },
    announceQueue(sessionId) {
      for (const reader of listeners.get(sessionId) ?? []) reader.onQueue();
    },
    announceEpoch(places) {
      for (const [sessionId, readers] of listeners) {
        for (const reader of readers) reader.onEpoch(places.get(sessionId));
      }
    },
    listen(sessionId, listener) {
      const readers = listeners.get(sessionId) ?? new Set();
      listeners.set(sessionId, readers.add(listener));
      return () => {
        readers.delete(listener);
        if (readers.size === 0 && listeners.get(sessionId) === readers) listeners.delete(sessionId);
      };
    },
    sessions: () => listeners.keys(),
    seen: () =>
      Array.from(
        listeners,
        ([id, readers]) => [id, Math.max(...Array.from(readers, (one) => one.seen()))] as const,
      ),
  };
}
