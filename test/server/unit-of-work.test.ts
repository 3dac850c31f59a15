// The contract of the Unit of Work, on both engines.
import assert from "node:assert/strict";
import { sql } from "kysely";
import { SSEUnitOfWork } from "../../server/db/commit/unit-of-work.ts";
import type { Trx } from "../../server/db/tables/schema.ts";
import { changeSession, insertSession } from "../../server/db/tables/sessions.ts";
import { ChatError } from "../../server/errors.ts";
import type { Operation } from "../../server/observe/operations.ts";
import {
  metric,
  newSession,
  type OpenTestDatabase,
  sessionIds,
  storeSession,
  withDatabase,
} from "../support/database.ts";
import { ENGINES } from "../support/engines.ts";

const OPERATION = "create_session";

for (const engine of ENGINES) {
  const check = (body: (open: OpenTestDatabase) => Promise<void>) => () =>
    withDatabase(engine, body);
  const commits = (open: OpenTestDatabase, status: string) =>
    metric(open.metrics, "sse_transaction_commits_total", { operation: OPERATION, status });

  describe(`unit of work on ${engine.engine}`, () => {
    it(
      "makes all that the work wrote durable and returns its result",
      check(async (open) => {
        const result = await open.uow().commit(OPERATION, async (trx) => {
          await insertSession(trx, newSession("a"));
          await insertSession(trx, newSession("b"));
          return 42;
        });
        assert.equal(result, 42);
        assert.deepEqual(await sessionIds(open), ["a", "b"]);
        assert.equal(await commits(open, "success"), 1);
      }),
    );

    it(
      "keeps what an earlier commit wrote when a later one fails",
      check(async (open) => {
        const uow = open.uow();
        await uow.commit(OPERATION, (trx) => insertSession(trx, newSession("kept")));
        const boom = new Error("boom");
        await assert.rejects(
          uow.commit(OPERATION, async (trx) => {
            await insertSession(trx, newSession("gone"));
            throw boom;
          }),
          boom,
        );
        assert.deepEqual(await sessionIds(open), ["kept"]);
        assert.equal(await commits(open, "success"), 1);
        assert.equal(await commits(open, "rollback"), 1);
      }),
    );

    it(
      "can be used again after a rollback",
      check(async (open) => {
        const uow = open.uow();
        await assert.rejects(uow.commit(OPERATION, () => Promise.reject(new Error("no"))));
        await uow.commit(OPERATION, (trx) => insertSession(trx, newSession("a")));
        assert.deepEqual(await sessionIds(open), ["a"]);
      }),
    );

    it(
      "shows nothing of an open transaction to readers",
      check(async (open) => {
        const written = Promise.withResolvers<void>();
        const seen = Promise.withResolvers<void>();
        const committing = open.uow().commit(OPERATION, async (trx) => {
          await insertSession(trx, newSession("a"));
          written.resolve();
          await seen.promise;
        });
        await written.promise;
        // The read does not wait for the writer either.
        assert.deepEqual(await sessionIds(open), []);
        seen.resolve();
        await committing;
        assert.deepEqual(await sessionIds(open), ["a"]);
      }),
    );

    it(
      "refuses to commit after a statement error, even a swallowed one",
      check(async (open) => {
        await storeSession(open, "taken");
        let after: unknown;
        await assert.rejects(
          open.uow().commit(OPERATION, async (trx) => {
            await insertSession(trx, newSession("first"));
            await insertSession(trx, newSession("taken")).catch(() => {});
            after = await insertSession(trx, newSession("after")).catch(
              (thrown: unknown) => thrown,
            );
          }),
          (thrown) => thrown instanceof ChatError && thrown.code === "commit_failed",
        );
        assert.ok(after instanceof ChatError, "statements after the error are refused");
        assert.deepEqual(await sessionIds(open), ["taken"]);
      }),
    );

    it(
      "rolls back when the COMMIT itself fails, and leaves the connection clean",
      check(async (open) => {
        const failing = (trx: Trx) =>
          engine.engine === "sqlite"
            ? sql`pragma defer_foreign_keys = on`.execute(trx)
            : sql`set constraints all deferred`.execute(trx);
        if (engine.engine === "postgres") {
          await sql`alter table turns alter constraint turns_session_id_fkey deferrable`.execute(
            open.database.writer,
          );
        }
        await assert.rejects(
          open.uow().commit(OPERATION, async (trx) => {
            await failing(trx);
            await trx
              .insertInto("turns")
              .values({
                id: "t",
                session_id: "nobody",
                status: "running",
                agent_type: "ask",
                model: "demo/demo",
                after_seq: 0,
                started_at: 0,
              })
              .execute();
          }),
          /foreign key/i,
        );
        assert.equal(await commits(open, "error"), 1);
        await storeSession(open, "next");
        assert.deepEqual(await sessionIds(open), ["next"]);
      }),
    );

    it(
      "runs after-commit hooks after the commit, in order, and never after a rollback",
      check(async (open) => {
        const ran: string[] = [];
        await open.uow().commit(OPERATION, async (trx, afterCommit) => {
          afterCommit(() => ran.push("one"));
          await insertSession(trx, newSession("a"));
          afterCommit(() => ran.push("two"));
          assert.deepEqual(ran, []);
        });
        assert.deepEqual(ran, ["one", "two"]);
        await assert.rejects(
          open.uow().commit(OPERATION, (_trx, afterCommit) => {
            afterCommit(() => ran.push("never"));
            return Promise.reject(new Error("no"));
          }),
        );
        assert.deepEqual(ran, ["one", "two"]);
      }),
    );

    it(
      "keeps the commit when a hook throws, and says so in the log",
      check(async (open) => {
        await open.uow({ turnId: "turn-1" }).commit(OPERATION, async (trx, afterCommit) => {
          await insertSession(trx, newSession("a"));
          afterCommit(() => {
            throw new Error("reader gone");
          });
        });
        assert.deepEqual(await sessionIds(open), ["a"]);
        assert.ok(open.lines.some((line) => line.msg === "an after-commit hook failed"));
      }),
    );

    it(
      "refuses a nested commit",
      check(async (open) => {
        const uow = open.uow();
        const nested = (inner: SSEUnitOfWork) =>
          uow.commit(OPERATION, () => inner.commit("append_chunks", () => Promise.resolve()));
        await assert.rejects(
          nested(uow),
          /append_chunks: a unit of work cannot commit inside another/,
        );
        await assert.rejects(nested(open.uow()), /cannot commit inside another/);
        assert.equal(uow.isOpen, false);
      }),
    );

    it(
      "refuses two commits at once",
      check(async (open) => {
        const uow = open.uow();
        const first = uow.commit(OPERATION, (trx) => insertSession(trx, newSession("a")));
        await assert.rejects(
          uow.commit(OPERATION, (trx) => insertSession(trx, newSession("b"))),
          /cannot commit inside another/,
        );
        await first;
        assert.deepEqual(await sessionIds(open), ["a"]);
      }),
    );

    it(
      "refuses use after close, and an operation that is not on the list",
      check(async (open) => {
        const uow = open.uow();
        const unknown: string = "unknown";
        await assert.rejects(
          uow.commit(unknown as Operation, () => Promise.resolve()),
          /Unknown operation "unknown"/,
        );
        uow.close();
        await assert.rejects(
          uow.commit(OPERATION, () => Promise.resolve()),
          /create_session: this unit of work is closed/,
        );
      }),
    );

    it(
      "refuses the database itself inside the work, instead of hanging",
      check(async (open) => {
        await assert.rejects(
          open
            .uow()
            .commit(OPERATION, () =>
              open.database.writer.selectFrom("sessions").select("id").execute(),
            ),
          /used directly inside a unit of work/,
        );
        await storeSession(open, "next");
      }),
    );

    it("ends a transaction that waits for something else", async function () {
      this.timeout(15_000);
      await withDatabase(engine, async (open) => {
        await assert.rejects(
          open.uow().commit(OPERATION, async (trx) => {
            await insertSession(trx, newSession("a"));
            await new Promise(() => {});
          }),
          /kept its transaction open for 5 s/,
        );
        await storeSession(open, "next");
        assert.deepEqual(await sessionIds(open), ["next"]);
      });
    });

    it(
      "lends its connection mode to a connection that the caller opened",
      check(async (open) => {
        await open.database.writer.connection().execute(async (db) => {
          const uow = new SSEUnitOfWork({ ...open.deps, db, group: undefined });
          await uow.commit(OPERATION, (trx) => insertSession(trx, newSession("a")));
          uow.close();
          const rows = await db.selectFrom("sessions").select("id").execute();
          assert.deepEqual(rows, [{ id: "a" }], "the owner's connection still works");
        });
      }),
    );

    for (const ownerCommits of [true, false]) {
      it(
        `borrows a transaction whose owner ${ownerCommits ? "commits" : "rolls back"}`,
        check(async (open) => {
          const owner = await open.database.writer.startTransaction().execute();
          const published: string[] = [];
          await insertSession(owner, newSession("before"));
          const uow = SSEUnitOfWork.borrowing(owner, open.deps);
          await uow.commit(OPERATION, async (trx, afterCommit) => {
            await insertSession(trx, newSession("inside"));
            afterCommit(() => published.push("inside"));
          });
          await assert.rejects(
            uow.commit(OPERATION, async (trx) => {
              await insertSession(trx, newSession("undone"));
              await insertSession(trx, newSession("before"));
            }),
          );
          await insertSession(owner, newSession("later"));
          assert.deepEqual(published, [], "nothing is durable before the owner commits");
          await (ownerCommits ? owner.commit() : owner.rollback()).execute();
          uow.close({ ownerCommitted: ownerCommits });
          assert.deepEqual(
            await sessionIds(open),
            ownerCommits ? ["before", "inside", "later"] : [],
          );
          assert.deepEqual(published, ownerCommits ? ["inside"] : []);
          assert.throws(() => SSEUnitOfWork.borrowing(owner, open.deps), /already ended/);
        }),
      );
    }

    it("meters each transaction once, with phases, and warns of a slow one with its turn", async () => {
      await withDatabase(
        engine,
        async (open) => {
          await open
            .uow({ turnId: "turn-7" })
            .commit(OPERATION, (trx) => insertSession(trx, newSession("a")));
          const labels = { operation: OPERATION };
          const count = (name: string, more = {}) =>
            metric(open.metrics, name, { ...labels, ...more });
          assert.equal(await count("sse_transaction_duration_seconds_count"), 1);
          const total = await count("sse_transaction_duration_seconds_sum");
          let phases = 0;
          for (const phase of ["wait", "body", "commit"]) {
            assert.equal(await count("sse_transaction_phase_seconds_count", { phase }), 1);
            phases += await count("sse_transaction_phase_seconds_sum", { phase });
          }
          assert.ok(Math.abs(total - phases) < 1e-9, "the phases are the whole");
          assert.equal(await count("sse_transaction_slow_total"), 1);
          const warning = open.lines.find((line) => line.msg === "slow transaction");
          assert.equal(warning?.["turn_id"], "turn-7");
          assert.equal(warning?.["operation"], OPERATION);
          assert.ok(Number(warning?.["commit_seconds"]) >= 0);
        },
        0,
      );
    });

    it(
      "begins no transaction before it is asked to write",
      check(async (open) => {
        const uow = open.uow();
        assert.equal(uow.isOpen, false);
        uow.close();
        assert.equal(await commits(open, "success"), 0);
      }),
    );

    it(
      "lets one of two conflicting writers win, whole",
      check(async (open) => {
        await storeSession(open, "s");
        const writers = Array.from({ length: 20 }, (_, n) =>
          open.uow().commit("update_session", (trx) => changeSession(trx, "s", { title: `t${n}` })),
        );
        await Promise.all(writers);
        const row = await open.database.reader
          .selectFrom("sessions")
          .select("title")
          .executeTakeFirstOrThrow();
        assert.match(row.title, /^t\d+$/);
      }),
    );
  });
}
