// Where the words of an answer are on SQLite before they have their place in the log: nobody can
// tell, but by the pages that are written (server/db/commit/tail.ts).
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import SQLite from "better-sqlite3";
import type { AppendRequest } from "../../server/db/commit/append-log.ts";
import { openDatabase } from "../../server/db/open.ts";
import { insertSession, takeLease } from "../../server/db/tables/sessions.ts";
import { readWholeChat } from "../../server/db/tables/whole-chat.ts";
import { checkDatabase } from "../../server/doctor/check/check-database.ts";
import { query } from "../support/damage.ts";
import { newSession, type OpenTestDatabase, withDatabase } from "../support/database.ts";
import { SQLITE } from "../support/engines.ts";
import { memoryLog } from "../support/log.ts";
import { inTail, stopTime } from "../support/tail.ts";
import { isCode } from "../support/tools.ts";

let commits = 0;

interface Writer {
  sessionId: string;
  turnId: string;
  fence: number;
  /** Nobody asks for it on SQLite. */
  after: number;
}

async function leased(open: OpenTestDatabase, id: string): Promise<Writer> {
  const fence = await open.uow({ sessionId: id }).commit("create_session", async (trx) => {
    await insertSession(trx, newSession(id));
    return await takeLease(trx, id, "me");
  });
  return { sessionId: id, turnId: `turn of ${id}`, fence, after: 0 };
}

const nothing = () => {};

/** Says one word after the other; resolves with where the log ends. */
async function say(
  open: OpenTestDatabase,
  writer: Writer,
  words: readonly string[],
  onCommit: (lastSeq: number) => void = nothing,
): Promise<number> {
  let end = 0;
  for (const word of words) {
    const rows = [{ type: "assistant_message", payload: JSON.stringify({ token: word }) }];
    const append: AppendRequest = { ...writer, commitId: `commit ${++commits}`, rows };
    const done = await open
      .uow(writer)
      .append("append_chunks", append, ({ lastSeq }) => onCommit(lastSeq));
    end = done.lastSeq;
  }
  return end;
}

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `w${n + 1}`);

function pathOf({ test }: OpenTestDatabase): string {
  return test.source.engine === "sqlite" ? test.source.path : "";
}

const LOG = "select seq || ' ' || payload as said from chunks where session_id = ? order by seq";
const said = (path: string, id: string) =>
  query<{ said: string }>(path, LOG, id).map((row) => row.said);
const expected = (count: number) =>
  numbered(count).map((word, n) => `${n + 1} {"token":"${word}"}`);

const rowOf = (path: string, id: string) =>
  query<{ last_seq: number; last_commit: string }>(
    path,
    "select last_seq, last_commit from sessions where id = ?",
    id,
  )[0];

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("the tail of the log on SQLite", () => {
  it("is read by others as part of the log, each word before it is shown", () =>
    withDatabase(SQLITE, async (open) => {
      stopTime(open.database);
      const path = pathOf(open);
      const writer = await leased(open, "one");
      const other = new SQLite(path, { readonly: true });
      const read = other.prepare<[string], number>(
        "select max(seq) from chunks where session_id = ?",
      );
      let shown = 0;
      await say(open, writer, numbered(30), (lastSeq) => {
        shown++;
        assert.equal(read.pluck().get("one"), lastSeq);
      });
      other.close();
      assert.equal(shown, 30);
      assert.ok(inTail(path) > 0, "it was the tail that was read");
      assert.deepEqual(said(path, "one"), expected(30));
      assert.equal(open.database.tail?.newestSeq("one", rowOf(path, "one")?.last_seq ?? 0), 30);
      const chat = await readWholeChat(open.database.reader, "one");
      assert.equal(chat.head.last_seq, 30);
    }));

  it("is settled within seconds though nobody writes any more, and then is empty", () =>
    withDatabase(SQLITE, async (open) => {
      const path = pathOf(open);
      const writers = [];
      for (let n = 0; n < 5; n++) writers.push(await leased(open, `session ${n}`));
      await Promise.all(writers.map((writer) => say(open, writer, numbered(20))));
      await until(() => query(path, "select 1 from tail").length === 0);
      const settled = "select seq from settled_chunks where session_id = ? order by seq";
      for (const { sessionId } of writers) {
        assert.equal(query(path, settled, sessionId).length, 20);
        assert.deepEqual(said(path, sessionId), expected(20));
        assert.equal(rowOf(path, sessionId)?.last_seq, 20);
      }
      const [newest] = writers.map(({ sessionId }) => rowOf(path, sessionId)?.last_commit);
      assert.match(newest ?? "", /^commit \d+$/);
      // And the next word comes behind them.
      const [first] = writers;
      if (first) assert.equal(await say(open, first, ["more"]), 21);
    }));

  it("is settled within seconds though one goes on that says little, and many have said much", () =>
    withDatabase(SQLITE, async (open) => {
      const path = pathOf(open);
      const [first, ...others] = await Promise.all(
        Array.from({ length: 40 }, (_, n) => leased(open, `session ${n}`)),
      );
      const payload = JSON.stringify({ token: "w" });
      const rows = Array.from({ length: 200 }, () => ({ type: "assistant_message", payload }));
      for (const writer of others) {
        const append = { ...writer, commitId: `commit ${++commits}`, rows };
        await open.uow(writer).append("append_chunks", append, nothing);
      }
      const began = performance.now();
      const left = () =>
        query(path, "select 1 from sessions where last_seq = 0 and id <> 'session 0'").length;
      while (first && left() > 0) {
        await say(open, first, ["w"]);
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
      // By its own groups alone it would take some 16 s.
      assert.ok(performance.now() - began < 10_000);
    }));

  it("is settled by groups while streams go on, a session at a time, and given back", () =>
    withDatabase(SQLITE, async (open) => {
      const path = pathOf(open);
      const writers = [];
      for (let n = 0; n < 8; n++) writers.push(await leased(open, `session ${n}`));
      const ends = performance.now() + 2_500;
      let most = 0;
      const counts = await Promise.all(
        writers.map(async (writer) => {
          let count = 0;
          for (; performance.now() < ends; count++) {
            await say(open, writer, [`w${count + 1}`]);
            if (count % 50 === 0) most = Math.max(most, inTail(path));
            await new Promise((resolve) => setTimeout(resolve, 2));
          }
          return count;
        }),
      );
      for (const [index, count] of counts.entries()) {
        assert.deepEqual(said(path, `session ${index}`), expected(count));
        assert.ok((rowOf(path, `session ${index}`)?.last_seq ?? 0) > 0, "settled meanwhile");
      }
      assert.ok(most > 0);
    }));

  it("does not keep a lease that was taken by another connection in mid-stream", () =>
    withDatabase(SQLITE, async (open) => {
      const writer = await leased(open, "one");
      await say(open, writer, numbered(3));
      const other = new SQLite(pathOf(open));
      other.exec("update sessions set lease_fence = lease_fence + 1");
      other.close();
      await assert.rejects(say(open, writer, ["late"]), isCode("lease_lost"));
      assert.deepEqual(said(pathOf(open), "one"), expected(3));
    }));

  it("numbers on from what is settled, also where somebody without a lease was refused before", () =>
    withDatabase(SQLITE, async (open) => {
      const goOn = stopTime(open.database);
      const writer = await leased(open, "one");
      await say(open, writer, numbered(3));
      // So the thread reads the row anew, whose end is that of the settled log.
      await leased(open, "two");
      const late = say(open, { ...writer, fence: writer.fence - 1 }, ["late"]);
      await assert.rejects(late, isCode("lease_lost"));
      goOn();
      await until(() => inTail(pathOf(open)) === 0);
      assert.equal(await say(open, writer, ["w4"]), 4);
      assert.deepEqual(said(pathOf(open), "one"), expected(4));
    }));

  it("tells a stream in its next word who asked it to stop", () =>
    withDatabase(SQLITE, async (open) => {
      const writer = await leased(open, "one");
      await say(open, writer, numbered(2));
      const other = new SQLite(pathOf(open));
      other.exec("update sessions set cancel_turn_id = 'turn of one'");
      other.close();
      const rows = [{ type: "assistant_message", payload: "{}" }];
      const append = { ...writer, commitId: "last", rows };
      const done = await open.uow(writer).append("append_chunks", append, nothing);
      assert.deepEqual(
        { lastSeq: done.lastSeq, cancelTurnId: done.cancelTurnId },
        { lastSeq: 3, cancelTurnId: "turn of one" },
      );
    }));

  it("is whole in the log of each step, of its session or of all", () =>
    withDatabase(SQLITE, async (open) => {
      stopTime(open.database);
      const writers = [await leased(open, "one"), await leased(open, "two")];
      for (const writer of writers) await say(open, writer, numbered(4));
      const seen = (subject: { sessionId?: string }) =>
        open.uow(subject).commit("update_session", async (trx) => {
          const log = trx.selectFrom("chunks").select("seq").where("session_id", "=", "one");
          const row = trx.selectFrom("sessions").select("last_seq").where("id", "=", "one");
          const { last_seq } = await row.executeTakeFirstOrThrow();
          return { chunks: (await log.execute()).length, last_seq };
        });
      assert.deepEqual(await seen({ sessionId: "one" }), { chunks: 4, last_seq: 4 });
      const [one] = writers;
      if (one) await say(open, one, ["w5"]);
      assert.deepEqual(await seen({}), { chunks: 5, last_seq: 5 });
      assert.equal(inTail(pathOf(open)), 0, "a step without a session has settled all");
    }));

  it("stays where it is when a step that settled it is rolled back", () =>
    withDatabase(SQLITE, async (open) => {
      const goOn = stopTime(open.database);
      const path = pathOf(open);
      const writer = await leased(open, "one");
      await say(open, writer, numbered(3));
      const step = (sessionId: string, isRefused: boolean) =>
        open.uow({ sessionId }).commit("update_session", async (trx) => {
          await trx
            .updateTable("sessions")
            .set({ title: "x" })
            .where("id", "=", sessionId)
            .execute();
          if (isRefused) throw new Error("planted");
        });
      await leased(open, "two");
      // In one physical commit, so that the other's makes nothing true of this one.
      const [refused] = await Promise.allSettled([step("one", true), step("two", false)]);
      assert.equal(refused.status, "rejected");
      assert.equal(inTail(path), 3);
      assert.equal(await say(open, writer, ["w4"]), 4);
      goOn();
      await until(() => query(path, "select 1 from tail").length === 0);
      assert.deepEqual(said(path, "one"), expected(4));
    }));

  it("is settled by the next start where a companion died, before anything else is written", () =>
    withDatabase(SQLITE, async (open) => {
      stopTime(open.database);
      const path = pathOf(open);
      const writers = [await leased(open, "one"), await leased(open, "two")];
      for (const writer of writers) await say(open, writer, numbered(7));
      const newest = rowOf(path, "two");
      const copy = `${path}.copy`;
      for (const end of ["", "-wal"]) copyFileSync(path + end, copy + end);
      assert.equal(inTail(copy), 14);
      assert.ok((newest?.last_seq ?? 0) < 7);
      const again = await openDatabase({ engine: "sqlite", path: copy }, memoryLog().log);
      try {
        assert.equal(query(copy, "select 1 from tail").length, 0);
        for (const { sessionId } of writers) {
          assert.deepEqual(said(copy, sessionId), expected(7));
          assert.equal(rowOf(copy, sessionId)?.last_seq, 7);
        }
        assert.equal(rowOf(copy, "two")?.last_commit, `commit ${commits}`);
      } finally {
        await again.close();
      }
    }));

  it("loses nothing where a session cannot be settled, and settles the others", () =>
    withDatabase(SQLITE, async (open) => {
      const path = pathOf(open);
      const [torn, whole] = [await leased(open, "torn"), await leased(open, "whole")];
      const other = new SQLite(path);
      other.exec(`create trigger torn before insert on settled_chunks
        when new.session_id = 'torn' and new.seq = 2 begin select raise(abort, 'planted'); end`);
      await Promise.all([say(open, torn, numbered(3)), say(open, whole, numbered(3))]);
      await until(() => rowOf(path, "whole")?.last_seq === 3);
      assert.equal(rowOf(path, "torn")?.last_seq, 0);
      assert.deepEqual(said(path, "torn"), expected(3));
      // It goes on, and its own steps say why they cannot.
      assert.equal(await say(open, torn, ["w4"]), 4);
      const step = () => open.uow(torn).commit("update_session", () => Promise.resolve());
      await assert.rejects(step(), /planted/);
      other.exec("drop trigger torn");
      other.close();
      await step();
      assert.deepEqual(said(path, "torn"), expected(4));
      assert.equal(rowOf(path, "torn")?.last_seq, 4);
    }));

  it("tries each append by itself where the transaction of all of them was broken", () =>
    withDatabase(SQLITE, async (open) => {
      const path = pathOf(open);
      const writers = [];
      for (const id of ["one", "broken", "two"]) writers.push(await leased(open, id));
      const other = new SQLite(path);
      other.exec(`create trigger broken before insert on tail when new.session_id = 'broken'
        begin select raise(rollback, 'planted'); end`);
      other.close();
      const results = await Promise.allSettled(
        writers.map((writer) => say(open, writer, numbered(1))),
      );
      assert.deepEqual(
        results.map(({ status }) => status),
        ["fulfilled", "rejected", "fulfilled"],
      );
      for (const id of ["one", "two"]) assert.deepEqual(said(path, id), expected(1));
      assert.deepEqual(said(path, "broken"), []);
    }));

  it("refuses to settle what would leave a hole", () =>
    withDatabase(SQLITE, async (open) => {
      stopTime(open.database);
      const path = pathOf(open);
      const writer = await leased(open, "one");
      await say(open, writer, numbered(3));
      const other = new SQLite(path);
      other.exec("delete from tail where seq = 2");
      other.close();
      const step = () => open.uow(writer).commit("update_session", () => Promise.resolve());
      await assert.rejects(step(), /ends at 0, .* to 3 the tail lacks 1$/);
      assert.equal(rowOf(path, "one")?.last_seq, 0);
    }));

  it("never writes over a row that is not settled, whoever has written it", () =>
    withDatabase(SQLITE, async (open) => {
      stopTime(open.database);
      const path = pathOf(open);
      const writer = await leased(open, "one");
      const stranger = await leased(open, "stranger");
      await say(open, writer, numbered(3));
      const other = new SQLite(path);
      other.exec(`insert into tail (position, session_id, seq, type, payload, commit_id)
        select max(position) + 1, 'stranger', 1, 'status', '{"token":"w1"}', 'theirs' from tail`);
      other.close();
      assert.equal(await say(open, writer, ["w4"]), 4);
      assert.deepEqual(said(path, "one"), expected(4));
      assert.deepEqual(said(path, "stranger"), expected(1));
      assert.equal(await say(open, stranger, ["w2"]), 2);
    }));

  it("has nothing of a session that is deleted", () =>
    withDatabase(SQLITE, async (open) => {
      stopTime(open.database);
      const path = pathOf(open);
      const writer = await leased(open, "one");
      await say(open, writer, numbered(5));
      await open.uow(writer).commit("purge_session", async (trx) => {
        await trx.deleteFrom("sessions").where("id", "=", "one").execute();
      });
      assert.equal(query(path, "select 1 from tail").length, 0);
      await assert.rejects(say(open, writer, ["late"]), isCode("not_found"));
      // One with the same id counts from its own beginning.
      const again = await leased(open, "one");
      assert.equal(await say(open, again, numbered(1)), 1);
    }));

  it("lets others write the log by its old name, each where it belongs", () =>
    withDatabase(SQLITE, async (open) => {
      stopTime(open.database);
      const path = pathOf(open);
      const writer = await leased(open, "one");
      await say(open, writer, numbered(3));
      const other = new SQLite(path);
      other.exec(`insert into chunks (session_id, seq, turn_id, type, payload)
        values ('one', 4, null, 'status', '{"token":"w4"}')`);
      other.exec("update sessions set last_seq = 4");
      assert.deepEqual(said(path, "one"), expected(4));
      await say(open, writer, ["w5"]);
      other.exec(`update chunks set payload = '{"token":"changed"}' where seq = 5`);
      other.exec("delete from chunks where seq = 5");
      other.close();
      assert.deepEqual(said(path, "one"), expected(4));
    }));

  it("is no fault to the doctor while it is there", () =>
    withDatabase(SQLITE, async (open) => {
      stopTime(open.database);
      const writer = await leased(open, "one");
      assert.equal(await say(open, writer, numbered(3)), inTail(pathOf(open)));
      const { findings, counts } = await checkDatabase(open.test.source, true);
      assert.equal(counts?.chunks, 3);
      const ours = findings.filter(({ check }) => check === "log" || check === "integrity");
      assert.deepEqual(ours, []);
    }));
});
