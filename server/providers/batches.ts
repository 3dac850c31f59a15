// From a socket's callbacks to a reader's `for await`: what came between two turns of the reader is one batch.
import type { ProviderEvent } from "./provider.ts";

/** Events that may wait for their reader before the source is asked to wait. */
const MANY = 4_096;

export interface Batches {
  /** They are the reader's from here on. */
  push(events: ProviderEvent[]): void;
  /** Too much waits for the reader; `onRoom` is called once that has changed. */
  isFull(): boolean;
  onRoom: (() => void) | undefined;
  /** Something was pushed: it cannot be taken back. */
  hasShown(): boolean;
  /** Aborts when the reader stops, or leaves. */
  readonly left: AbortSignal;
}

/** Runs `produce` from the first read on; when it ends the stream ends, with its error if it rejects. */
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
  let asked: PromiseWithResolvers<IteratorResult<readonly ProviderEvent[]>> | undefined;
  let ended: { error?: unknown } | undefined;
  let begun = false;
  let shown = false;

  /** Answers the reader, if there is something to say: without a turn in between, since this is done for each delta. */
  const rouse = (): void => {
    if (!asked || (waiting.length === 0 && !ended && !signal.aborted)) return;
    const { resolve, reject } = asked;
    asked = undefined;
    if (signal.aborted) reject(signal.reason);
    else if (waiting.length > 0) {
      const value = waiting;
      waiting = [];
      resolve({ done: false, value });
      batches.onRoom?.();
    } else if (ended && "error" in ended) reject(ended.error);
    else resolve({ done: true, value: undefined });
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
      if (waiting.length === 0) waiting = events;
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
    next() {
      asked = Promise.withResolvers();
      const { promise } = asked;
      if (!begun && !signal.aborted) begin();
      rouse();
      return promise;
    },
    async return() {
      leave();
      end({});
      return await Promise.resolve({ done: true as const, value: undefined });
    },
  };
}
