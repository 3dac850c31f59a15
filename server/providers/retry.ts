import { setTimeout as delay } from "node:timers/promises";
import { ChatError } from "../errors.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import type { ProviderEvent } from "./provider.ts";

const MAX_RETRIES = 2;
/** A server that wants more is told to the reader instead: they may prefer another model to waiting. */
const MAX_WAIT_SECONDS = 10;
const PASSING: readonly ErrorCode[] = [
  "upstream_rate_limited",
  "upstream_failed",
  "upstream_unreachable",
  "upstream_cut",
];

/** Tries again what failed before its first event. After that nothing is repeated: it has been shown. */
export async function* withRetries(
  attempt: () => AsyncIterable<ProviderEvent>,
  baseMs: number,
  signal: AbortSignal,
): AsyncGenerator<ProviderEvent> {
  for (let tried = 0; ; tried += 1) {
    let begun = false;
    try {
      for await (const event of attempt()) {
        begun = true;
        yield event;
      }
      return;
    } catch (thrown) {
      const waitMs =
        begun || tried === MAX_RETRIES ? undefined : waitFor(thrown, baseMs * 2 ** tried);
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
