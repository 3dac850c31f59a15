// The tail: where the words of all answers are on SQLite before they have their place in the log.
//
// A row of `chunks` by itself costs three scattered pages: its own, one of the index that only its
// session uses, and that of the session's wide row. So a group of appends writes its rows one
// behind the other into `tail`, which has no index, and nothing else; its COMMIT is what makes
// them durable, and they are shown after it. Within about a second they are settled, many of a
// session together: moved into `settled_chunks`, and `last_seq` and `last_commit` of the session's
// row set to the newest.
//
// - What the database says is true at any moment: the view `chunks` is what is settled and those
//   rows of the tail that lie beyond their session's `last_seq`. Settling moves both at once.
// - Steps see no tail: theirs is the connection of the steps, where `chunks` is what is settled
//   (open.ts), and each settles its session first, in its own transaction (`settleInStep`).
// - Who reads `last_seq` elsewhere asks `newestSeq`, since the row is up to a second behind.
// - Nothing here has to be right for the rows to be safe. What is known of the tail is kept in
//   memory, filled by what the thread has acknowledged; settling twice does nothing, a hole is
//   refused, and what is removed is what the database says is settled (settle.ts). If the thread
//   dies, nothing is known any more: all is settled before the next write, as at the start.
// - Rows that are settled stay until others are written over them (tail-places.ts); what the
//   statement that does so finds unsettled it refuses to touch.
import type { Operation } from "../../observe/operations.ts";
import type { Settling, Unsettled } from "./settle.ts";
import { TailPlaces } from "./tail-places.ts";

/** So long that an answer's words fill some page of its log; a start has to settle no more. */
export const SETTLE_AFTER_MS = 1_000;

/** Groups that keep up have settled each row by then. */
const BEHIND_MS = 3 * SETTLE_AFTER_MS;

/** Of a session that could not be settled. */
const AGAIN_AFTER_MS = 5_000;

/**
 * Somewhat more than come, so that it catches up. With twice as many, half of the time each group
 * waited for twice its rows, and half of it for none.
 */
const SETTLED_PER_ROW = 1.25;
const MIN_SETTLED = 64;

/**
 * Settled by one group, which waits for them; the groups before it have none. Sessions that were
 * made together have their rows in the same pages, and each commit writes a page anew.
 */
const LOT_ROWS = 256;

/** They read and write no session's log, and come again and again. */
const LEAVES_LOGS_ALONE: ReadonlySet<Operation | undefined> = new Set([
  "probe_storage",
  "renew_witness",
  "renew_lease",
  "remove_approval_rule",
] as const);

interface Entry extends Unsettled {
  positions: number[];
  since: number;
  notBefore: number;
}

/** What the thread does in the transaction of a group, beside the appends. */
export interface TailOrders {
  settle: Unsettled[];
  /** Rows that nobody needs; undefined: none. */
  removeFrom: number | undefined;
}

/** The tail as the companion knows it; one for an open file. */
export class Tail {
  readonly #inTransaction: (work: () => void) => Promise<void>;
  readonly #settling: Settling;
  /** In the order of their oldest rows. */
  readonly #sessions = new Map<string, Entry>();
  /** Settled in a transaction that may not have committed. */
  readonly #inSteps = new Set<string>();
  /** Whose turn it is, by their ids from the end. */
  #line: Entry[] = [];
  /** Rows that may be settled since the last lot. */
  #allowed = 0;
  readonly #places = new TailPlaces();
  #isKnown = true;

  /** Both on the connection of the steps; the tail is empty. */
  constructor(settling: Settling, inTransaction: (work: () => void) => Promise<void>) {
    this.#inTransaction = inTransaction;
    this.#settling = settling;
  }

  get isEmpty(): boolean {
    return this.#isKnown && this.#sessions.size === 0 && this.#places.isEmpty;
  }

  /** Groups do not settle as much as there is. */
  isBehind(now: number): boolean {
    for (const { since, notBefore } of this.#sessions.values()) {
      if (notBefore <= now) return now - since > BEHIND_MS;
    }
    return false;
  }

  /** How far a session's log has come whose row says `stored`. */
  newestSeq(sessionId: string, stored: number): number {
    return Math.max(stored, this.#sessions.get(sessionId)?.lastSeq ?? 0);
  }

  /** Positions for so many rows, one behind the other; the first of them. */
  take(rows: number): number {
    return this.#places.take(rows);
  }

  /** Rows are committed. Call it, and what follows, with the gate in hand. */
  add(sessionId: string, first: number, rows: number, lastSeq: number, now: number): void {
    let entry = this.#sessions.get(sessionId);
    // Else somebody has settled it and gone on.
    if (entry?.lastSeq !== lastSeq - rows) {
      this.#forget(sessionId);
      entry = { sessionId, lastSeq, positions: [], since: now, notBefore: 0 };
      this.#sessions.set(sessionId, entry);
    }
    entry.lastSeq = lastSeq;
    for (let position = first; position < first + rows; position++) {
      entry.positions.push(position);
      this.#places.hold(position);
    }
  }

  /** What is due, for a group of so many rows; call it before they are given their positions. */
  due(rows: number, now: number): TailOrders {
    if (this.#line.length === 0) this.#line = this.#lineUp(now);
    const more = Math.max(MIN_SETTLED, rows * SETTLED_PER_ROW);
    // What was not made use of is no leave for a lot that all would wait for.
    this.#allowed = Math.min(this.#allowed + more, Math.max(LOT_ROWS, more));
    const settle: Unsettled[] = [];
    let room = this.#allowed < LOT_ROWS ? 0 : this.#allowed;
    while (room > 0) {
      const entry = this.#line.pop();
      if (!entry) break;
      // Else a step has settled it meanwhile.
      if (this.#sessions.get(entry.sessionId) !== entry) continue;
      settle.push(entry);
      room -= entry.positions.length;
      this.#allowed = 0;
    }
    return { settle, removeFrom: this.#places.unneeded(now) };
  }

  /** All that have waited for half of the time, once one has waited for all of it. */
  #lineUp(now: number): Entry[] {
    const line: Entry[] = [];
    for (const entry of this.#sessions.values()) {
      if (entry.notBefore > now) continue;
      const age = now - entry.since;
      if (age < SETTLE_AFTER_MS / 2 || (line.length === 0 && age < SETTLE_AFTER_MS)) break;
      line.push(entry);
    }
    return line.toSorted((a, b) => (a.sessionId < b.sessionId ? 1 : -1));
  }

  carriedOut(orders: TailOrders): void {
    for (const { sessionId } of orders.settle) this.#forget(sessionId);
    if (orders.removeFrom !== undefined) this.#places.removedFrom(orders.removeFrom);
  }

  /** Because of one session, if it is known which: the others are due as before. */
  notCarriedOut(orders: TailOrders, sessionId: string | undefined, now: number): void {
    for (const one of orders.settle) {
      const entry = this.#sessions.get(one.sessionId);
      if (entry && (sessionId ?? one.sessionId) === one.sessionId) {
        entry.notBefore = now + AGAIN_AFTER_MS;
      }
    }
  }

  /**
   * The first thing in each step, in its own transaction: its session's log is whole. Without a
   * session, all are.
   */
  settleInStep(operation: Operation | undefined, sessionId: string | undefined): void {
    if (LEAVES_LOGS_ALONE.has(operation)) return;
    if (!this.#isKnown) {
      this.#settling.settleAll();
      return;
    }
    const entry = sessionId === undefined ? undefined : this.#sessions.get(sessionId);
    const entries = sessionId === undefined ? this.#sessions.values() : entry ? [entry] : [];
    for (const unsettled of entries) {
      this.#settling.settle(unsettled);
      this.#inSteps.add(unsettled.sessionId);
    }
  }

  /** Steps have committed. Some of them may have been rolled back: the database knows. */
  afterSteps(): void {
    for (const sessionId of this.#inSteps) {
      const entry = this.#sessions.get(sessionId);
      const stored = entry && this.#settling.lastSeqOf(sessionId);
      if (entry && (stored === undefined || stored >= entry.lastSeq)) {
        this.#forget(sessionId);
      }
    }
    this.#inSteps.clear();
  }

  /** What it had is settled. */
  #forget(sessionId: string): void {
    const entry = this.#sessions.get(sessionId);
    if (!entry) return;
    this.#places.free(entry.positions);
    this.#sessions.delete(sessionId);
  }

  /** Nobody knows what was written: the thread is gone, or it has met rows of somebody else. */
  lose(): void {
    this.#isKnown = false;
  }

  /** Before anything is written, if nothing is known. */
  async find(): Promise<void> {
    if (!this.#isKnown) await this.settleAll();
  }

  async settleAll(): Promise<void> {
    await this.#inTransaction(() => this.#settling.settleAll());
    this.#sessions.clear();
    this.#places.clear();
    this.#isKnown = true;
  }
}
