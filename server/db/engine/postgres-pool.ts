import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
import pg from "pg";
import { ChatError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { withoutTrace } from "../../observe/trace-context.ts";
import { isConnectionLost, NoConnection } from "./storage-errors.ts";

const INT8 = 20;

/** bigint comes as text; ours (milliseconds, counters) stay below 2^53. */
export const NUMBERS: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text") =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** Longer than the longest statement, so that what waits fails only where nothing moves or far too much waits. */
const MAX_WAIT_MS = 30_000;

/**
 * At most `max` connections, lent in the order in which they are asked for. The driver's own pool counts the wait for
 * one that is in use as time to connect: under a burst a server that answers well would be taken for a dead one.
 */
export function createPool(url: string, max: number, log: Log): PostgresPool {
  const pool = new pg.Pool({
    connectionString: url,
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
  // A restart of the server emits `error` on idle and on checked-out clients; unheard, either ends the process.
  pool.on("error", note);
  pool.on("connect", (client) => client.on("error", note));
  const line = new Line(max);
  let lent = 0;
  pool.on("release", () => {
    lent--;
    line.leave();
  });
  return {
    Client: pg.Client,
    options: pool.options,
    async connect(): Promise<PostgresPoolClient> {
      await line.enter();
      try {
        const client = await pool.connect();
        lent++;
        return new Lent(client);
      } catch (thrown) {
        const error = new NoConnection(thrown);
        // Nobody has one to give back, so who waits would only wait for the same.
        if (lent === 0) line.disperse(error);
        line.leave();
        throw error;
      }
    },
    end: () => pool.end(),
  };
}

/** A statement that was given up on still occupies its connection: nobody is to wait behind it. */
class Lent implements PostgresPoolClient {
  readonly #client: PostgresPoolClient;
  #isLost = false;

  constructor(client: PostgresPoolClient) {
    this.#client = client;
  }

  query<R>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    text: string | PostgresCursor<R>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof text !== "string") throw new TypeError("Nobody reads by cursor.");
    return this.#client.query<R>(text, parameters).catch((thrown: unknown) => {
      this.#isLost ||= isConnectionLost(thrown);
      throw thrown;
    });
  }

  release(destroy = false): void {
    this.#client.release(destroy || this.#isLost);
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
