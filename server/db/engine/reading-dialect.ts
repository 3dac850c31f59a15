// For reads outside of transactions. Between a read and its client nobody knows the driver, so here
// its errors become what clients are told; and as a read changes nothing, one that a restart or a
// lock has met is done again, on another connection, as patiently as a commit.
import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from "kysely";
import { backOff, isWorthAnotherTry, isWorthWaiting, isWorthWaitingForLock } from "./patience.ts";
import { isConflict, isConnectionLost, mayReadAgain, toStorageError } from "./storage-errors.ts";

/**
 * `awaySeconds`: how long it waits for a database that is away, where that is longer
 * than for one that is busy.
 */
export function readingDialect(inner: Dialect, awaySeconds = 0): Dialect {
  return {
    createAdapter: () => inner.createAdapter(),
    createDriver: () => new ReadingDriver(inner.createDriver(), awaySeconds),
    createQueryCompiler: () => inner.createQueryCompiler(),
    createIntrospector: (db) => inner.createIntrospector(db),
  };
}

/** Takes a connection for each attempt of each query: the one before may be the broken one. */
class ReadingConnection implements DatabaseConnection {
  readonly #driver: Driver;
  readonly #awaySeconds: number;

  constructor(driver: Driver, awaySeconds: number) {
    this.#driver = driver;
    this.#awaySeconds = awaySeconds;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const started = performance.now();
    for (let attempts = 1; ; attempts++) {
      try {
        return await this.#once<R>(query);
      } catch (thrown) {
        const isWorthIt =
          isWorthAnotherTry(attempts, started) ||
          (isConflict(thrown) && isWorthWaitingForLock(started)) ||
          (isConnectionLost(thrown) && isWorthWaiting(started, this.#awaySeconds));
        if (!mayReadAgain(thrown) || !isWorthIt) {
          throw toStorageError(thrown, "reading");
        }
        await backOff(attempts);
      }
    }
  }

  async #once<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const connection = await this.#driver.acquireConnection();
    try {
      return await connection.executeQuery<R>(query);
    } finally {
      await this.#driver.releaseConnection(connection);
    }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new TypeError("Nobody reads by stream; a page is asked for after the other.");
  }
}

class ReadingDriver implements Driver {
  readonly #inner: Driver;
  readonly #connection: DatabaseConnection;

  constructor(inner: Driver, awaySeconds: number) {
    this.#inner = inner;
    this.#connection = new ReadingConnection(inner, awaySeconds);
  }

  init(): Promise<void> {
    return this.#inner.init();
  }

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(this.#connection);
  }

  beginTransaction(): Promise<void> {
    return refuseTransaction();
  }

  commitTransaction(): Promise<void> {
    return refuseTransaction();
  }

  rollbackTransaction(): Promise<void> {
    return refuseTransaction();
  }

  releaseConnection(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return this.#inner.destroy();
  }
}

/** Its statements would go to different connections. */
function refuseTransaction(): Promise<never> {
  return Promise.reject(new TypeError("A reader has no transactions; a unit of work has."));
}
