/** More would only make the first of them wait longer for the last. */
const MAX_GROUP = 2_000;

interface Waiting<I, O> {
  input: I;
  resolve: (output: O) => void;
  reject: (error: unknown) => void;
}

/**
 * Natural batching: one commit at a time, and what arrives while it is on its way goes together into the next one.
 * A lone input waits for nobody but those of the same turn of the event loop.
 */
export class Gatherer<I, O> {
  readonly #commit: (inputs: readonly I[]) => Promise<readonly O[]>;
  #waiting: Waiting<I, O>[] = [];
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
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, MAX_GROUP);
      try {
        const outputs = await this.#commit(group.map(({ input }) => input));
        for (const [index, { resolve, reject }] of group.entries()) {
          const output = outputs[index];
          if (output === undefined) reject(new Error("a commit left one of its inputs out"));
          else resolve(output);
        }
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#running = false;
  }
}
