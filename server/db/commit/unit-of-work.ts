import type { ControlledTransaction, Kysely } from "kysely";
import { ChatError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../observe/metrics.ts";
import { isOperation, type Operation } from "../../observe/operations.ts";
import { currentTrace, type Trace, within } from "../../observe/trace-context.ts";
import { insideWork } from "../engine/guarded-dialect.ts";
import { backOff, DEFAULT_PATIENCE_SECONDS, patienceOf } from "../engine/patience.ts";
import { onTwo, type SecondMachine, secondFor } from "../engine/second-machine.ts";
import {
  isConflict,
  isConnectionLost,
  toStorageError,
  wasNeverSent,
} from "../engine/storage-errors.ts";
import type { StorageHealth } from "../engine/storage-health.ts";
import type { Numbered } from "../tables/chunks.ts";
import type { Database, Trx } from "../tables/schema.ts";
import type { AppendLog, AppendRequest } from "./append-log.ts";
import { withDeadline } from "./body-deadline.ts";
import type { CommitGroup } from "./commit-group.ts";
import { type InsertGroup, LARGEST_SHARED } from "./insert-group.ts";
import { type Facts, hindranceOf, meter, newFacts, type Subject } from "./metering.ts";
import { insertRows, type NewRows, sizeOf } from "./new-rows.ts";
import {
  type Failed,
  mayTryAgain,
  outcomeOfAppend,
  outcomeOfInsert,
  type ReadBack,
  type Succeeded,
  toPhases,
  type Unknown,
} from "./outcome.ts";
import { noteWait, resolveUnknown } from "./read-back.ts";
import type { RecentTransactions } from "./recent-transactions.ts";
import { beginScope, type Scope } from "./scope.ts";
import type { Tail } from "./tail.ts";

/** What every unit of work needs; made once. */
export interface UnitOfWorkDeps {
  db: Kysely<Database>;
  /** Shares physical commits; undefined: each commit is a transaction of its own on `db`. */
  group: CommitGroup | undefined;
  /** The hot path: shares the commits of `append` on any engine. */
  appendLog: AppendLog;
  /** Shares the commits of `insert`; undefined: each is a step as all others. */
  insertGroup: InsertGroup | undefined;
  /** What of it each step settles first; undefined where `append` leaves nothing to settle. */
  tail: Pick<Tail, "settleInStep"> | undefined;
  metrics: Metrics;
  log: Log;
  health: StorageHealth;
  /** Where each is listed; says which are slow, and so counted and told in the log. */
  recent: RecentTransactions;
  /** How long an answer waits for a database that is away. */
  patienceSeconds?: number;
  /** A commit is none before that has it, too. */
  secondMachine?: SecondMachine | undefined;
}

/** Runs once the surrounding transaction is committed, in the order of registration. */
export type AfterCommit = (hook: () => void) => void;

export type Work<T> = (trx: Trx, afterCommit: AfterCommit) => Promise<T>;

/**
 * What one stream writes, in micro-transactions. `commit(operation, work)` is the only way to
 * write: it begins, runs `work`, commits and meters; if anything throws, nothing of that `work`
 * is stored. What an earlier `commit` stored stays. There is no begin that could be left open.
 *
 * One instance belongs to one flow (a turn, a request): commits follow one another,
 * they do not nest or overlap.
 */
export class SSEUnitOfWork {
  readonly #deps: UnitOfWorkDeps;
  readonly #owner: ControlledTransaction<Database> | undefined;
  readonly #subject: Subject;
  /** Of the request that it is for. */
  readonly trace: Trace | undefined = currentTrace();
  #state: "idle" | "open" | "closed" = "idle";
  #held: (() => void)[] = [];

  /**
   * @param deps `deps.db` is a pool, or one connection that the caller lends
   *   (`db.connection()`); whoever opened it closes it.
   * @param subject named in the list of transactions and in warnings.
   */
  constructor(
    deps: UnitOfWorkDeps,
    subject: Subject = {},
    owner?: ControlledTransaction<Database>,
  ) {
    this.#deps = deps;
    this.#subject = subject;
    this.#owner = owner;
  }

  /**
   * A unit of work inside a transaction that somebody else owns: each `commit` is a savepoint,
   * released or returned to. Nothing is durable and no after-commit hook runs until the owner has
   * committed and says so with `close({ ownerCommitted: true })`. The owner's transaction is never
   * committed or closed here.
   */
  static borrowing(
    owner: ControlledTransaction<Database>,
    deps: UnitOfWorkDeps,
    subject: Subject = {},
  ): SSEUnitOfWork {
    if (owner.isCommitted || owner.isRolledBack) {
      throw new ChatError("internal", "The borrowed transaction has already ended.");
    }
    return new SSEUnitOfWork(deps, subject, owner);
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /**
   * Stores what `work` writes, all or nothing, and resolves with its result once that is durable.
   *
   * Rejects with what `work` threw, or with a `ChatError`: `storage_*` and `database_unavailable`
   * (nothing stored), `commit_failed` (a statement failed and was swallowed, or the COMMIT failed:
   * nothing stored), `commit_outcome_unknown` (the connection broke during COMMIT and `readBack`
   * was not given or could not be asked for 15 s, or for as long as it waits). Lock conflicts and
   * serialization failures run `work` again, and a database that is away is waited for
   * (`patience.ts`); therefore `work` touches nothing but the database.
   */
  async commit<T>(operation: Operation, work: Work<T>, readBack?: ReadBack): Promise<T> {
    this.#enter(operation);
    const facts = newFacts(currentTrace());
    const started = performance.now();
    return await this.#perform(operation, facts, started, () =>
      this.#attempt(operation, work, { started, facts, readBack }),
    );
  }

  /**
   * `commit` for the step that comes by the thousand: chunks of an answer, appended to the
   * session's log under its lease. The physical commit is shared with all streams that append at
   * this moment; this one succeeds or fails alone. `onCommit` is its after-commit hook. Rejects
   * like `commit`, and with `lease_lost` or `not_found`.
   */
  append(
    operation: Operation,
    append: AppendRequest,
    onCommit: (done: Numbered) => void,
  ): Promise<Numbered> {
    return new Promise((resolve, reject) => {
      this.put(operation, append, onCommit, (done, error) => {
        if (done) resolve(done);
        else reject(error);
      });
    });
  }

  /**
   * `append` without a promise: it runs for each word of each stream. `settle` is called once, with
   * undefined where it would have rejected; it may go on with the next, and must not throw. Whose
   * async context it has is left open: the trace is `trace`.
   */
  put(
    operation: Operation,
    append: AppendRequest,
    onCommit: (done: Numbered) => void,
    settle: (done: Numbered | undefined, error?: unknown) => void,
  ): void {
    if (this.#owner) {
      const message = `${operation}: a borrowed transaction cannot share a commit.`;
      throw new ChatError("internal", message);
    }
    this.#enter(operation);
    const facts = newFacts(this.trace);
    for (const { payload } of append.rows) facts.size += payload.length;
    const started = performance.now();
    this.#deps.appendLog.put(append, (result, error) => {
      if (result?.status === "committed") {
        facts.attempts = 1;
        facts.members = result.members;
        facts.syncMs = result.syncMs;
        const phases = toPhases(started, result.began, result.worked, performance.now());
        meter(this.#deps, operation, this.#subject, { status: "success", phases }, facts);
        this.#runHook(onCommit, result, this.trace);
      }
      if (!result || result.status === "committed") {
        this.#state = "idle";
        settle(result, error);
        return;
      }
      // Rare: read back, or tried again, as every other step.
      let first: typeof result | undefined = result;
      const attempt = async () => {
        const attempted = first ?? (await this.#deps.appendLog.append(append));
        first = undefined;
        return outcomeOfAppend(attempted, append, onCommit, started, facts);
      };
      // What the group was begun by is another's trace.
      void within(this.trace, () =>
        this.#perform(operation, facts, started, attempt).then(settle, (thrown: unknown) =>
          settle(undefined, thrown),
        ),
      );
    });
  }

  /**
   * `commit` for a step that only inserts, shared with those who do so at this moment; it succeeds
   * or fails alone.
   */
  async insert(
    operation: Operation,
    rows: NewRows,
    onCommit: () => void,
    readBack: ReadBack,
  ): Promise<void> {
    const { insertGroup } = this.#deps;
    const size = sizeOf(rows);
    if (!insertGroup || this.#owner || size > LARGEST_SHARED) {
      const work: Work<void> = async (trx, afterCommit) => {
        afterCommit(onCommit);
        await insertRows(trx, rows);
      };
      await this.commit(operation, work, readBack);
      return;
    }
    this.#enter(operation);
    const facts = { ...newFacts(currentTrace()), size };
    const started = performance.now();
    await this.#perform(operation, facts, started, async () =>
      outcomeOfInsert(await insertGroup.insert(rows), onCommit, readBack, started, facts),
    );
  }

  #succeed<T>(operation: Operation, outcome: Succeeded<T>, facts: Facts): T {
    meter(this.#deps, operation, this.#subject, outcome, facts);
    this.#runHooks(outcome.hooks, facts.trace);
    return outcome.value;
  }

  async #perform<T>(
    operation: Operation,
    facts: Facts,
    started: number,
    attempt: () => Promise<Succeeded<T> | Failed | Unknown<T>>,
  ): Promise<T> {
    const seconds = patienceOf(operation, this.#deps.patienceSeconds ?? DEFAULT_PATIENCE_SECONDS);
    let lockedSince: number | undefined;
    try {
      for (;;) {
        facts.attempts++;
        const attempted = await attempt();
        const outcome =
          attempted.status === "unknown"
            ? await resolveUnknown(this.#deps, this.#subject, attempted, { started, seconds })
            : attempted;
        if (outcome.status === "success") {
          return this.#succeed(operation, outcome, facts);
        }
        facts.hindrance = hindranceOf(outcome.error) ?? facts.hindrance;
        // From here on, for the database may have been away before.
        lockedSince = isConflict(outcome.error) ? (lockedSince ?? performance.now()) : undefined;
        const waits = { attempts: facts.attempts, started, lockedSince, seconds };
        if (this.#owner || !mayTryAgain(outcome, waits)) {
          meter(this.#deps, operation, this.#subject, outcome, facts);
          const error = toStorageError(outcome.error);
          if (error instanceof ChatError) this.#deps.health.failed(error.code);
          throw error;
        }
        noteWait(this.#deps.health, outcome.error, started);
        this.#deps.metrics.transactionRetries.inc({ operation });
        await backOff(facts.attempts);
      }
    } finally {
      this.#state = "idle";
    }
  }

  /** Ends it. With a borrowed transaction, `ownerCommitted` decides whether held hooks run. */
  close(how: { ownerCommitted: boolean } = { ownerCommitted: false }): void {
    if (this.#state === "open") {
      throw new ChatError("internal", "A unit of work was closed while it commits.");
    }
    const held = this.#held;
    this.#held = [];
    this.#state = "closed";
    if (!how.ownerCommitted) return;
    for (const hook of held) this.#runHook(hook, undefined, currentTrace());
  }

  #enter(operation: Operation): void {
    if (!isOperation(operation)) {
      throw new ChatError("internal", `Unknown operation ${JSON.stringify(operation)}.`);
    }
    if (this.#state === "closed") {
      throw new ChatError("internal", `${operation}: this unit of work is closed.`);
    }
    if (this.#state === "open" || insideWork.getStore()) {
      throw new ChatError("internal", `${operation}: a unit of work cannot commit inside another.`);
    }
    if (this.#owner && (this.#owner.isCommitted || this.#owner.isRolledBack)) {
      throw new ChatError("internal", `${operation}: the borrowed transaction has already ended.`);
    }
    this.#state = "open";
  }

  async #attempt<T>(
    operation: Operation,
    work: Work<T>,
    { started, facts, readBack }: { started: number; facts: Facts; readBack: ReadBack | undefined },
  ): Promise<Succeeded<T> | Failed | Unknown<T>> {
    let hooks: (() => void)[] = [];
    let began: number | undefined;
    let worked: { at: number; value: T } | undefined;
    let scope: Scope | undefined;
    const body = async (trx: Trx): Promise<T> => {
      // A group may have to do it again.
      hooks = [];
      worked = undefined;
      facts.size = 0;
      began = performance.now();
      this.#deps.tail?.settleInStep(operation, this.#subject.sessionId);
      const value = await withDeadline(
        operation,
        insideWork.run(facts, () => work(trx, (hook) => hooks.push(hook))),
      );
      worked = { at: performance.now(), value };
      return value;
    };
    try {
      let value: T;
      if (this.#deps.group && !this.#owner) {
        value = await this.#deps.group.run(body, facts);
      } else {
        value = await onTwo(secondFor(operation, this.#deps.secondMachine), async () => {
          scope = await beginScope(this.#deps.db, this.#owner);
          const done = await body(scope.trx);
          await scope.commit();
          return done;
        });
      }
      const ended = performance.now();
      const phases = toPhases(started, began ?? ended, worked?.at ?? ended, ended);
      return { status: "success", value, hooks, phases };
    } catch (error) {
      const now = performance.now();
      const phases = toPhases(started, began ?? now, worked?.at ?? now, now);
      await this.#rollback(scope, operation);
      if (!worked || wasNeverSent(error)) return { status: "rollback", error, phases };
      if (this.#owner || !isConnectionLost(error)) return { status: "error", error, phases };
      const { value } = worked;
      const recover =
        readBack && (async (trx: Trx) => ((await readBack(trx)) ? { value, hooks } : undefined));
      return { status: "unknown", recover, phases, error };
    }
  }

  /** Never throws: the first error counts; what cannot roll back its driver discards. */
  async #rollback(scope: Scope | undefined, operation: Operation): Promise<void> {
    try {
      await scope?.rollback();
    } catch (err) {
      this.#deps.log.warn({ err, operation, turn_id: this.#subject.turnId }, "a rollback failed");
    }
  }

  /** Own transaction: at once, the commit is done. Borrowed: held until the owner says so. */
  #runHooks(hooks: (() => void)[], trace: Trace | undefined): void {
    if (this.#owner) this.#held.push(...hooks);
    else for (const hook of hooks) this.#runHook(hook, undefined, trace);
  }

  /** In the trace of whoever began the commit: to enter its own for each word is dear. */
  #runHook<T>(hook: (done: T) => void, done: T, trace: Trace | undefined): void {
    try {
      hook(done);
    } catch (err) {
      // The commit stands; a reader that missed the news finds the rows.
      const about = { err, turn_id: this.#subject.turnId };
      within(trace, () => this.#deps.log.error(about, "an after-commit hook failed"));
    }
  }
}
