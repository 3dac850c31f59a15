// Statements of Postgres by name: read once for each connection, and planned no more than a few
// times. A name belongs to the server's process behind the connection, so it is only used where
// that stays the same (the server itself) or where a pool sees to it (PgBouncer since 1.21); an
// older one that pools transactions answers from a process that has never heard of it.
import { createHash } from "node:crypto";
import type pg from "pg";
import { v7 as uuid } from "uuid";
import type { Log } from "../../log.ts";
import { withoutTrace } from "../../observe/trace-context.ts";

/** The process of the server keeps each, some 50 KB, for as long as the connection lasts. */
const MAX_NAMES = 100;
/** One that is rarer is not worth it. Lists differ by their lengths, so there is no end of them. */
const USES = 5;
const MAX_COUNTED = 500;

export interface StatementNames {
  /** Finds out whether a new connection keeps names. */
  ask(client: pg.ClientBase): Promise<void>;
  /** Undefined: it has none on this connection. */
  nameOf(client: pg.ClientBase, text: string): string | undefined;
  /** What the error of a statement that was sent by its name means to whoever sent it. */
  failed(thrown: unknown): unknown;
}

export function createStatementNames(log: Log): StatementNames {
  const keeping = new WeakSet<pg.ClientBase>();
  const names = new Map<string, string>();
  const uses = new Map<string, number>();
  let areUsed = true;
  let isPoolTold = false;

  function newNameOf(text: string): string | undefined {
    if (names.size >= MAX_NAMES) return undefined;
    const count = (uses.get(text) ?? 0) + 1;
    if (count < USES) {
      if (uses.size >= MAX_COUNTED) uses.clear();
      uses.set(text, count);
      return undefined;
    }
    uses.delete(text);
    // The same for everybody: whoever meets it by chance has met the same statement.
    const name = `sk_${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
    names.set(text, name);
    return name;
  }

  return {
    async ask(client) {
      if (!areUsed) return;
      if (await keepsNames(client).catch(() => false)) keeping.add(client);
      else if (!isPoolTold) {
        isPoolTold = true;
        withoutTrace(() => log.info("the database is behind a pool: statements have no names"));
      }
    },
    nameOf(client, text) {
      if (!areUsed || !keeping.has(client)) return undefined;
      return names.get(text) ?? newNameOf(text);
    },
    failed(thrown) {
      if (!isOfName(thrown)) return thrown;
      if (areUsed) {
        areUsed = false;
        withoutTrace(() =>
          log.warn({ err: thrown }, "a named statement was lost: from now on none has a name"),
        );
      }
      return new NameLost(thrown);
    },
  };
}

/** Nothing of the statement was done. */
export class NameLost extends Error {
  constructor(cause: unknown) {
    super("a named statement is not there as it was", { cause });
    this.name = "NameLost";
  }
}

/**
 * The connection's own number is that of the process behind it unless somebody stands between. A
 * pool that keeps names gives statements others of its own. All in one transaction: before and
 * after it another process may answer.
 */
async function keepsNames(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  if ("processID" in client && client.processID === rows[0]?.pid) return true;
  const name = `sk_${uuid()}`;
  await client.query("begin");
  try {
    const seen = await client.query<{ name: string }>({
      name,
      text: "select name from pg_prepared_statements where name = $1",
      values: [name],
    });
    if (seen.rows.length > 0) await client.query(`deallocate "${name}"`);
    return seen.rows.length === 0;
  } finally {
    await client.query("rollback");
  }
}

/**
 * Not there (a pool forgot it, somebody said DISCARD), there already, or of columns that a
 * migration has changed; and what a pool says that has lost count.
 */
function isOfName(thrown: unknown): boolean {
  if (!(thrown instanceof Error && "code" in thrown)) return false;
  if (thrown.code === "0A000") {
    return "routine" in thrown && thrown.routine === "RevalidateCachedQuery";
  }
  return thrown.code === "26000" || thrown.code === "42P05";
}
