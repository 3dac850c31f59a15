import type { Metrics } from "../../observe/metrics.ts";

/**
 * First come, first served, per key, within this process: keeps two requests for one session from
 * racing to the database. What excludes other processes is the lease on the session's row. Held for
 * milliseconds, never while a model answers.
 */
export class SessionLock {
  readonly #metrics: Metrics;
  readonly #tails = new Map<string, Promise<void>>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  async with<T>(key: string, work: () => Promise<T>): Promise<T> {
    const asked = performance.now();
    const before = this.#tails.get(key) ?? Promise.resolve();
    const { promise: tail, resolve: release } = Promise.withResolvers<void>();
    this.#tails.set(key, tail);
    await before;
    this.#metrics.sessionLockWait.observe((performance.now() - asked) / 1000);
    try {
      return await work();
    } finally {
      release();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
