/** A short queue goes whole. */
const MIN_SPLIT = 256;

/**
 * So many are worth a commit at once; fewer wait for what else this turn of the event loop brings.
 */
const FULL_GROUP = 32;

/**
 * Where many append, commits follow each other in no less than this: a commit costs the same pages
 * and the same flush for ten as for five. Who is alone, or one of a few, waits for nothing.
 */
const PACE_MS = 2;
const MANY = 6;

const LEFT_OUT = "a commit left one of its inputs out";

/**
 * Called once: with the output, or with why there is none. What it throws is nobody's to catch
 * (`uncaughtException`), and does not keep the others from their outputs.
 */
type Settle<O> = (output: O | undefined, error?: unknown) => void;

interface WaitingItem<I, O> {
  input: I;
  settle: Settle<O>;
}

/**
 * Natural batching: one commit at a time, and what arrives while it is on its way goes together
 * into the next one. A lone input waits for nobody but those of the same turn of the event loop.
 */
export class Gatherer<I, O> {
  readonly #commit: (inputs: readonly I[]) => Promise<readonly O[]>;
  #waiting: WaitingItem<I, O>[] = [];
  #running = false;
  /** How many were in the last group, and when it left. */
  #last = { size: 0, left: 0 };
  readonly #now: () => number;
  readonly #most: number;

  /**
   * `commit` resolves with one output per input, in order; if it rejects, all of them do.
   * @param most how many go together.
   */
  constructor(
    commit: (inputs: readonly I[]) => Promise<readonly O[]>,
    now: () => number = () => performance.now(),
    most: number = Number.POSITIVE_INFINITY,
  ) {
    this.#commit = commit;
    this.#now = now;
    this.#most = most;
  }

  add(input: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.put(input, (output, error) => {
        if (output === undefined) reject(error);
        else resolve(output);
      });
    });
  }

  /** `add` without a promise, for what comes by the thousand. */
  put(input: I, settle: Settle<O>): void {
    this.#waiting.push({ input, settle });
    if (this.#running) return;
    this.#running = true;
    setImmediate(this.#next);
  }

  readonly #next = (): void => {
    const group = this.#take();
    if (group.length === 0) {
      this.#running = false;
      return;
    }
    this.#last = { size: group.length, left: this.#now() };
    this.#commit(group.map(({ input }) => input)).then(
      (outputs) =>
        this.#goOnAnd(() => {
          for (const [index, { settle }] of group.entries()) {
            const output = outputs[index];
            tell(settle, output, output === undefined ? new Error(LEFT_OUT) : undefined);
          }
        }),
      (error: unknown) =>
        this.#goOnAnd(() => {
          for (const { settle } of group) tell(settle, undefined, error);
        }),
    );
  };

  /**
   * The next group leaves before those of the last hear of it. It does so in promises: what is done
   * at once would be done before them, and commits and answers would take turns.
   */
  #goOnAnd(answer: () => void): void {
    if (this.#goOn()) setImmediate(answer);
    else answer();
  }

  /**
   * Of a long queue the half: while its outputs are made use of, the other half is on its
   * way, and neither side waits.
   */
  #take(): WaitingItem<I, O>[] {
    const waiting = this.#waiting;
    const count = Math.min(this.#most, Math.max(MIN_SPLIT, Math.ceil(waiting.length / 2)));
    if (waiting.length > count) return waiting.splice(0, count);
    this.#waiting = [];
    return waiting;
  }

  /** Whether a group leaves now. */
  #goOn(): boolean {
    const { size, left } = this.#last;
    const wait = size >= MANY ? left + PACE_MS - this.#now() : 0;
    const isFull = this.#waiting.length >= FULL_GROUP;
    if (isFull) this.#next();
    else if (wait > 0) setTimeout(this.#next, wait);
    else setImmediate(this.#next);
    return isFull;
  }
}

function tell<O>(settle: Settle<O>, output: O | undefined, error: unknown): void {
  try {
    settle(output, error);
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}
