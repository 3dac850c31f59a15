import type { ControlledTransaction, Kysely } from "kysely";
import type { Database, Trx } from "../tables/schema.ts";
import type { Tail } from "./tail.ts";
import type { WriterGate } from "./writer-gate.ts";

/**
 * More would only make the first of them, and the deltas of all streams, wait longer for the last.
 */
const MAX_MEMBERS = 50;

/**
 * Thrown by a work that may still go on using its transaction: nothing else
 * must share that transaction.
 */
export class UnfinishedWork extends Error {}

/** The COMMIT that a unit of work may share with others. */
export interface PhysicalCommit {
  /** Units of work in it. */
  members: number;
  /** What the COMMIT alone took, where it was timed and reaches the disk. */
  syncMs: number | undefined;
}

interface Member {
  /**
   * In a transaction of its own: it was in one whose COMMIT failed, and who was to blame must show.
   */
  alone: boolean;
  work: (trx: Trx) => Promise<unknown>;
  physical: PhysicalCommit;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/**
 * Shares one physical commit, and so one fsync, among all units of work that ask for one in the
 * same turn of the event loop. Each work is a savepoint: it succeeds or fails alone. A work is done
 * again if another one broke the whole transaction (a full disk ends it) or its COMMIT, so it
 * touches nothing but the database.
 *
 * For an engine whose statements block the event loop (SQLite in this process): while a commit
 * runs nothing can arrive, so the end of the turn is the moment to look who has come. A lone
 * work waits for no timer.
 */
export class CommitGroup {
  readonly #db: Kysely<Database>;
  readonly #gate: WriterGate;
  readonly #tail: Tail;
  #queue: Member[] = [];
  #running = false;

  /** `gate` is shared with everyone else in this process who writes to the same file. */
  constructor(db: Kysely<Database>, gate: WriterGate, tail: Tail) {
    this.#db = db;
    this.#gate = gate;
    this.#tail = tail;
  }

  /**
   * Resolves with the work's result once it is durable; rejects with what failed, and then nothing
   * of it is stored. `physical` is filled in before.
   */
  run<T>(work: (trx: Trx) => Promise<T>, physical: PhysicalCommit): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({
        alone: false,
        work,
        physical,
        resolve: (value) => resolve(value as T),
        reject,
      });
      if (this.#running) return;
      this.#running = true;
      setImmediate(() => void this.#runGroups());
    });
  }

  async #runGroups(): Promise<void> {
    while (this.#queue.length > 0) {
      const firstAlone = this.#queue.findIndex((member) => member.alone);
      const size = firstAlone < 0 ? MAX_MEMBERS : Math.max(1, Math.min(firstAlone, MAX_MEMBERS));
      const members = this.#queue.splice(0, size);
      try {
        const again = await this.#gate.with(() => this.#commit(members));
        this.#queue.unshift(...again);
      } catch (error) {
        for (const member of members) member.reject(error);
      }
      // Whoever came meanwhile has been heard by now; let the others of this turn be heard, too.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#running = false;
  }

  /**
   * Settles every member but those it returns, which have to be done again. Rejects if the
   * transaction does not begin.
   */
  async #commit(members: readonly Member[]): Promise<Member[]> {
    await this.#tail.find();
    const trx = await this.#db.startTransaction().execute();
    const done: { member: Member; value: unknown }[] = [];
    const failed: { member: Member; error: unknown }[] = [];
    let again: Member[] = [];
    for (const [index, member] of members.entries()) {
      const outcome = await runMember(trx, member, members.length === 1);
      if (outcome.status === "done") {
        done.push({ member, value: outcome.value });
        continue;
      }
      failed.push({ member, error: outcome.error });
      if (outcome.status === "broken") {
        again = [...done.splice(0).map((one) => one.member), ...members.slice(index + 1)];
        break;
      }
    }
    const worked = performance.now();
    try {
      await (done.length > 0 ? trx.commit() : trx.rollback()).execute();
      const syncMs = performance.now() - worked;
      for (const { member } of done)
        Object.assign(member.physical, { members: done.length, syncMs });
      this.#tail.afterSteps();
    } catch (error) {
      const uncommitted = done.splice(0).map((one) => one.member);
      if (uncommitted.length > 1) again = uncommitted.map((member) => ({ ...member, alone: true }));
      else for (const member of uncommitted) failed.push({ member, error });
      await trx
        .rollback()
        .execute()
        .catch(() => {});
    }
    // Who failed by a conflict with another of the group looks for that one's
    // rows: they are there by now.
    for (const { member, value } of done) member.resolve(value);
    for (const { member, error } of failed) member.reject(error);
    return again;
  }
}

type Outcome =
  | { status: "done"; value: unknown }
  | { status: "failed"; error: unknown }
  /** The transaction of the whole group is not to be used any more. */
  | { status: "broken"; error: unknown };

async function runMember(
  trx: ControlledTransaction<Database>,
  member: Member,
  alone: boolean,
): Promise<Outcome> {
  if (alone) {
    try {
      return { status: "done", value: await member.work(trx.withoutPlugins()) };
    } catch (error) {
      return { status: "broken", error };
    }
  }
  const name = "member";
  const savepoint = await trx.savepoint(name).execute();
  try {
    const value = await member.work(savepoint.withoutPlugins());
    await savepoint.releaseSavepoint(name).execute();
    return { status: "done", value };
  } catch (error) {
    if (error instanceof UnfinishedWork) return { status: "broken", error };
    try {
      await savepoint.rollbackToSavepoint(name).execute();
      return { status: "failed", error };
    } catch {
      return { status: "broken", error };
    }
  }
}
