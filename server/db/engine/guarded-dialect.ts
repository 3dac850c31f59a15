// A layer between Kysely and any engine's driver that keeps a transaction whole:
// - after a failed statement nothing more runs in it and it cannot commit, even
// if the error was swallowed
//   (SQLite would commit the rest; after SQLITE_FULL it has ended the
//   transaction by itself and would
//   autocommit what follows);
// - inside a unit of work nothing else is asked of the database, which on SQLite would deadlock.
import { AsyncLocalStorage } from "node:async_hooks";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type KyselyPlugin,
  type QueryCompiler,
  type QueryResult,
} from "kysely";
import { ChatError } from "../../errors.ts";

/**
 * Set while the work of a unit of work runs; counts the characters of text that
 * its statements are given.
 */
export const insideWork = new AsyncLocalStorage<{ size: number }>();

/**
 * Refuses queries on the database itself while a unit of work runs in the same flow. The
 * transaction that the unit of work lends has no plugins. A plugin, because the driver is asked
 * only after Kysely's queue for the one SQLite connection, where the query would wait for ever.
 */
export const refuseInsideWork: KyselyPlugin = {
  transformQuery({ node }) {
    if (insideWork.getStore()) {
      throw new ChatError(
        "internal",
        "The database was used directly inside a unit of work; use the transaction it lends.",
      );
    }
    return node;
  },
  transformResult: ({ result }) => Promise.resolve(result),
};

export interface EngineRules {
  /** The statement that opens a transaction for writing. */
  begin: string;
  /** The statement that commits, where a plain one is not enough. */
  commit?: string;
  /** Whether the engine still has the transaction open; undefined where only the server knows. */
  inTransaction?: () => boolean;
}

export function guardDialect(inner: Dialect, rules: EngineRules): Dialect {
  return {
    createAdapter: () => inner.createAdapter(),
    createDriver: () => new GuardedDriver(inner.createDriver(), rules),
    createQueryCompiler: () => inner.createQueryCompiler(),
    createIntrospector: (db) => inner.createIntrospector(db),
  };
}

class GuardedConnection implements DatabaseConnection {
  readonly inner: DatabaseConnection;
  open = false;
  failure: unknown;

  constructor(inner: DatabaseConnection) {
    this.inner = inner;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    this.refuseAfterFailure();
    const work = insideWork.getStore();
    if (work) for (const value of query.parameters) work.size += lengthOf(value);
    try {
      return await this.inner.executeQuery<R>(query);
    } catch (thrown) {
      if (this.open) this.failure = thrown;
      throw thrown;
    }
  }

  streamQuery<R>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
    this.refuseAfterFailure();
    return this.inner.streamQuery<R>(query, chunkSize);
  }

  refuseAfterFailure(): void {
    if (this.open && this.failure !== undefined) {
      throw new ChatError(
        "commit_failed",
        "A statement of this unit of work failed; it can only be rolled back.",
        { cause: this.failure },
      );
    }
  }
}

function lengthOf(value: unknown): number {
  return typeof value === "string" ? value.length : 0;
}

class GuardedDriver implements Driver {
  readonly #inner: Driver;
  readonly #rules: EngineRules;
  readonly #connections = new WeakMap<DatabaseConnection, GuardedConnection>();

  constructor(inner: Driver, rules: EngineRules) {
    this.#inner = inner;
    this.#rules = rules;
  }

  init(): Promise<void> {
    return this.#inner.init();
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const inner = await this.#inner.acquireConnection();
    let guarded = this.#connections.get(inner);
    if (!guarded) {
      guarded = new GuardedConnection(inner);
      this.#connections.set(inner, guarded);
    }
    return guarded;
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    const guarded = asGuarded(connection);
    await guarded.inner.executeQuery(CompiledQuery.raw(this.#rules.begin));
    guarded.failure = undefined;
    guarded.open = true;
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const guarded = asGuarded(connection);
    guarded.refuseAfterFailure();
    this.#refuseIfEnded();
    const { commit } = this.#rules;
    if (commit) await guarded.inner.executeQuery(CompiledQuery.raw(commit));
    else await this.#inner.commitTransaction(guarded.inner);
    guarded.open = false;
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    const guarded = asGuarded(connection);
    guarded.open = false;
    guarded.failure = undefined;
    if (this.#rules.inTransaction?.() === false) return;
    await this.#inner.rollbackTransaction(guarded.inner);
  }

  async savepoint(
    connection: DatabaseConnection,
    name: string,
    compile: QueryCompiler["compileQuery"],
  ): Promise<void> {
    const guarded = asGuarded(connection);
    guarded.refuseAfterFailure();
    await this.#inner.savepoint?.(guarded.inner, name, compile);
  }

  async rollbackToSavepoint(
    connection: DatabaseConnection,
    name: string,
    compile: QueryCompiler["compileQuery"],
  ): Promise<void> {
    const guarded = asGuarded(connection);
    this.#refuseIfEnded();
    await this.#inner.rollbackToSavepoint?.(guarded.inner, name, compile);
    guarded.failure = undefined;
  }

  async releaseSavepoint(
    connection: DatabaseConnection,
    name: string,
    compile: QueryCompiler["compileQuery"],
  ): Promise<void> {
    const guarded = asGuarded(connection);
    guarded.refuseAfterFailure();
    this.#refuseIfEnded();
    await this.#inner.releaseSavepoint?.(guarded.inner, name, compile);
  }

  releaseConnection(connection: DatabaseConnection): Promise<void> {
    return this.#inner.releaseConnection(asGuarded(connection).inner);
  }

  destroy(): Promise<void> {
    return this.#inner.destroy();
  }

  #refuseIfEnded(): void {
    if (this.#rules.inTransaction?.() === false) {
      throw new ChatError("commit_failed", "The database ended this transaction by itself.");
    }
  }
}

function asGuarded(connection: DatabaseConnection): GuardedConnection {
  if (!(connection instanceof GuardedConnection)) throw new Error("not a guarded connection");
  return connection;
}
