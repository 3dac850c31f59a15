/** A short queue goes whole. */
const MIN_SPLIT = 256;

/**
 * So many are worth a commit at once; fewer wait for what else this turn of the event loop brings.
 */
const FULL_GROUP = 32;

interface WaitingItem<I, O> {
  input: I;
  resolve: (output: O) => void;
  reject: (error: unknown) => void;
}

/**
 * Natural batching: one commit at a time, and what arrives while it is on its way goes together
 * into the next one. A lone input waits for nobody but those of the same turn of the event loop.
 */
export class Gatherer<I, O> {
  readonly #commit: (inputs: readonly I[]) => Promise<readonly O[]>;
  #waiting: WaitingItem<I, O>[] = [];
  #running = false;

  /** `commit` resolves with one output per input, in order; if it rejects, all of them do. */
  constructor(commit: (inputs: readonly I[]) => Promise<readonly O[]>) {
    this.#commit = commit;
  }

  add(input: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      setImmediate(() => this.#next());
    });
  }

  #next(): void {
    const group = this.#take();
    if (group.length === 0) {
      this.#running = false;
      return;
    }
    this.#commit(group.map(({ input }) => input)).then(
      (outputs) => {
        this.#goOn();
        for (const [index, { resolve, reject }] of group.entries()) {
          const output = outputs[index];
          if (output === undefined) reject(new Error("a commit left one of its inputs out"));
          else resolve(output);
        }
      },
      (error: unknown) => {
        this.#goOn();
        for (const { reject } of group) reject(error);
      },
    );
  }

  /**
   * Of a long queue the half: while its outputs are made use of, the other half is on its
   * way, and neither side waits.
   */
  #take(): WaitingItem<I, O>[] {
    const waiting = this.#waiting;
    const count = Math.max(MIN_SPLIT, Math.ceil(waiting.length / 2));
    if (waiting.length > count) return waiting.splice(0, count);
    this.#waiting = [];
    return waiting;
  }

  /** Before those of the last group hear of it. */
  #goOn(): void {
    if (this.#waiting.length >= FULL_GROUP) this.#next();
    else setImmediate(() => this.#next());
  }
}
