import { setImmediate as nextTurn } from "node:timers/promises";
import type { Provider, ProviderEvent } from "../../server/providers/provider.ts";

/** Microseconds of the machine's monotonic clock, the same in every process. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

const SLOT_MS = 1;
export const LISTENING_MS = 500;

/**
 * A labelled stand-in for a model, inside the measured process so that reading a model's format is
 * not part of what is measured. Each delta is `INDEX@MICROS ` (when it was made); the model's name
 * says how many and how fast: `COUNTxPER_SECOND`, where 0 a second means as fast as they are taken.
 */
export function createPacedProvider(): Provider {
  const waiting = new Set<{ due: number; wake: () => void }>();
  let timer: NodeJS.Timeout | undefined;

  /** One timer for all streams: a thousand of them would measure timers. */
  function until(due: number): Promise<void> {
    return new Promise((resolve) => {
      waiting.add({ due, wake: resolve });
      timer ??= setInterval(() => {
        const now = performance.now();
        for (const one of waiting) {
          if (one.due > now) continue;
          waiting.delete(one);
          one.wake();
        }
        if (waiting.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      }, SLOT_MS);
    });
  }

  return {
    name: "bench",
    takes: [],
    async *stream({ model }, signal): AsyncGenerator<ProviderEvent[]> {
      const [count = 0, perSecond = 0] = model.split("x").map(Number);
      const gap = perSecond > 0 ? 1000 / perSecond : 0;
      // Readers listen before the first word: with nothing stored they could not read it later.
      await until(performance.now() + LISTENING_MS);
      let due = performance.now() + Math.random() * gap;
      for (let index = 0; index < count; index++) {
        if (gap > 0) {
          await until(due);
          due += gap;
        } else if (index % 64 === 63) {
          await nextTurn();
        }
        signal.throwIfAborted();
        yield [{ type: "text", text: `${index}@${nowMicros()} ` }];
      }
      yield [{ type: "finish", reason: "stop", usage: undefined }];
    },
  };
}
