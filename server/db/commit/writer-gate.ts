/** Lets one writer at a time through, in order of arrival: SQLite has one, whoever holds a connection. */
export class WriterGate {
  #last: Promise<void> = Promise.resolve();

  async with<T>(work: () => Promise<T>): Promise<T> {
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
