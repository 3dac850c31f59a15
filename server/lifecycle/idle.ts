import { every, unexpected } from "../shared/every.ts";

const LOOK_MS = 1_000;

export interface IdleWatch {
  /** Something was asked for: the time starts anew. */
  touch(): void;
  stop(): void;
}

/**
 * Calls `onIdle` once nothing has been busy and nobody has asked for `seconds`. Never, for null.
 * Immune to clock changes.
 */
export function watchIdle(
  seconds: number | null,
  companion: { isBusy(): boolean; onIdle(): void },
): IdleWatch {
  if (seconds === null) return { touch() {}, stop() {} };
  let lastUse = performance.now();
  const look = (): void => {
    if (companion.isBusy()) lastUse = performance.now();
    else if (performance.now() - lastUse >= seconds * 1000) {
      void looking.stop();
      companion.onIdle();
    }
  };
  const looking = every(LOOK_MS, look, unexpected);
  return {
    touch() {
      lastUse = performance.now();
    },
    stop: () => void looking.stop(),
  };
}
