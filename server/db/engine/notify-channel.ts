// Short words between the companions on one Postgres: LISTEN and NOTIFY, outside of every
// transaction that stores something, since a COMMIT with a NOTIFY in it waits for all others of its
// kind. Nothing depends on them.
import { setTimeout as delay } from "node:timers/promises";
import { type Kysely, sql } from "kysely";
import pg from "pg";
import { v7 as uuid } from "uuid";
import type { Log } from "../../log.ts";
import type { Database } from "../tables/schema.ts";
import type { Servers } from "./postgres-servers.ts";
import { isConnectionLost } from "./storage-errors.ts";

export interface HintListener {
  /** What some companion sent, this one included, or anybody else who may use the database. */
  onHint(payload: string): void;
  /** From now on hints arrive; before, any number was missed. */
  onListening(): void;
}

export interface NotifyChannel {
  /** Goes on until `close`, whatever becomes of the connection. */
  listen(listener: HintListener): void;
  /** In one statement; each shorter than 8,000 bytes. What cannot be sent is dropped. */
  send(payloads: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

const CHANNEL = "streamkeeper";
const CHECK = "check ";
const CHECK_EVERY_MS = 30_000;
const ANSWER_MS = 5_000;
const RETRY_MS = 250;
const MAX_RETRY_MS = 60_000;
const END_MS = 500;

/**
 * Ends the connection; in a transaction pool the one behind it lives on, and
 * is not to listen for ever.
 */
async function leave(client: pg.Client): Promise<void> {
  await client.query(`unlisten ${CHANNEL}`).catch(() => {});
  await client.end().catch(() => {});
}

/**
 * `servers`: without a proxy. A transaction pool takes a LISTEN, too; what it hears goes to whoever
 * has the connection then.
 */
export function createNotifyChannel(
  servers: Servers,
  reader: Kysely<Database>,
  log: Log,
): NotifyChannel {
  const closing = new AbortController();
  let current: pg.Client | undefined;
  let check = { token: "", arrived: () => {} };
  let running: Promise<void> | undefined;
  let leaveNow: (() => void) | undefined;
  /** A server was found; whoever has given up for a while tries again. */
  let found = Promise.withResolvers<void>();
  servers.listen({
    onBack({ awayMs, moved }) {
      if (moved) leaveNow?.();
      if (awayMs < RETRY_MS) return;
      found.resolve();
      found = Promise.withResolvers();
    },
  });

  async function run(listener: HintListener): Promise<void> {
    let wait = RETRY_MS;
    let told = false;
    while (!closing.signal.aborted) {
      try {
        await listenOnce(listener, () => {
          wait = RETRY_MS;
          if (told) log.info("hints of other companions arrive again");
          told = false;
        });
      } catch (err) {
        if (!told && !closing.signal.aborted) {
          log.warn({ err }, "hints of other companions do not arrive; the database is polled");
        }
        told = true;
      }
      await Promise.race([pause(wait * (0.5 + Math.random() / 2)), found.promise]);
      wait = Math.min(wait * 2, MAX_RETRY_MS);
    }
  }

  /** Rejects when the connection is lost or does not work. */
  async function listenOnce(listener: HintListener, works: () => void): Promise<void> {
    await servers.ready();
    const { url, doubts } = servers;
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
      application_name: "streamkeeper hints",
    });
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {});
    leaveNow = () => lost.reject(new Error("Another server is the one that can be written."));
    client.on("error", lost.reject);
    client.on("end", () => lost.reject(new Error("The connection was closed.")));
    client.on("notification", ({ payload = "" }) => {
      if (payload === CHECK + check.token) check.arrived();
      else if (!payload.startsWith(CHECK)) listener.onHint(payload);
    });
    try {
      await client.connect();
      await servers.check(client);
      await client.query(`listen ${CHANNEL}`);
      await Promise.race([lost.promise, arrives()]);
      current = client;
      works();
      listener.onListening();
      while (!closing.signal.aborted) {
        await Promise.race([lost.promise, pause(CHECK_EVERY_MS)]);
        if (!closing.signal.aborted) await Promise.race([lost.promise, arrives()]);
      }
    } catch (thrown) {
      if (isConnectionLost(thrown)) servers.doubt(thrown, doubts);
      throw thrown;
    } finally {
      current = undefined;
      leaveNow = undefined;
      void leave(client);
    }
  }

  /**
   * Sent over another connection: a transaction pool would give an answer to the one that asked.
   */
  async function arrives(): Promise<void> {
    const arrived = Promise.withResolvers<void>();
    check = { token: uuid(), arrived: arrived.resolve };
    await sql`select pg_notify(${CHANNEL}, ${CHECK + check.token})`.execute(reader);
    const late = pause(ANSWER_MS).then(() => "late");
    if ((await Promise.race([arrived.promise, late])) === "late") {
      throw new Error(
        "A NOTIFY did not come back: a proxy that pools transactions? --database-direct names the server itself.",
      );
    }
  }

  function pause(ms: number): Promise<void> {
    const { signal } = closing;
    return delay(ms, undefined, { ref: false, signal }).catch(() => {});
  }

  return {
    listen(listener) {
      running ??= run(listener);
    },
    async send(payloads) {
      await current
        ?.query("select pg_notify($1, payload) from unnest($2::text[]) payload", [
          CHANNEL,
          payloads,
        ])
        .catch(() => {});
    },
    async close() {
      closing.abort();
      await Promise.race([running, delay(END_MS, undefined, { ref: false })]);
    },
  };
}
