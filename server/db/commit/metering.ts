// What is told of a unit of work once it is over: metrics, the list of
// recent transactions, the log.
import type { Log } from "../../log.ts";
import { type CommitStatus, type Metrics, PHASES, type Phase } from "../../observe/metrics.ts";
import type { Operation } from "../../observe/operations.ts";
import { type Trace, within } from "../../observe/trace-context.ts";
import type { Explanation, SlowCause } from "../../protocol/transactions.ts";
import { isConflict, isConnectionLost } from "../engine/storage-errors.ts";
import type { StorageHealth } from "../engine/storage-health.ts";
import type { AppendLog } from "./append-log.ts";
import type { PhysicalCommit } from "./commit-group.ts";
import type { Phases } from "./outcome.ts";
import type { RecentTransactions } from "./recent-transactions.ts";

/** Whom a unit of work writes for; named where its transactions are listed. */
export interface Subject {
  sessionId?: string;
  turnId?: string;
}

/** What is measured of one unit of work beside its phases, filled in on its way. */
export interface Facts extends PhysicalCommit {
  attempts: number;
  /** What an attempt failed by that could be tried again. */
  hindrance: "lock_wait" | "connection_lost" | undefined;
  /** Characters of text handed to the database. */
  size: number;
  /** Of the request that it is for. */
  readonly trace: Trace | undefined;
}

export function newFacts(trace: Trace | undefined): Facts {
  return { attempts: 0, hindrance: undefined, size: 0, members: 1, syncMs: undefined, trace };
}

export function hindranceOf(error: unknown): Facts["hindrance"] {
  if (isConflict(error)) return "lock_wait";
  return isConnectionLost(error) ? "connection_lost" : undefined;
}

interface Outcome {
  status: CommitStatus;
  phases: Phases;
}

export interface MeteringDeps {
  metrics: Metrics;
  log: Log;
  recent: RecentTransactions;
  health: Pick<StorageHealth, "worked">;
  appendLog: Pick<AppendLog, "checkpointMs">;
}

export function meter(
  deps: MeteringDeps,
  operation: Operation,
  { sessionId, turnId }: Subject,
  outcome: Outcome,
  facts: Facts,
): void {
  const { metrics, recent } = deps;
  const { status, phases } = outcome;
  const { trace } = facts;
  const seconds = phases.wait + phases.body + phases.commit;
  if (status === "success") {
    metrics.committed[operation]();
    deps.health.worked();
    metrics.transactionDuration[operation].observe(seconds, trace?.exemplar);
  } else {
    metrics.transactionCommits.inc({ operation, status });
  }
  const spent = metrics.transactionPhase[operation];
  spent.wait.observe(phases.wait);
  spent.body.observe(phases.body);
  spent.commit.observe(phases.commit);
  const explanation = seconds > recent.slowSeconds ? explain(deps, outcome, facts) : undefined;
  const number = recent.add({
    at: Date.now(),
    operation,
    sessionId,
    turnId,
    traceId: trace?.traceId,
    status,
    seconds,
    phases,
    attempts: facts.attempts,
    size: facts.size,
    shared: facts.members,
    explanation,
  });
  if (!explanation) return;
  metrics.transactionSlow.inc({ operation });
  const about = {
    transaction_id: recent.idOf(number),
    operation,
    status,
    seconds,
    wait_seconds: phases.wait,
    body_seconds: phases.body,
    commit_seconds: phases.commit,
    longest_phase: explanation.phase,
    cause: explanation.cause,
    session_id: sessionId,
    turn_id: turnId,
  };
  // Who shares a commit is told of it in the trace of whoever began it.
  within(trace, () => deps.log.warn(about, "slow transaction"));
}

/** From this on the amount is a reason of its own. */
const BIG_TEXT = 1_000_000;

function explain(deps: MeteringDeps, outcome: Outcome, facts: Facts): Explanation {
  const { phases } = outcome;
  const [phase = "wait"] = PHASES.toSorted((a, b) => phases[b] - phases[a]);
  return { phase, cause: causeOf(deps, phase, outcome, facts) ?? null };
}

/** Only what was measured; a phase that took long for a reason nobody saw stays without one. */
function causeOf(
  { appendLog }: MeteringDeps,
  phase: Phase,
  { phases, status }: Outcome,
  { hindrance, size, syncMs }: Facts,
): SlowCause | undefined {
  switch (phase) {
    case "wait":
      return hindrance;
    case "body":
      if (status !== "success" && hindrance) return hindrance;
      return size >= BIG_TEXT ? "big_write" : undefined;
    case "commit": {
      const commitMs = phases.commit * 1000;
      // The rest is the way back from the thread, or others of the same group.
      if (syncMs === undefined || syncMs < commitMs / 2) return undefined;
      if (appendLog.checkpointMs(commitMs) >= commitMs / 2) return "checkpoint";
      return size >= BIG_TEXT ? "big_write" : "fsync";
    }
  }
}
