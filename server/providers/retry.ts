import { setTimeout as delay } from "node:timers/promises";
import { ChatError } from "../errors.ts";
import type { ErrorCode } from "../protocol/errors.ts";

const MAX_RETRIES = 2;
/** A server that wants more is told to the reader instead: they may prefer another model to waiting. */
const MAX_WAIT_SECONDS = 10;
const PASSING: readonly ErrorCode[] = [
  "upstream_rate_limited",
  "upstream_failed",
  "upstream_unreachable",
  "upstream_cut",
];

/** Tries again what failed before it has shown anything. After that nothing is repeated. */
export async function withRetries(
  attempt: () => Promise<void>,
  hasShown: () => boolean,
  baseMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (let tried = 0; ; tried += 1) {
    try {
      await attempt();
      return;
    } catch (thrown) {
      const isLast = hasShown() || tried === MAX_RETRIES;
      const waitMs = isLast ? undefined : waitFor(thrown, baseMs * 2 ** tried);
      if (waitMs === undefined) throw thrown;
      await delay(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

function waitFor(thrown: unknown, backOffMs: number): number | undefined {
  if (!(thrown instanceof ChatError) || !PASSING.includes(thrown.code)) return undefined;
  const asked = thrown.retryAfterSeconds;
  if (asked === undefined) return backOffMs * (0.75 + Math.random() / 2);
  return asked <= MAX_WAIT_SECONDS ? asked * 1000 : undefined;
}
