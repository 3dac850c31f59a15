// What a server is, before anything is asked of it: a companion writes, and migrations hold a lock
// of the database session.
import pg from "pg";
import { v7 as uuid } from "uuid";
import { ChatError } from "../../errors.ts";
import { NoConnection } from "./storage-errors.ts";

const ANSWER_MS = 5_000;

/** What Postgres does is the same. */
const SEES_OTHERS = ["read committed", "read uncommitted"];

/**
 * Rejects with `storage_readonly` where nothing can be written, and where a statement would not see
 * what others have just committed (an append must see whose lease it is after the wait for its
 * lock), in words for who chose the server.
 */
export async function refuseUnfit(url: string): Promise<void> {
  await withClients(url, 1, async ([client]) => {
    const [row] = await ask<{ standby: boolean; read_only: string; isolation: string }>(
      client,
      "select pg_is_in_recovery() as standby, current_setting('transaction_read_only') as read_only, " +
        "current_setting('transaction_isolation') as isolation",
    );
    if (row?.standby) {
      throw new ChatError("storage_readonly", "This Postgres is a standby: it can only be read.", {
        hint: "Start with the address of its primary, or promote it. Nothing was changed.",
      });
    }
    if (row?.read_only === "on") {
      throw new ChatError("storage_readonly", "This Postgres lets itself only be read.", {
        hint: "default_transaction_read_only is on for this server, database or user. Nothing was changed.",
      });
    }
    if (row && !SEES_OTHERS.includes(row.isolation)) {
      throw new ChatError(
        "database_unavailable",
        "This Postgres does not show a transaction what others commit meanwhile.",
        {
          hint: "default_transaction_isolation has to be read committed for this server, database or user. Nothing was changed.",
        },
      );
    }
  });
}

/**
 * Rejects where a proxy such as PgBouncer gives each transaction to whatever connection is free.
 */
export async function refuseTransactionPool(url: string): Promise<void> {
  if (!(await poolsTransactions(url))) return;
  throw new ChatError(
    "database_unavailable",
    "--database leads through a proxy that pools transactions, such as PgBouncer. To make or change tables the server itself is needed.",
    {
      hint: "Name it with --database-direct (or STREAMKEEPER_DATABASE_DIRECT), or set pool_mode to session. Nothing was changed.",
    },
  );
}

/**
 * What one client sets for its session is seen by another, or is gone from the first
 * while another is at work.
 */
async function poolsTransactions(url: string): Promise<boolean> {
  return await withClients(url, 2, async ([first, second]) => {
    const mark = uuid();
    const marked = async (client: pg.Client) => {
      const [row] = await ask<{ mark: string | null }>(
        client,
        "select current_setting('streamkeeper.probe', true) as mark",
      );
      return row?.mark === mark;
    };
    await ask(first, `select set_config('streamkeeper.probe', '${mark}', false)`);
    await ask(second, "begin");
    try {
      return (await marked(second)) || !(await marked(first));
    } finally {
      await ask(second, "rollback");
      await ask(first, "reset streamkeeper.probe").catch(() => {});
    }
  });
}

async function ask<R extends pg.QueryResultRow>(client: pg.Client, text: string): Promise<R[]> {
  return (await client.query<R>(text)).rows;
}

async function withClients<T>(
  url: string,
  count: 1 | 2,
  body: (clients: [pg.Client, pg.Client]) => Promise<T>,
): Promise<T> {
  const settings = {
    connectionString: url,
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
    application_name: "streamkeeper",
  };
  const first = new pg.Client(settings);
  const second = count === 1 ? first : new pg.Client(settings);
  const clients = new Set([first, second]);
  try {
    for (const client of clients) {
      client.on("error", () => {});
      await client.connect().catch((thrown: unknown) => {
        throw new NoConnection(thrown);
      });
    }
    return await body([first, second]);
  } finally {
    for (const client of clients) await client.end().catch(() => {});
  }
}
