// From a socket's callbacks to whoever takes the events: each batch is handed over in the call that
// read it, without a promise, since nearly every batch is a word. What comes while the taker has
// asked to wait is one batch.
import type { EventStream, ProviderEvent, Take } from "./provider.ts";

/** Events that may wait for their taker before the source is asked to wait. */
const MANY = 4_096;

export interface Batches {
  /** The list is not the caller's any more. */
  push(events: ProviderEvent[]): void;
  /** Too much waits for the taker; `onRoom` is called once that has changed. */
  isFull(): boolean;
  onRoom: (() => void) | undefined;
  /** Something was pushed: it cannot be taken back. */
  hasShown(): boolean;
  /** Aborts when the taker stops, or leaves. */
  readonly left: AbortSignal;
}

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

/** Runs `produce` for each reader; when it ends the stream ends, with its error if it rejects. */
export function toBatches(
  produce: (batches: Batches) => Promise<void>,
  signal: AbortSignal,
): EventStream {
  return {
    each: (take) => deliver(produce, signal, take).over,
    [Symbol.asyncIterator]: () => iterate(produce, signal),
  };
}

/** Hands over all of a stream, the quick way where there is one. */
export async function forEachBatch(stream: EventStream, take: Take): Promise<void> {
  if (stream.each) {
    await stream.each(take);
    return;
  }
  for await (const events of stream) await take(events);
}

interface Delivery {
  /** Settles when all is taken, or nobody takes any more. */
  over: Promise<void>;
  leave(reason?: unknown): void;
}

function deliver(
  produce: (batches: Batches) => Promise<void>,
  signal: AbortSignal,
  take: Take,
): Delivery {
  const leaving = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let waiting: ProviderEvent[] = [];
  let isWaiting = false;
  let isOver = false;
  let shown = false;
  let ended: (() => void) | undefined;

  const settle = (how: () => void): void => {
    isOver = true;
    signal.removeEventListener("abort", abort);
    how();
  };
  const leave = (reason?: unknown): void => {
    if (isOver) return;
    settle(() => reject(reason));
    leaving.abort(reason);
  };
  const abort = (): void => leave(signal.reason);
  const hand = (events: readonly ProviderEvent[]): void => {
    let room: Promise<void> | undefined;
    try {
      room = take(events);
    } catch (error) {
      leave(error);
      return;
    }
    if (!room) return;
    isWaiting = true;
    room.then(goOn, leave);
  };
  const goOn = (): void => {
    isWaiting = false;
    if (isOver) return;
    if (waiting.length > 0) {
      const events = waiting;
      waiting = [];
      hand(events);
      batches.onRoom?.();
    }
    if (ended && !isWaiting) settle(ended);
  };
  const end = (how: () => void): void => {
    ended = how;
    if (!isWaiting && !isOver) settle(how);
  };
  const batches: Batches = {
    push(events) {
      if (events.length === 0 || isOver) return;
      shown = true;
      if (isWaiting) waiting.push(...events);
      else hand(events);
    },
    isFull: () => waiting.length > MANY,
    onRoom: undefined,
    hasShown: () => shown,
    left: leaving.signal,
  };

  if (signal.aborted) abort();
  else {
    signal.addEventListener("abort", abort, { once: true });
    produce(batches).then(
      () => end(resolve),
      (error: unknown) => end(() => reject(error)),
    );
  }
  return { over: promise, leave };
}

type Result = IteratorResult<readonly ProviderEvent[], undefined>;
const END: Result = { done: true, value: undefined };

/** The same for `for await`: it runs from the first read on. */
function iterate(
  produce: (batches: Batches) => Promise<void>,
  signal: AbortSignal,
): AsyncIterator<readonly ProviderEvent[], undefined> {
  let delivery: Delivery | undefined;
  let asked: ((result: Result | Promise<Result>) => void) | undefined;
  let given: { value: readonly ProviderEvent[]; taken: () => void } | undefined;
  let ended: Promise<Result> | undefined;

  const take: Take = (value) => {
    if (!asked) {
      return new Promise((taken) => {
        given = { value, taken };
      });
    }
    asked({ done: false, value });
    asked = undefined;
    return undefined;
  };
  const end = (how: Promise<Result>): void => {
    ended ??= how;
    asked?.(ended);
    asked = undefined;
  };
  const begin = (): Delivery => {
    const begun = deliver(produce, signal, take);
    const result = begun.over.then(() => END);
    result.then(
      () => end(result),
      () => end(result),
    );
    return begun;
  };

  return {
    next() {
      if (signal.aborted) return Promise.reject(signal.reason);
      if (ended) return ended;
      delivery ??= begin();
      if (!given) {
        return new Promise((resolve) => {
          asked = resolve;
        });
      }
      const { value, taken } = given;
      given = undefined;
      taken();
      return Promise.resolve({ done: false, value });
    },
    async return() {
      end(Promise.resolve(END));
      delivery?.leave();
      return await Promise.resolve(END);
    },
  };
}
