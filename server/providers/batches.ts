// From a socket's callbacks to a reader's `for await`: what came between two turns of
// the reader is one batch.
import type { ProviderEvent } from "./provider.ts";

/** Events that may wait for their reader before the source is asked to wait. */
const MANY = 4_096;

export interface Batches {
  push(events: readonly ProviderEvent[]): void;
  /** Too much waits for the reader; `onRoom` is called once that has changed. */
  isFull(): boolean;
  onRoom: (() => void) | undefined;
  /** Something was pushed: it cannot be taken back. */
  hasShown(): boolean;
  /** Aborts when the reader stops, or leaves. */
  readonly left: AbortSignal;
}

/** The same, of which only what becomes of its events is pushed. */
export function mapped(
  batches: Batches,
  toOthers: (events: readonly ProviderEvent[]) => readonly ProviderEvent[],
): Batches {
  return {
    push: (events) => batches.push(toOthers(events)),
    isFull: batches.isFull,
    hasShown: batches.hasShown,
    left: batches.left,
    get onRoom() {
      return batches.onRoom;
    },
    set onRoom(told) {
      batches.onRoom = told;
    },
  };
}

/**
 * Runs `produce` from the first read on; when it ends the stream ends, with
 * its error if it rejects.
 */
export function toBatches(
  produce: (batches: Batches) => Promise<void>,
  signal: AbortSignal,
): AsyncIterable<readonly ProviderEvent[]> {
  return { [Symbol.asyncIterator]: () => iterate(produce, signal) };
}

function iterate(
  produce: (batches: Batches) => Promise<void>,
  signal: AbortSignal,
): AsyncIterator<readonly ProviderEvent[]> {
  const leaving = new AbortController();
  let waiting: ProviderEvent[] = [];
  let wake: (() => void) | undefined;
  let ended: { error?: unknown } | undefined;
  let begun = false;
  let shown = false;

  const rouse = (): void => {
    const woken = wake;
    wake = undefined;
    woken?.();
  };
  const leave = (): void => {
    leaving.abort(signal.reason);
    rouse();
  };
  const end = (how: { error?: unknown }): void => {
    ended ??= how;
    signal.removeEventListener("abort", leave);
    rouse();
  };
  const batches: Batches = {
    push(events) {
      if (events.length === 0) return;
      shown = true;
      if (waiting.length === 0) waiting = [...events];
      else waiting.push(...events);
      rouse();
    },
    isFull: () => waiting.length > MANY,
    onRoom: undefined,
    hasShown: () => shown,
    left: leaving.signal,
  };
  const begin = (): void => {
    begun = true;
    signal.addEventListener("abort", leave, { once: true });
    produce(batches).then(
      () => end({}),
      (error: unknown) => end({ error }),
    );
  };

  return {
    async next() {
      signal.throwIfAborted();
      if (!begun) begin();
      while (waiting.length === 0 && !ended && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      signal.throwIfAborted();
      if (waiting.length > 0) {
        const value = waiting;
        waiting = [];
        batches.onRoom?.();
        return { done: false, value };
      }
      if (ended && "error" in ended) throw ended.error;
      return { done: true, value: undefined };
    },
    async return() {
      leave();
      end({});
      return await Promise.resolve({ done: true as const, value: undefined });
    },
  };
}
