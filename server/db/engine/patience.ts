// How long the database is asked again before somebody is told: the same for a commit and for a read.
import { setTimeout as delay } from "node:timers/promises";

const MAX_ATTEMPTS = 6;
/** Above Postgres' deadlock_timeout (1 s), after which it names a victim. */
const MAX_SECONDS = 5;

/** `started`: `performance.now()` before the first of the `attempts` that failed. */
export function isWorthAnotherTry(attempts: number, started: number): boolean {
  return attempts < MAX_ATTEMPTS && performance.now() - started < MAX_SECONDS * 1000;
}

export async function backOff(attempts: number): Promise<void> {
  await delay(5 + Math.random() * 20 * 2 ** attempts);
}
