/**
 * Lets one writer at a time through, in order of arrival: SQLite has one,
 * whoever holds a connection.
 */
export class WriterGate {
  #last: Promise<void> = Promise.resolve();
  #refusal: (() => Error) | undefined;

  /**
   * After those who are in line runs `last`; whoever has not begun by then, and whoever
   * comes, gets the refusal.
   */
  async shut(refusal: () => Error, last: () => Promise<void>): Promise<void> {
    const done = this.#inLine(last);
    this.#refusal = refusal;
    await done;
  }

  async with<T>(work: () => Promise<T>): Promise<T> {
    return await this.#inLine(() => {
      if (this.#refusal) throw this.#refusal();
      return work();
    });
  }

  async #inLine<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    try {
      return await work();
    } finally {
      resolve();
    }
  }
}
