// From a socket's callbacks to a reader's `for await`: what came between two turns of
// the reader is one batch.
import type { ProviderEvent } from "./provider.ts";

/** Events that may wait for their reader before the source is asked to wait. */
const MANY = 4_096;

export interface Batches {
  /** The list is not the caller's any more. */
  push(events: ProviderEvent[]): void;
  /** Too much waits for the reader; `onRoom` is called once that has changed. */
  isFull(): boolean;
  onRoom: (() => void) | undefined;
  /** Something was pushed: it cannot be taken back. */
  hasShown(): boolean;
  /** Aborts when the reader stops, or leaves. */
  readonly left: AbortSignal;
}

type Result = IteratorResult<readonly ProviderEvent[], undefined>;
const END: Result = { done: true, value: undefined };

/** The same, of which only what becomes of its events is pushed. */
export function mapped(
  batches: Batches,
  toOthers: (events: ProviderEvent[]) => ProviderEvent[],
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
): AsyncIterator<readonly ProviderEvent[], undefined> {
  const leaving = new AbortController();
  let waiting: ProviderEvent[] = [];
  let wake: ((result: Result | Promise<Result>) => void) | undefined;
  let ended: { error?: unknown } | undefined;
  let begun = false;
  let shown = false;

  /** What the reader gets now; undefined: it waits. */
  const next = (): Promise<Result> | undefined => {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (waiting.length > 0) {
      const value = waiting;
      waiting = [];
      batches.onRoom?.();
      return Promise.resolve({ done: false, value });
    }
    if (!ended) return undefined;
    return "error" in ended ? Promise.reject(ended.error) : Promise.resolve(END);
  };
  const rouse = (): void => {
    const result = wake && next();
    if (!result) return;
    wake?.(result);
    wake = undefined;
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
      if (waiting.length > 0) waiting.push(...events);
      else if (wake && !signal.aborted) {
        // A word at a time: no turn in between, and nothing is copied.
        wake({ done: false, value: events });
        wake = undefined;
      } else waiting = events;
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
    next() {
      if (!begun && !signal.aborted) begin();
      return (
        next() ??
        new Promise((resolve) => {
          wake = resolve;
        })
      );
    },
    async return() {
      leave();
      end({});
      return await Promise.resolve(END);
    },
  };
}
