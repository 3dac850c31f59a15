// The hot path: many streams append to their sessions' logs in one physical commit, and each
// succeeds or fails alone.
import assert from "node:assert/strict";
import type { Worker } from "node:worker_threads";
import SQLite from "better-sqlite3";
import { sql } from "kysely";
import type { AppendRequest } from "../../server/db/commit/append-log.ts";
import { SSEUnitOfWork } from "../../server/db/commit/unit-of-work.ts";
import type { Numbered } from "../../server/db/tables/chunks.ts";
import { insertSession, releaseLease, takeLease } from "../../server/db/tables/sessions.ts";
import { ChatError } from "../../server/errors.ts";
import { currentTrace, traceOf, withTrace } from "../../server/observe/trace-context.ts";
import {
  metric,
  newSession,
  type OpenTestDatabase,
  sessionIds,
  withDatabase,
} from "../support/database.ts";
import { ENGINES, SQLITE } from "../support/engines.ts";

let commits = 0;

/** A session whose lease is held; what appends to it needs. */
async function leased(open: OpenTestDatabase, id: string) {
  const fence = await open.uow().commit("create_session", async (trx) => {
    await insertSession(trx, newSession(id));
    return await takeLease(trx, id, "me");
  });
  return { sessionId: id, turnId: `turn of ${id}`, fence, after: 0 };
}

/** Once it is stored the writer knows of it. */
function says(writer: Awaited<ReturnType<typeof leased>>, ...tokens: string[]) {
  const { after } = writer;
  writer.after += tokens.length;
  const rows = tokens.map((token) => ({
    type: "assistant_message",
    payload: JSON.stringify({ token }),
  }));
  return { ...writer, after, commitId: `commit ${++commits}`, rows } satisfies AppendRequest;
}

async function stored({ database }: OpenTestDatabase, sessionId: string): Promise<string[]> {
  const rows = await database.reader
    .selectFrom("chunks")
    .select(["seq", "payload"])
    .where("session_id", "=", sessionId)
    .orderBy("seq")
    .execute();
  return rows.map(({ seq, payload }) => `${seq} ${payload}`);
}

const nothing = () => {};

for (const engine of ENGINES) {
  describe(`append log on ${engine.engine}`, () => {
    it("is told in the log as its own trace's, whoever shared its commit", () =>
      withDatabase(
        engine,
        async (open) => {
          const writers = [];
          for (const id of ["one", "two", "three"]) writers.push(await leased(open, id));
          await Promise.all(
            writers.map((writer) =>
              withTrace(traceOf(undefined), async () => {
                const uow = open.uow({ sessionId: writer.sessionId });
                const own = currentTrace()?.traceId;
                await uow.append("append_chunks", says(writer, "x"), () => {
                  throw new Error(own);
                });
                open.deps.log.info({ session_id: writer.sessionId }, "own");
              }),
            ),
          );
          const told = open.lines.filter(
            ({ operation, msg }) => operation === "append_chunks" || msg === "own",
          );
          const bySession = Map.groupBy(told, ({ session_id }) => session_id);
          assert.deepEqual(new Set(bySession.keys()), new Set(["one", "two", "three"]));
          for (const lines of bySession.values()) {
            assert.equal(lines.length, 2);
            assert.equal(new Set(lines.map(({ trace_id }) => trace_id)).size, 1);
          }
          const failed = open.lines.filter(({ msg }) => msg === "an after-commit hook failed");
          assert.equal(failed.length, 3);
          for (const line of failed) {
            const { message } = line["err"] as { message: string };
            assert.equal(message, line["trace_id"]);
          }
        },
        0,
      ));

    it("numbers the chunks of many sessions, each from its own last one", () =>
      withDatabase(engine, async (open) => {
        const writers = [];
        for (let n = 0; n < 40; n++) {
          writers.push({ uow: open.uow(), ...(await leased(open, `session ${n}`)) });
        }
        for (const round of [0, 1]) {
          const done: Numbered[] = await Promise.all(
            writers.map(({ uow, ...writer }) =>
              uow.append("append_chunks", says(writer, `a${round}`, `b${round}`), nothing),
            ),
          );
          assert.deepEqual(new Set(done.map((one) => one.lastSeq)), new Set([2 + 2 * round]));
        }
        for (const { sessionId } of writers) {
          assert.deepEqual(await stored(open, sessionId), [
            '1 {"token":"a0"}',
            '2 {"token":"b0"}',
            '3 {"token":"a1"}',
            '4 {"token":"b1"}',
          ]);
        }
        const count = { operation: "append_chunks", status: "success" };
        assert.equal(await metric(open.metrics, "sse_transaction_commits_total", count), 80);
      }));

    it("fails alone: a lost lease, a deleted session, a row that cannot be stored", () =>
      withDatabase(engine, async (open) => {
        const good = await leased(open, "good");
        const late = await leased(open, "late");
        const gone = { ...good, sessionId: "gone" };
        const torn = await leased(open, "torn");
        await open.uow().commit("update_session", async (trx) => {
          await releaseLease(trx, "late");
        });
        if (engine.engine === "sqlite") {
          await sql`create trigger torn before insert on tail when new.session_id = 'torn' begin
            select raise(abort, 'planted'); end`.execute(open.database.writer);
        } else {
          await sql`alter table chunks add check (session_id <> 'torn')`.execute(
            open.database.writer,
          );
        }
        const heard: string[] = [];
        const results = await Promise.allSettled(
          [good, late, gone, torn].map((writer) =>
            open.uow().append("append_chunks", says(writer, "x"), () => {
              heard.push(writer.sessionId);
            }),
          ),
        );
        assert.deepEqual(
          results.map((one) =>
            one.status === "rejected"
              ? one.reason instanceof ChatError
                ? one.reason.code
                : "an error of the database"
              : one.value.lastSeq,
          ),
          [1, "lease_lost", "not_found", "an error of the database"],
        );
        assert.deepEqual(heard, ["good"]);
        assert.deepEqual(await stored(open, "late"), []);
        assert.deepEqual(await stored(open, "torn"), []);
        const { last_seq } = await open.database.reader
          .selectFrom("sessions")
          .select("last_seq")
          .where("id", "=", "torn")
          .executeTakeFirstOrThrow();
        assert.equal(last_seq, 0, "the number that was taken is given back");
      }));

    it("tells nobody before the rows can be read by others", () =>
      withDatabase(engine, async (open) => {
        const writer = await leased(open, "seen");
        const checks: Promise<boolean>[] = [];
        const uow = open.uow();
        for (let n = 1; n <= 20; n++) {
          await uow.append("append_chunks", says(writer, `${n}`), ({ lastSeq }) => {
            checks.push(stored(open, "seen").then((rows) => rows.length >= lastSeq));
          });
        }
        assert.deepEqual(await Promise.all(checks), Array(20).fill(true));
      }));

    it("takes turns with steps that are functions, and loses neither", () =>
      withDatabase(engine, async (open) => {
        const writers = [];
        for (let n = 0; n < 10; n++) writers.push(await leased(open, `session ${n}`));
        await Promise.all([
          ...writers.map(async (writer) => {
            const uow = open.uow();
            for (let n = 0; n < 20; n++) {
              await uow.append("append_chunks", says(writer, `${n}`), nothing);
            }
          }),
          ...Array.from({ length: 100 }, (_, n) =>
            open
              .uow()
              .commit("create_session", (trx) => insertSession(trx, newSession(`other ${n}`))),
          ),
        ]);
        assert.equal((await sessionIds(open)).length, 110);
        for (const { sessionId } of writers)
          assert.equal((await stored(open, sessionId)).length, 20);
      }));

    it("refuses to append for a borrowed transaction, whose owner could still take it back", () =>
      withDatabase(engine, async (open) => {
        const writer = await leased(open, "borrowed");
        const owner = await open.database.writer.startTransaction().execute();
        const uow = SSEUnitOfWork.borrowing(owner, open.deps);
        await assert.rejects(uow.append("append_chunks", says(writer, "x"), nothing), /borrowed/);
        uow.close();
        await owner.rollback().execute();
      }));
  });
}

describe("append log on a locked file", () => {
  it("waits without blocking, and goes on when the lock is gone", () => {
    return withDatabase(SQLITE, async (open) => {
      const writer = await leased(open, "locked");
      const { source } = open.test;
      const other = new SQLite(source.engine === "sqlite" ? source.path : "");
      other.exec("begin immediate");
      const appending = open.uow().append("append_chunks", says(writer, "x"), nothing);
      const retried = { operation: "append_chunks" };
      while ((await metric(open.metrics, "sse_transaction_retries_total", retried)) < 1) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      other.exec("commit");
      other.close();
      assert.equal((await appending).lastSeq, 1);
    });
  });

  it("loses and doubles nothing when its thread dies in mid-stream, and goes on with another", async () => {
    const threads: Worker[] = [];
    const remember = (worker: Worker) => void threads.push(worker);
    process.on("worker", remember);
    try {
      await withDatabase(SQLITE, async (open) => {
        const writers = [];
        for (let n = 0; n < 10; n++) {
          writers.push({ uow: open.uow(), ...(await leased(open, `session ${n}`)) });
        }
        const streams = writers.map(async ({ uow, ...writer }) => {
          const seqs: number[] = [];
          for (let n = 1; n <= 60; n++) {
            const { lastSeq } = await uow.append("append_chunks", says(writer, `w${n}`), nothing);
            seqs.push(lastSeq);
            if ((n === 20 || n === 40) && writer.sessionId === "session 0") {
              for (const thread of threads.splice(0)) void thread.terminate();
            }
          }
          return seqs;
        });
        const expected = Array.from({ length: 60 }, (_, index) => index + 1);
        for (const seqs of await Promise.all(streams)) assert.deepEqual(seqs, expected);
        assert.ok(threads.length > 0, "it was started again");
        for (const { sessionId } of writers) {
          assert.deepEqual(
            await stored(open, sessionId),
            expected.map((n) => `${n} {"token":"w${n}"}`),
          );
        }
      });
    } finally {
      process.off("worker", remember);
    }
  });
});
