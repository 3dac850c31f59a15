// How long the database is asked again before somebody is told: the same for
// a commit and for a read.
import { setTimeout as delay } from "node:timers/promises";
import type { Operation } from "../../observe/operations.ts";

const MAX_ATTEMPTS = 6;
/** Above Postgres' deadlock_timeout (1 s), after which it names a victim. */
const MAX_SECONDS = 5;

/** Seconds that an answer waits for a database that is away. */
export const DEFAULT_PATIENCE_SECONDS = 60;
/**
 * Whoever sent something waits for what becomes of it, and so do the proxies in between: some
 * for no longer than this.
 */
const MAX_ASKED_SECONDS = 30;

/** Steps of an answer that runs: its model is made to wait, not its reader. */
const OF_AN_ANSWER: ReadonlySet<Operation> = new Set([
  "append_chunks",
  "hold_answer",
  "agent_switched",
  "tool_call",
  "plan_step",
  "steer_turn",
  "complete_turn",
]);
/** They come again by themselves, or tell at once whether storing works. */
const COMES_AGAIN: ReadonlySet<Operation> = new Set([
  "fail_turn",
  "interrupt_turn",
  "renew_lease",
  "recover_turns",
  "send_queued",
  "compact_turn",
  "probe_storage",
  "renew_witness",
]);

/**
 * Seconds that `operation` waits for a database that is away, where answers wait for `patience`.
 */
export function patienceOf(operation: Operation, patience: number): number {
  if (COMES_AGAIN.has(operation)) return MAX_SECONDS;
  return OF_AN_ANSWER.has(operation) ? patience : askedPatience(patience);
}

/** Of who asks for something over HTTP. */
export function askedPatience(patience: number): number {
  return Math.min(patience, MAX_ASKED_SECONDS);
}

/** `started`: `performance.now()` before the first of the `attempts` that failed. */
export function isWorthAnotherTry(attempts: number, started: number): boolean {
  return attempts < MAX_ATTEMPTS && performance.now() - started < MAX_SECONDS * 1000;
}

/**
 * Who holds a lock lets it go when it likes: time decides, since six tries may be over in
 * a tenth of a second. `since`: the first of the tries that met it.
 */
export function isWorthWaitingForLock(since: number): boolean {
  return isWorthWaiting(since, MAX_SECONDS);
}

/** The same for a database that is away for as long as `seconds`, however often it was asked. */
export function isWorthWaiting(started: number, seconds: number): boolean {
  return performance.now() - started < seconds * 1000;
}

/** Tries of one that is away come no rarer: it is found soon after it is back. */
const MAX_BACK_OFF = 4;

export async function backOff(attempts: number): Promise<void> {
  await delay(5 + Math.random() * 20 * 2 ** Math.min(attempts, MAX_BACK_OFF + 1));
}
