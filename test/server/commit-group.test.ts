// Shared commits: one fsync for all that came in the same turn of the event loop,
// and yet each stands alone.
import assert from "node:assert/strict";
import { sql } from "kysely";
import { insertSession } from "../../server/db/tables/sessions.ts";
import {
  newSession,
  type OpenTestDatabase,
  sessionIds,
  withDatabase,
} from "../support/database.ts";
import { ENGINES } from "../support/engines.ts";

describe("shared commits on SQLite", () => {
  const engine = ENGINES.find((candidate) => candidate.engine === "sqlite");
  assert.ok(engine);
  const check = (body: (open: OpenTestDatabase) => Promise<void>) => () =>
    withDatabase(engine, body);

  /** Physical write transactions so far, as SQLite itself counts them. */
  async function changesOfFile({ database }: OpenTestDatabase): Promise<number> {
    const { rows } = await sql<{ data_version: number }>`pragma data_version`.execute(
      database.reader,
    );
    return rows[0]?.data_version ?? 0;
  }

  const store = (open: OpenTestDatabase, id: string) =>
    open.uow().commit("create_session", (trx) => insertSession(trx, newSession(id)));

  it(
    "commit once for many",
    check(async (open) => {
      const ids = Array.from({ length: 50 }, (_, n) => `s${String(n).padStart(2, "0")}`);
      let physical = 0;
      let version = await changesOfFile(open);
      const look = async () => {
        const now = await changesOfFile(open);
        if (now !== version) physical++;
        version = now;
      };
      await Promise.all(ids.map((id) => store(open, id).then(look)));
      assert.deepEqual(await sessionIds(open), ids);
      assert.equal(physical, 1);
    }),
  );

  it(
    "roll back only the one that failed",
    check(async (open) => {
      const outcomes = await Promise.allSettled([
        store(open, "a"),
        store(open, "a"),
        open.uow().commit("create_session", async (trx) => {
          await insertSession(trx, newSession("half"));
          throw new Error("told to");
        }),
        store(open, "b"),
      ]);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ["fulfilled", "rejected", "rejected", "fulfilled"],
      );
      assert.deepEqual(await sessionIds(open), ["a", "b"]);
    }),
  );

  it(
    "do the others again when one breaks the whole transaction",
    check(async (open) => {
      const runs = { first: 0, last: 0 };
      const counted = (name: keyof typeof runs) =>
        open.uow().commit("create_session", async (trx, afterCommit) => {
          runs[name]++;
          await insertSession(trx, newSession(name));
          afterCommit(() => published.push(name));
        });
      const published: string[] = [];
      const first = counted("first");
      const breaking = open.uow().commit("create_session", async (trx) => {
        await insertSession(trx, newSession("breaking"));
        // What a full disk does: the engine ends the transaction by itself.
        await sql`rollback`.execute(trx);
        throw new Error("disk full");
      });
      const outcomes = await Promise.allSettled([first, breaking, counted("last")]);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ["fulfilled", "rejected", "fulfilled"],
      );
      assert.deepEqual(await sessionIds(open), ["first", "last"]);
      assert.deepEqual(published, ["first", "last"], "published once each");
      assert.deepEqual(runs, { first: 2, last: 1 });
    }),
  );

  it(
    "fail only who is to blame when the COMMIT fails",
    check(async (open) => {
      const published: string[] = [];
      const orphan = open.uow().commit("create_session", async (trx, afterCommit) => {
        await sql`pragma defer_foreign_keys = on`.execute(trx);
        await trx
          .insertInto("chunks")
          .values({ session_id: "nobody", seq: 1, turn_id: null, type: "status", payload: "{}" })
          .execute();
        afterCommit(() => published.push("orphan"));
      });
      const other = open.uow().commit("create_session", async (trx, afterCommit) => {
        await insertSession(trx, newSession("other"));
        afterCommit(() => published.push("other"));
      });
      const outcomes = await Promise.allSettled([other, orphan]);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ["fulfilled", "rejected"],
      );
      assert.deepEqual(published, ["other"]);
      assert.deepEqual(await sessionIds(open), ["other"]);
    }),
  );
});
