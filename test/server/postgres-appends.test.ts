// On Postgres the words of an answer lock and write no row of their session: what keeps order is
// the log's own key, and a lock that whoever takes a lease over without a chunk waits for.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { AppendRequest } from "../../server/db/commit/append-log.ts";
import { appendChunks, chunksAfter } from "../../server/db/tables/chunks.ts";
import { removeSession } from "../../server/db/tables/deleted-sessions.ts";
import { beginEpoch, holdAppends, logPlace } from "../../server/db/tables/epochs.ts";
import {
  findSession,
  insertSession,
  lockSession,
  takeLease,
} from "../../server/db/tables/sessions.ts";
import { ChatError } from "../../server/errors.ts";
import { newSession, type OpenTestDatabase, withDatabase } from "../support/database.ts";
import { POSTGRES } from "../support/engines.ts";

const ID = "one";

async function leased(open: OpenTestDatabase, id = ID): Promise<Omit<AppendRequest, "rows">> {
  const fence = await open.uow().commit("create_session", async (trx) => {
    await insertSession(trx, newSession(id));
    return await takeLease(trx, id, "me");
  });
  return { sessionId: id, turnId: "turn", fence, after: 0, commitId: `commit of ${id}` };
}

const tokenOf = (token: string) => JSON.stringify({ token });

function say(open: OpenTestDatabase, writer: Omit<AppendRequest, "rows">, ...words: string[]) {
  const rows = words.map((word) => ({ type: "assistant_message", payload: tokenOf(word) }));
  return open.uow().append("append_chunks", { ...writer, rows }, () => {});
}

/** What is done elsewhere, once a step says so, which must not do it itself. */
function elsewhere<T>(work: () => Promise<T>) {
  const { promise, resolve: begin } = Promise.withResolvers<void>();
  return { begin, done: promise.then(work) };
}

async function logOf({ database }: OpenTestDatabase, id = ID): Promise<string[]> {
  const chunks = await chunksAfter(database.reader, id, 0, 1_000);
  return chunks.map((chunk) => `${chunk.seq} ${"token" in chunk ? chunk.token : chunk.type}`);
}

/** Another program's connection, in a transaction. */
async function inTransaction(open: OpenTestDatabase, body: (client: pg.Client) => Promise<void>) {
  const client = new pg.Client({ connectionString: open.test.flag });
  await client.connect();
  try {
    await client.query("begin");
    await body(client);
    await client.query("commit");
  } finally {
    await client.end();
  }
}

const isCode = (code: string) => (thrown: unknown) =>
  thrown instanceof ChatError && thrown.code === code;

/** Long enough for a statement to come to a lock. */
const MOMENT_MS = 200;

describe("appends on Postgres", () => {
  it("keep every character, also those that a list of the server's is written with", () =>
    withDatabase(POSTGRES, async (open) => {
      const id = "NULL";
      const words = [
        '"',
        "\\",
        '\\"',
        "{a,b}",
        "NULL",
        "\n\t\u0001",
        "'; --",
        "ё😀",
        "\u2028",
        "$1",
      ];
      await say(open, await leased(open, id), ...words);
      assert.deepEqual(
        await logOf(open, id),
        words.map((word, index) => `${index + 1} ${word}`),
      );
    }));

  it("wait for nobody who holds the session's row, and a step that read before them is done again", () =>
    withDatabase(POSTGRES, async (open) => {
      const writer = await leased(open);
      const saying = elsewhere(() => say(open, writer, "a", "b"));
      const saw: number[] = [];
      await open.uow().commit("append_chunks", async (trx) => {
        saw.push((await lockSession(trx, ID)).last_seq);
        saying.begin();
        await saying.done;
        const own = { sessionId: ID, turnId: "turn", fence: undefined };
        await appendChunks(trx, own, [{ type: "assistant_message", token: "of a step" }], "step");
      });
      assert.deepEqual(saw, [0, 2]);
      assert.deepEqual(await logOf(open), ["1 a", "2 b", "3 of a step"]);
    }));

  it("find that their number was taken meanwhile, and come behind", () =>
    withDatabase(POSTGRES, async (open) => {
      const writer = await leased(open);
      const others = await Promise.all(["x", "y"].map((id) => leased(open, id)));
      let saying: Promise<unknown> | undefined;
      await inTransaction(open, async (client) => {
        await client.query(
          "insert into chunks (session_id, seq, turn_id, type, payload) values ($1, 1, 'other', 'reasoning', $2)",
          [ID, tokenOf("of another")],
        );
        saying = Promise.all([writer, ...others].map((one) => say(open, one, "a", "b")));
        await delay(MOMENT_MS);
      });
      await saying;
      assert.deepEqual(await logOf(open), ["1 of another", "2 a", "3 b"]);
      assert.deepEqual(await logOf(open, "x"), ["1 a", "2 b"], "who shared its group");
    }));

  it("are over when a lease is taken with no chunk: none comes late, and none is left out", () =>
    withDatabase(POSTGRES, async (open) => {
      const writer = await leased(open);
      await say(open, writer, "a");
      const saying = elsewhere(() =>
        assert.rejects(say(open, { ...writer, after: 1 }, "late"), isCode("lease_lost")),
      );
      await open.uow().commit("recover_turns", async (trx) => {
        await lockSession(trx, ID);
        await holdAppends(trx);
        saying.begin();
        await delay(MOMENT_MS);
        await takeLease(trx, ID, "another");
      });
      await saying.done;
      assert.deepEqual(await logOf(open), ["1 a"]);
    }));

  it("that are on their way are waited for by who takes a lease with no chunk", () =>
    withDatabase(POSTGRES, async (open) => {
      const writer = await leased(open);
      let saw: Promise<number> | undefined;
      await inTransaction(open, async (client) => {
        // Holds up the statement behind its look at the lease, where it adds its row.
        await client.query("lock table chunks in share mode");
        const saying = say(open, writer, "a");
        await delay(MOMENT_MS);
        saw = open.uow().commit("recover_turns", async (trx) => {
          await holdAppends(trx);
          const { last_seq } = await lockSession(trx, ID);
          await takeLease(trx, ID, "another");
          return last_seq;
        });
        await delay(MOMENT_MS);
        await client.query("commit; begin");
        await saying;
      });
      assert.equal(await saw, 1);
    }));

  it("leave no hole behind a server that has lost what it had told", () =>
    withDatabase(POSTGRES, async (open) => {
      const writer = await leased(open);
      await say(open, writer, "a");
      await say(open, { ...writer, after: 1 }, "b");
      await inTransaction(open, async (client) => {
        await client.query("delete from chunks where seq = 2");
        await client.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
        );
      });
      await assert.rejects(say(open, { ...writer, after: 2 }, "c"), isCode("lease_lost"));
      assert.deepEqual(await logOf(open), ["1 a"]);
    }));

  it("are in the log before the session's row says so: whoever asks where it ends is told", () =>
    withDatabase(POSTGRES, async (open) => {
      const { reader } = open.database;
      await say(open, await leased(open), "a", "b", "c");
      const row = await reader.selectFrom("sessions").select("last_seq").executeTakeFirstOrThrow();
      assert.equal(row.last_seq, 0);
      assert.equal((await findSession(reader, ID)).last_seq, 3);
      assert.equal((await logPlace(reader, ID))?.last_seq, 3);
      await open.uow().commit("begin_epoch", (trx) => beginEpoch(trx, "went_back"));
      assert.equal((await logPlace(reader, ID))?.epoch_seq, 3);
    }));

  it("are gone with their session", () =>
    withDatabase(POSTGRES, async (open) => {
      await say(open, await leased(open), "a");
      await open.uow().commit("purge_session", (trx) => removeSession(trx, ID));
      assert.deepEqual(await logOf(open), []);
    }));
});
