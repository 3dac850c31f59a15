import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
import pg, { type PoolClient } from "pg";
import { ChatError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { withoutTrace } from "../../observe/trace-context.ts";
import type { Servers } from "./postgres-servers.ts";
import type { StatementNames } from "./statement-names.ts";
import { isConnectionLost, NoConnection, NotPrimary } from "./storage-errors.ts";

const INT8 = 20;

/** bigint comes as text; ours (milliseconds, counters) stay below 2^53. */
export const NUMBERS: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text") =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/**
 * Longer than the longest statement, so that what waits fails only where nothing
 * moves or far too much waits.
 */
const MAX_WAIT_MS = 30_000;

/**
 * At most `max` connections, lent in the order in which they are asked for. The driver's own pool
 * counts the wait for one that is in use as time to connect: under a burst a server that answers
 * well would be taken for a dead one. `names`: what is often asked is asked by name;
 * `isThere`: resolves when there is a server to connect to.
 */
export function createPool(
  servers: Servers,
  max: number,
  log: Log,
  {
    names,
    isThere = servers.ready,
  }: { names?: StatementNames | undefined; isThere?: () => Promise<void> } = {},
): PostgresPool {
  /** What was known of the servers when a connection was last seen to lead to the right one. */
  const seen = new WeakMap<pg.ClientBase, { url: string; doubts: number }>();
  class Client extends pg.Client {
    constructor(config?: string | pg.ClientConfig) {
      const { url, doubts } = servers;
      super({ ...(typeof config === "object" ? config : {}), connectionString: url });
      seen.set(this, { url, doubts });
    }
  }
  async function verify(client: pg.ClientBase): Promise<void> {
    await servers.check(client);
    await names?.ask(client);
  }
  const pool = new pg.Pool({
    Client,
    verify: (client, done) => void verify(client).then(() => done(), done),
    max,
    // Without these a silent network waits for ever.
    connectionTimeoutMillis: 5_000,
    query_timeout: 6_000,
    keepAlive: true,
    application_name: "streamkeeper",
    types: NUMBERS,
  });
  const note = (err: Error) =>
    withoutTrace(() => log.warn({ err }, "a database connection was lost"));
  // A restart of the server emits `error` on idle and on checked-out clients; unheard,
  // either ends the process.
  pool.on("error", (err, client) => {
    note(err);
    servers.doubt(err, seen.get(client)?.doubts ?? servers.doubts);
  });
  pool.on("connect", (client) => client.on("error", note));
  const line = new Line(max);
  let lent = 0;
  const released = () => {
    lent--;
    line.leave();
  };
  /** One that was there before the last doubt is asked again before it is lent. */
  async function take(): Promise<PoolClient> {
    for (;;) {
      await isThere();
      const client = await pool.connect();
      const { url, doubts } = servers;
      const known = seen.get(client);
      if (known?.url === url && known.doubts === doubts) return client;
      try {
        if (known?.url !== url) throw new NotPrimary(true);
        await servers.check(client);
        seen.set(client, { url, doubts });
        return client;
      } catch {
        client.release(true);
      }
    }
  }
  return {
    Client: pg.Client,
    options: pool.options,
    async connect(): Promise<PostgresPoolClient> {
      await line.enter();
      const { doubts } = servers;
      try {
        const client = await take();
        lent++;
        const since = seen.get(client)?.doubts ?? doubts;
        return new Lent(client, names, released, (thrown) => servers.doubt(thrown, since));
      } catch (thrown) {
        const error = thrown instanceof NoConnection ? thrown : new NoConnection(thrown);
        if (isConnectionLost(error.cause)) servers.doubt(error.cause, doubts);
        // Nobody has one to give back, so who waits would only wait for the same.
        if (lent === 0) line.disperse(error);
        line.leave();
        throw error;
      }
    },
    end: () => pool.end(),
  };
}

type Asked = Pick<PostgresPoolClient, "query"> & {
  query<R>(named: {
    name: string;
    text: string;
    values: readonly unknown[];
  }): Promise<PostgresQueryResult<R>>;
};

/** A statement that was given up on still occupies its connection: nobody is to wait behind it. */
class Lent implements PostgresPoolClient {
  readonly #client: PoolClient;
  readonly #names: StatementNames | undefined;
  readonly #onRelease: () => void;
  readonly #onLost: (thrown: unknown) => void;
  #isLost = false;

  constructor(
    client: PoolClient,
    names: StatementNames | undefined,
    onRelease: () => void,
    onLost: (thrown: unknown) => void,
  ) {
    this.#client = client;
    this.#names = names;
    this.#onRelease = onRelease;
    this.#onLost = onLost;
  }

  query<R>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    text: string | PostgresCursor<R>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof text !== "string") throw new TypeError("Nobody reads by cursor.");
    return this.#ask<R>(text, parameters).catch((thrown: unknown) => {
      if (isConnectionLost(thrown)) {
        this.#isLost = true;
        this.#onLost(thrown);
      }
      throw thrown;
    });
  }

  /** Without parameters it is BEGIN or COMMIT, of several statements: those have no name. */
  #ask<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    const client: Asked = this.#client;
    const name = values.length > 0 ? this.#names?.nameOf(this.#client, text) : undefined;
    if (name === undefined) return client.query<R>(text, values);
    return client.query<R>({ name, text, values }).catch((thrown: unknown) => {
      throw this.#names?.failed(thrown);
    });
  }

  release(destroy = false): void {
    this.#client.release(destroy || this.#isLost);
    this.#onRelease();
  }
}

interface Waiting {
  enter(): void;
  giveUp(reason: unknown): void;
}

/** First come, first served, so many at a time. */
class Line {
  #free: number;
  readonly #waiting = new Set<Waiting>();

  constructor(places: number) {
    this.#free = places;
  }

  async enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const one: Waiting = {
        enter: () => {
          clearTimeout(timer);
          resolve();
        },
        giveUp: (reason) => {
          clearTimeout(timer);
          this.#waiting.delete(one);
          reject(reason);
        },
      };
      const timer = setTimeout(() => one.giveUp(tooMuchWaits()), MAX_WAIT_MS).unref();
      this.#waiting.add(one);
    });
  }

  leave(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next.enter();
  }

  disperse(reason: unknown): void {
    for (const one of this.#waiting) one.giveUp(reason);
  }
}

function tooMuchWaits(): ChatError {
  return new ChatError("storage_busy", "The database has more to do than it gets done.", {
    hint: "Nothing was lost. Try again in a moment.",
    retryAfterSeconds: 5,
  });
}
