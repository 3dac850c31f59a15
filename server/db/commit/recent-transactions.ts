import { randomBytes } from "node:crypto";
import type { CommitStatus } from "../../observe/metrics.ts";
import type { Operation } from "../../observe/operations.ts";
import type { Explanation, TransactionEntry } from "../../protocol/transactions.ts";
import type { Phases } from "./outcome.ts";

/** What is kept of one micro-transaction. */
export interface RecordedTransaction {
  /** Wall clock, in ms. */
  at: number;
  operation: Operation;
  sessionId: string | undefined;
  turnId: string | undefined;
  traceId: string | undefined;
  status: CommitStatus;
  seconds: number;
  phases: Phases;
  attempts: number;
  /** UTF-16 units of text handed to the database. */
  size: number;
  /** Units of work that shared its physical commit, itself included. */
  shared: number;
  /** For a slow one. */
  explanation: Explanation | undefined;
}

const KEPT = 200;
const KEPT_SLOW = 100;

/**
 * The last transactions of this process; slow ones in a place of their own, where fast
 * ones do not push them out.
 */
export class RecentTransactions {
  /** A transaction over this is slow. */
  readonly slowSeconds: number;
  /** Keeps the ids of one process apart from those of the next. */
  readonly #process = randomBytes(4).toString("hex");
  readonly #all = new Ring(KEPT);
  readonly #slow = new Ring(KEPT_SLOW);
  #count = 0;

  constructor(slowSeconds: number) {
    this.slowSeconds = slowSeconds;
  }

  /** Its number. */
  add(transaction: RecordedTransaction): number {
    const number = ++this.#count;
    this.#all.add(number, transaction);
    if (transaction.explanation) this.#slow.add(number, transaction);
    return number;
  }

  /** Newest first. */
  list(limit: number, slowOnly: boolean): TransactionEntry[] {
    const ring = slowOnly ? this.#slow : this.#all;
    return ring.newest(limit).map(({ number, transaction }) => {
      const { at, sessionId, turnId, traceId, size, explanation, ...rest } = transaction;
      return {
        id: this.idOf(number),
        at: new Date(at).toISOString(),
        session_id: sessionId ?? null,
        turn_id: turnId ?? null,
        trace_id: traceId ?? null,
        text_size: size,
        slow: explanation !== undefined,
        explanation: explanation ?? null,
        ...rest,
      };
    });
  }

  idOf(number: number): string {
    return `${this.#process}-${number}`;
  }
}

interface NumberedTransaction {
  number: number;
  transaction: RecordedTransaction;
}

/** Overwrites its oldest; allocates nothing but what it is given. */
class Ring {
  readonly #transactions: RecordedTransaction[] = [];
  readonly #numbers: number[] = [];
  readonly #size: number;
  #next = 0;

  constructor(size: number) {
    this.#size = size;
  }

  add(number: number, transaction: RecordedTransaction): void {
    this.#transactions[this.#next] = transaction;
    this.#numbers[this.#next] = number;
    this.#next = (this.#next + 1) % this.#size;
  }

  newest(limit: number): NumberedTransaction[] {
    const all = this.#transactions.map((transaction, place) => {
      return { number: this.#numbers[place] ?? 0, transaction };
    });
    return all.toSorted((a, b) => b.number - a.number).slice(0, limit);
  }
}
