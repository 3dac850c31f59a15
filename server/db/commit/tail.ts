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
// - Rows that are settled are not removed one by one, which would write each page of the tail once
//   more: once everything before a position is, those pages are given back whole.
import type { Operation } from "../../observe/operations.ts";
import type { Settling, Unsettled } from "./settle.ts";

/** So long that an answer's words fill some page of its log; a start has to settle no more. */
export const SETTLE_AFTER_MS = 1_000;

/** Of a session that could not be settled. */
const AGAIN_AFTER_MS = 5_000;

/** Twice as many as come, so that it catches up; few, since the group waits for them. */
const SETTLED_PER_ROW = 2;
const MIN_SETTLED = 64;

/** About twenty pages. */
const TRIMMED_AT_ONCE = 500;

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
  /** 0: nothing. */
  trimBefore: number;
}

/** The tail as the companion knows it; one for an open file. */
export class Tail {
  readonly #inTransaction: (work: () => void) => Promise<void>;
  readonly #settling: Settling;
  /** In the order of their oldest rows. */
  readonly #sessions = new Map<string, Entry>();
  /** Settled in a transaction that may not have committed. */
  readonly #inSteps = new Set<string>();
  #nextPosition = 1;
  #trimmed = 1;
  #isKnown = true;

  /** Both on the connection of the steps; the tail is empty. */
  constructor(settling: Settling, inTransaction: (work: () => void) => Promise<void>) {
    this.#inTransaction = inTransaction;
    this.#settling = settling;
  }

  get isEmpty(): boolean {
    return this.#isKnown && this.#sessions.size === 0 && this.#trimmed === this.#nextPosition;
  }

  /** How far a session's log has come whose row says `stored`. */
  newestSeq(sessionId: string, stored: number): number {
    return Math.max(stored, this.#sessions.get(sessionId)?.lastSeq ?? 0);
  }

  /** Positions for so many rows; the first of them. */
  take(rows: number): number {
    const first = this.#nextPosition;
    this.#nextPosition += rows;
    return first;
  }

  /** Rows are committed. Call it, and what follows, with the gate in hand. */
  add(sessionId: string, first: number, rows: number, lastSeq: number, now: number): void {
    let entry = this.#sessions.get(sessionId);
    // Else somebody has settled it and gone on.
    if (entry?.lastSeq !== lastSeq - rows) {
      this.#sessions.delete(sessionId);
      entry = { sessionId, lastSeq, positions: [], since: now, notBefore: 0 };
      this.#sessions.set(sessionId, entry);
    }
    entry.lastSeq = lastSeq;
    for (let row = 0; row < rows; row++) entry.positions.push(first + row);
  }

  /** What is due, for a group of so many rows; call it before they are given their positions. */
  due(rows: number, now: number): TailOrders {
    const settle: Unsettled[] = [];
    let budget = Math.max(MIN_SETTLED, rows * SETTLED_PER_ROW);
    for (const entry of this.#sessions.values()) {
      if (budget <= 0 || entry.since > now - SETTLE_AFTER_MS) break;
      if (entry.notBefore > now) continue;
      settle.push(entry);
      budget -= entry.positions.length;
    }
    const [oldest] = this.#sessions.values();
    const before = oldest?.positions[0] ?? this.#nextPosition;
    const isWorthIt = oldest === undefined || before - this.#trimmed >= TRIMMED_AT_ONCE;
    return { settle, trimBefore: isWorthIt && before > this.#trimmed ? before : 0 };
  }

  carriedOut(orders: TailOrders): void {
    for (const { sessionId } of orders.settle) this.#sessions.delete(sessionId);
    if (orders.trimBefore > 0) this.#trimmed = orders.trimBefore;
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
        this.#sessions.delete(sessionId);
      }
    }
    this.#inSteps.clear();
  }

  /** The thread is gone, and nobody knows what it has written. */
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
    this.#trimmed = this.#nextPosition;
    this.#isKnown = true;
  }
}
