// What became of one attempt at a unit of work.
import { ChatError } from "../../errors.ts";
import type { Phase } from "../../observe/metrics.ts";
import { isWorthAnotherTry, isWorthWaiting, isWorthWaitingForLock } from "../engine/patience.ts";
import { isConnectionLost, wasNeverSent } from "../engine/storage-errors.ts";
import { committedAt, type Numbered } from "../tables/chunks.ts";
import type { Trx } from "../tables/schema.ts";
import type { AppendRequest, AppendResult } from "./append-log.ts";
import type { PhysicalCommit } from "./commit-group.ts";
import type { InsertResult } from "./insert-group.ts";

/** Seconds. The wait of a transaction that was tried again includes its failed attempts. */
export type Phases = Record<Phase, number>;

export function toPhases(started: number, began: number, worked: number, ended: number): Phases {
  return {
    wait: (began - started) / 1000,
    body: (worked - began) / 1000,
    commit: (ended - worked) / 1000,
  };
}

export interface Succeeded<T> {
  status: "success";
  value: T;
  hooks: (() => void)[];
  phases: Phases;
}

export interface Failed {
  /** `rollback`: the work failed; `error`: the COMMIT did. Nothing was stored. */
  status: "rollback" | "error";
  error: unknown;
  phases: Phases;
}

/**
 * After a COMMIT whose answer was lost: reads whether it took effect. It must lock a row that the
 * work wrote, so that it waits for a COMMIT that is still on its way.
 */
export type ReadBack = (trx: Trx) => Promise<boolean>;

export interface Unknown<T> {
  status: "unknown";
  error: unknown;
  /** Reads what came of it; undefined if nothing did, or if nobody said how to read it. */
  recover: ((trx: Trx) => Promise<{ value: T; hooks: (() => void)[] } | undefined>) | undefined;
  phases: Phases;
}

/** Where the connection was lost with the COMMIT, the session's row tells what became of it. */
export function outcomeOfAppend(
  result: AppendResult,
  append: AppendRequest,
  onCommit: (done: Numbered) => void,
  started: number,
  physical: PhysicalCommit,
): Succeeded<Numbered> | Failed | Unknown<Numbered> {
  physical.members = result.members;
  physical.syncMs = result.syncMs;
  const phases = toPhases(started, result.began, result.worked, performance.now());
  if (result.status === "committed") {
    return { status: "success", value: result, hooks: [() => onCommit(result)], phases };
  }
  const { stage, error } = result;
  if (stage === "work" || wasNeverSent(error)) return { status: "rollback", error, phases };
  if (!isConnectionLost(error)) return { status: "error", error, phases };
  const recover = async (trx: Trx) => {
    const value = await committedAt(trx, append.sessionId, append.commitId);
    return value && { value, hooks: [() => onCommit(value)] };
  };
  return { status: "unknown", recover, error, phases };
}

/** The same of rows that were inserted with others'. */
export function outcomeOfInsert(
  result: InsertResult,
  onCommit: () => void,
  readBack: ReadBack,
  started: number,
  physical: PhysicalCommit,
): Succeeded<void> | Failed | Unknown<void> {
  physical.members = result.members;
  const phases = toPhases(started, result.began, result.worked, performance.now());
  const done = { value: undefined, hooks: [onCommit] };
  if (result.status === "committed") return { status: "success", ...done, phases };
  const { stage, error } = result;
  if (stage === "work" || wasNeverSent(error)) return { status: "rollback", error, phases };
  if (!isConnectionLost(error)) return { status: "error", error, phases };
  const recover = async (trx: Trx) => ((await readBack(trx)) ? done : undefined);
  return { status: "unknown", recover, error, phases };
}

/** What decides whether a step is tried again. */
interface Waits {
  attempts: number;
  /** `performance.now()`, as `lockedSince`: of the first of the latest tries that met a lock. */
  started: number;
  lockedSince: number | undefined;
  seconds: number;
}

/** Only what surely left nothing behind is done again. */
export function mayTryAgain(
  { status, error }: Failed,
  { attempts, started, lockedSince, seconds }: Waits,
): boolean {
  if (status === "rollback" && isConnectionLost(error)) {
    return isWorthAnotherTry(attempts, started) || isWorthWaiting(started, seconds);
  }
  if (lockedSince === undefined) return false;
  // A commit that waits for a standby holds its locks: the database is as good as away.
  return isWorthWaitingForLock(lockedSince) || isWorthWaiting(started, seconds);
}

export function outcomeUnknown(cause: unknown): ChatError {
  return new ChatError(
    "commit_outcome_unknown",
    "The database went away while saving, so it is not known whether the last step was saved.",
    { cause, hint: "Sending the same message again is safe: it takes effect once." },
  );
}
