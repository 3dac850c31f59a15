import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { type Batches, toBatches } from "../../server/providers/batches.ts";
import type { Provider } from "../../server/providers/provider.ts";

/** Microseconds of the machine's monotonic clock, the same in every process. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

const SLOT_MS = 1;
export const LISTENING_MS = 500;

/** At full speed, in one turn of the event loop. */
const AT_ONCE = 64;

interface Sleeper {
  /** `performance.now()` */
  due: number;
  wake: () => void;
}

/**
 * A labelled stand-in for a model, inside the measured process so that reading a model's format is
 * not part of what is measured; it hands over what it says as the product's own providers do. Each
 * delta is `INDEX@MICROS ` (when it was made); the model's name says how many and how fast:
 * `COUNTxPER_SECOND`, where 0 a second means as fast as they are taken.
 */
export function createPacedProvider(): Provider {
  /** By the millisecond in which they are due: to look at a thousand costs as much as a word. */
  const sleepers = new Map<number, Sleeper[]>();
  let slot = 0;
  let timer: NodeJS.Timeout | undefined;

  /** One timer for all streams: a thousand of them would measure timers. */
  function sleep(sleeper: Sleeper): void {
    if (!timer) {
      slot = slotOf(performance.now());
      timer = setInterval(wakeDue, SLOT_MS);
    }
    const due = Math.max(slot, slotOf(sleeper.due));
    const others = sleepers.get(due);
    if (others) others.push(sleeper);
    else sleepers.set(due, [sleeper]);
  }

  function wakeDue(): void {
    for (const now = slotOf(performance.now()); slot < now; ) {
      const due = sleepers.get(slot) ?? [];
      sleepers.delete(slot);
      slot++;
      for (const { wake } of due) wake();
    }
    if (sleepers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  async function speak(model: string, batches: Batches, signal: AbortSignal): Promise<void> {
    const [count = 0, perSecond = 0] = model.split("x").map(Number);
    // Readers listen before the first word: with nothing stored they could not read it later.
    await delay(LISTENING_MS, undefined, { signal });
    const say = (index: number) =>
      batches.push([{ type: "text", text: `${index}@${nowMicros()} ` }]);
    if (perSecond > 0) await paced({ count, perSecond }, say, sleep, signal);
    else {
      for (let index = 0; index < count; index++) {
        if (index % AT_ONCE === AT_ONCE - 1) await nextTurn();
        if (batches.isFull()) await room(batches, signal);
        signal.throwIfAborted();
        say(index);
      }
    }
    batches.push([{ type: "finish", reason: "stop", usage: undefined }]);
  }

  return {
    name: "bench",
    takes: [],
    stream: ({ model }, signal) => toBatches((batches) => speak(model, batches, signal), signal),
  };
}

/** No promise for each delta: what measures is to cost little beside what is measured. */
function paced(
  { count, perSecond }: { count: number; perSecond: number },
  say: (index: number) => void,
  sleep: (sleeper: Sleeper) => void,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const gap = 1000 / perSecond;
  let index = 0;
  const sleeper: Sleeper = {
    due: performance.now() + Math.random() * gap,
    wake() {
      if (signal.aborted || index === count) {
        resolve();
        return;
      }
      say(index++);
      sleeper.due += gap;
      sleep(sleeper);
    },
  };
  sleep(sleeper);
  return promise;
}

function slotOf(ms: number): number {
  return Math.floor(ms / SLOT_MS);
}

function room(batches: Batches, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const goOn = () => {
      batches.onRoom = undefined;
      signal.removeEventListener("abort", goOn);
      resolve();
    };
    batches.onRoom = goOn;
    signal.addEventListener("abort", goOn);
  });
}
