import { setTimeout as delay } from "node:timers/promises";
import { ChatError } from "../../errors.ts";
import type { ErrorCode } from "../../protocol/errors.ts";

const MAX_RETRIES = 2;
/**
 * A server that wants more is told to the reader instead: they may prefer another model to waiting.
 */
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

/** Whether it may go well in a moment. */
export function isPassing({ code, mayPass }: ChatError): boolean {
  return mayPass ?? (PASSING.includes(code) || code === "upstream_timeout");
}

/**
 * Before the next connection for the same answer: as long as the server asks for, within reason.
 */
export async function backOff(
  { retryAfterSeconds: asked }: ChatError,
  backOffMs: number,
  signal: AbortSignal,
): Promise<void> {
  const waitMs = asked === undefined ? spread(backOffMs) : Math.min(asked, MAX_WAIT_SECONDS) * 1000;
  await delay(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}

function waitFor(thrown: unknown, backOffMs: number): number | undefined {
  if (!(thrown instanceof ChatError)) return undefined;
  if (!(thrown.mayPass ?? PASSING.includes(thrown.code))) return undefined;
  const asked = thrown.retryAfterSeconds;
  if (asked === undefined) return spread(backOffMs);
  return asked <= MAX_WAIT_SECONDS ? asked * 1000 : undefined;
}

/** Many that failed together do not come back together. */
function spread(ms: number): number {
  return ms * (0.75 + Math.random() / 2);
}
