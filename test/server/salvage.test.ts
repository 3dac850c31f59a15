// What can be read of a damaged file comes back: all of it, and nothing that is
// there already is touched.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import SQLite from "better-sqlite3";
import { FINISH, openChat, read, say, text } from "../support/chat.ts";
import { newDataDir } from "../support/companion.ts";
import { query, scribble, tamper } from "../support/damage.ts";
import { problemsOf, reportOn, runDoctor, withStoredChats } from "../support/doctor.ts";
import { POSTGRES } from "../support/engines.ts";
import { answerTo, type StoredChats } from "../support/stored-chats.ts";

const TABLES = ["sessions", "turns", "settled_chunks", "messages"];

describe("doctor --salvage", function () {
  this.timeout(60_000);

  it("brings back every row that can be read, and a log without holes for each chat", () =>
    withStoredChats(
      async ({ dataDir, path, sessions }) => {
        const whole = join(dataDir, "whole.db");
        tamper(path, "pragma wal_checkpoint(truncate)");
        copyFileSync(path, whole);
        assert.ok(scribble(path, "settled_chunks", 3) + scribble(path, "messages", 2) > 6);
        const readable = TABLES.map((table) => [table, readableRows(path, whole, table)] as const);
        const lost = readable.map(([table, ids]) => rowIds(whole, table).length - ids.length);
        assert.ok((lost[2] ?? 0) > 50, `lost ${lost.join()}`);

        const found = await reportOn(dataDir);
        assert.deepEqual(problemsOf(found.report), ["integrity"]);
        const { code, report } = await reportOn(dataDir, "--repair");
        assert.deepEqual([code, problemsOf(report)], [0, []]);
        assert.match(report.done.join("\n"), /Set the damaged file aside as .*set-aside-/);
        assert.match(report.done.join("\n"), /Brought back 8 sessions, .* could not be read/);
        assert.match(report.done.join("\n"), /The file is now .*\.salvaged-/);
        assert.deepEqual(report.findings, [], "nobody is told of it any more");
        for (const [table, ids] of readable) {
          const keys = keysOf(whole, table, ids);
          const there = new Set(keysOf(path, table, rowIds(path, table)));
          assert.deepEqual(
            keys.filter((key) => !there.has(key)),
            [],
            table,
          );
        }
        const next = query<{ seq: number; id: string }>(
          path,
          "select id, last_seq as seq from sessions",
        );
        const before = query<{ seq: number; id: string }>(
          whole,
          "select id, last_seq as seq from sessions",
        );
        const byId = (rows: typeof next) => new Map(rows.map(({ id, seq }) => [id, seq]));
        assert.deepEqual(byId(next), byId(before));
        assert.equal(sessions.length, 8);
      },
      8,
      60,
    ));

  it("brings back what is attached with its chat, and nothing that is not what it says or belongs to none", () =>
    withStoredChats(async ({ dataDir, path, sessions }) => {
      const [first, second] = sessions.map(({ id }) => id);
      const content = (bytes: string) => {
        const data = Buffer.from(bytes).toString("base64");
        const hash = createHash("sha256").update(bytes).digest("hex");
        return { hash, row: `('${hash}', 'image/gif', ${bytes.length}, '${data}', 'x')` };
      };
      const [shared, changed, unused] = ["GIF89a1", "GIF89a2", "GIF89a3"].map(content);
      assert.ok(shared && changed && unused);
      tamper(
        path,
        `insert into blobs values ${shared.row}, ${changed.row}, ${unused.row}`,
        `update blobs set data = 'AAAA' where hash = '${changed.hash}'`,
        `insert into attachments values ('${first}', '${shared.hash}'), ('${second}', '${shared.hash}'), ('${first}', '${changed.hash}')`,
        "pragma wal_checkpoint(truncate)",
      );
      const file = join(dataDir, "damaged.db");
      copyFileSync(path, file);
      tamper(path, "delete from attachments", "delete from blobs");
      const { code } = await reportOn(dataDir, "--salvage", file);
      assert.equal(code, 0);
      assert.deepEqual(query(path, "select hash from blobs"), [{ hash: shared.hash }]);
      assert.equal(query(path, "select * from attachments").length, 2);
      assert.deepEqual(query(path, "select id from sessions where title = 'Recovered chat'"), []);
    }));

  it("brings back words that were not in their log yet, and none that were a second time", () =>
    withStoredChats(async ({ dataDir, path, sessions }) => {
      const id = sessions[0]?.id ?? "";
      const [before] = query<{ end: number; turn: string }>(
        path,
        `select last_seq as end, (select id from turns where session_id = sessions.id limit 1) as turn
         from sessions where id = '${id}'`,
      );
      assert.ok(before);
      const { end, turn } = before;
      const row = (position: number, seq: number, token: string) =>
        `insert into tail values (${position}, '${id}', ${seq}, '${turn}', 'assistant_message', '{"token":"${token}"}', 'c')`;
      const file = join(dataDir, "damaged.db");
      tamper(path, "pragma wal_checkpoint(truncate)");
      copyFileSync(path, file);
      tamper(file, row(1, end - 1, "settled"), row(2, end + 1, "first"), row(3, end + 2, "second"));
      tamper(path, "pragma foreign_keys = on; delete from sessions");
      assert.equal(query(path, "select 1 from chunks").length, 0);
      const { code } = await reportOn(dataDir, "--salvage", file);
      assert.equal(code, 0);
      const log = query<{ seq: number; payload: string }>(
        path,
        `select seq, payload from chunks where session_id = '${id}' order by seq`,
      );
      assert.deepEqual(
        log.map(({ seq }) => seq).slice(0, end + 2),
        Array.from({ length: end + 2 }, (_, index) => index + 1),
      );
      assert.deepEqual(
        [log[end - 2]?.payload === '{"token":"settled"}', log[end]?.payload, log[end + 1]?.payload],
        [false, '{"token":"first"}', '{"token":"second"}'],
      );
    }));

  it("takes nothing twice and overwrites nothing: a chat that has gone on stays as it is", () =>
    withStoredChats(async (stored) => {
      const { dataDir, path, sessions } = stored;
      const [wentOn, shorter, gone] = sessions.map(({ id }) => id);
      const file = join(dataDir, "damaged.db");
      tamper(
        path,
        `insert into plans values ('plan', '${gone}', '${sessions[2]?.turns[0]}', 'call', 'x', 'done', 1)`,
        `insert into subtasks values ('plan', 1, 'a', 't', 'd', 'universal', '[]', 'done')`,
        `insert into subtasks values ('no plan', 1, 'a', 't', 'd', 'universal', '[]', 'done')`,
        "pragma wal_checkpoint(truncate)",
      );
      copyFileSync(path, file);
      tamper(
        path,
        // As after going back to a backup from before the second message.
        ...[0, 1].flatMap((n) => [
          `delete from chunks where turn_id = '${sessions[n]?.turns[1]}'`,
          `delete from turns where id = '${sessions[n]?.turns[1]}'`,
          `delete from messages where turn_id = '${sessions[n]?.turns[1]}'`,
          `update sessions set title = 'renamed since', last_seq = (
             select max(seq) from chunks where session_id = sessions.id) where id = '${sessions[n]?.id}'`,
        ]),
        ...["chunks", "messages", "turns"].map(
          (t) => `delete from ${t} where session_id = '${gone}'`,
        ),
        `delete from sessions where id = '${gone}'`,
      );
      const chat = await openChat({ engine: "sqlite", path }, function* () {
        yield text("went on");
        yield FINISH;
      });
      await read(chat.chat, await say(chat.chat, "and then?", { session_id: wentOn ?? "" }));
      await chat.close();
      const kept = rowsOf(path, wentOn);

      const { code, report } = await reportOn(dataDir, "--salvage", file);
      assert.equal(code, 0);
      assert.match(
        report.done.join("\n"),
        /Brought back 1 session, .* 0 places .*\nLeft 1 session/,
      );
      assert.deepEqual(rowsOf(path, wentOn), kept);
      for (const id of [shorter, gone]) assert.deepEqual(rowsOf(path, id), rowsOf(file, id));
      assert.deepEqual(query(path, "select plan_id, id from subtasks"), [
        { plan_id: "plan", id: "a" },
      ]);
      const titles = query<{ title: string }>(
        path,
        "select title from sessions where id = ?",
        shorter,
      );
      assert.deepEqual(titles, [{ title: "renamed since" }]);
      await checkAnswers(stored, [shorter, gone]);

      const again = await reportOn(dataDir, "--salvage", file);
      assert.match(
        again.report.done.join("\n"),
        /^Brought back 0 sessions, 0 messages and 0 chunks/,
      );
    }));

  it("gives chats whose own row is lost another one", () =>
    withStoredChats(async (stored) => {
      const { dataDir, path, sessions } = stored;
      assert.equal(scribble(path, "sessions", 1), 1);
      assert.equal(scribble(path, "turns", 1), 1);
      const { code, report } = await reportOn(dataDir, "--repair");
      assert.deepEqual([code, problemsOf(report)], [0, []]);
      await checkAnswers(
        stored,
        sessions.map(({ id }) => id),
      );
    }));

  it("tries no ids of a table that cannot be found, which would take minutes", () =>
    withStoredChats(async (stored) => {
      const { dataDir, path, sessions } = stored;
      // The whole of each is one page.
      for (const table of ["tool_calls", "offers", "plans", "subtasks"]) {
        assert.equal(scribble(path, table, 1), 1);
        for (const { name } of indexesOf(path, table)) scribble(path, name, 1);
      }
      const began = performance.now();
      const { code, report } = await reportOn(dataDir, "--repair");
      const seconds = (performance.now() - began) / 1000;
      assert.deepEqual([code, problemsOf(report)], [0, []]);
      assert.match(report.done.join("\n"), /; 4 places in it could not be read/);
      await checkAnswers(
        stored,
        sessions.map(({ id }) => id),
      );
      assert.ok(seconds < 20, `${seconds} s`);
    }));

  it("says when nothing can be read, or the file is of a newer version", () =>
    withStoredChats(async ({ dataDir, path }) => {
      const noise = join(dataDir, "noise.db");
      writeFileSync(noise, "noise".repeat(5_000));
      const newer = join(dataDir, "newer.db");
      tamper(path, "pragma wal_checkpoint(truncate)");
      copyFileSync(path, newer);
      tamper(newer, "insert into kysely_migration values ('9999-future', '2030-01-01')");
      for (const [file, words] of [
        [noise, /Nothing in .* can be read/],
        [newer, /newer Streamkeeper/],
        [join(dataDir, "nothing.db"), /There is no file/],
      ] as const) {
        const { code, output } = await runDoctor("--data-dir", dataDir, "--salvage", file);
        assert.equal(code, 3, output);
        assert.match(output, words);
      }
      copyFileSync(noise, path);
      const { code, report } = await reportOn(dataDir, "--repair");
      assert.equal(code, 0);
      assert.match(report.done.join("\n"), /Nothing in .* can be read/);
      assert.equal(readdirSync(dataDir).filter((name) => name.includes("set-aside")).length, 1);
    }));

  it("brings them into Postgres, too", () =>
    withStoredChats(async ({ path, sessions }) => {
      const database = await POSTGRES.create();
      const dataDir = newDataDir();
      try {
        const args = ["--database", database.flag, "--salvage", path];
        const { code, report } = await reportOn(dataDir, ...args);
        assert.deepEqual([code, report.findings], [0, []]);
        const { chat, close } = await openChat(database.source, () => []);
        for (const [index, { id }] of sessions.entries()) {
          const { messages } = await chat.listMessages(id);
          assert.equal(messages[3]?.content, answerTo(`question ${index + 1}, the second`));
        }
        assert.equal((await chat.listSessions({ query: "question 2" })).sessions.length, 1);
        await close();
      } finally {
        rmSync(dataDir, { recursive: true, force: true });
        await database.remove();
      }
    }));
});

function rowIds(path: string, table: string): number[] {
  return query<{ id: number }>(path, `select rowid as id from ${table}`).map(({ id }) => id);
}

/** Asked one by one, which no damaged page beside them disturbs. */
function readableRows(path: string, whole: string, table: string): number[] {
  const database = new SQLite(path, { readonly: true });
  const select = database.prepare(`select * from ${table} not indexed where rowid = ?`);
  const readable = rowIds(whole, table).filter((id) => {
    try {
      return select.get(id) !== undefined;
    } catch {
      return false;
    }
  });
  database.close();
  return readable;
}

function keysOf(path: string, table: string, ids: readonly number[]): string[] {
  const key = table === "settled_chunks" ? "session_id || ' ' || seq || ' ' || payload" : "id";
  const wanted = new Set(ids);
  return query<{ id: number; key: string }>(path, `select rowid as id, ${key} as key from ${table}`)
    .filter(({ id }) => wanted.has(id))
    .map(({ key }) => key);
}

function rowsOf(path: string, sessionId = ""): unknown[] {
  return ["chunks", "messages", "turns"].map((table) => {
    const search = table === "messages" ? { search_id: 0 } : {};
    return query<object>(
      path,
      `select * from ${table} where session_id = ? order by 1, 2`,
      sessionId,
    ).map((row) => ({ ...row, ...search }));
  });
}

async function checkAnswers(
  { path, sessions }: StoredChats,
  ids: (string | undefined)[],
): Promise<void> {
  const { chat, close } = await openChat({ engine: "sqlite", path }, () => []);
  for (const [index, { id }] of sessions.entries()) {
    if (!ids.includes(id)) continue;
    const { messages } = await chat.listMessages(id);
    const questions = [`question ${index + 1}, the first`, `question ${index + 1}, the second`];
    assert.deepEqual(
      messages.map(({ content }) => content),
      questions.flatMap((question) => [question, answerTo(question)]),
    );
    const found = await chat.listSessions({ query: questions[0] ?? "" });
    assert.deepEqual(
      found.sessions.map((session) => session.id),
      [id],
    );
  }
  await close();
}

function indexesOf(path: string, table: string): { name: string }[] {
  return query(path, "select name from sqlite_schema where type = 'index' and tbl_name = ?", table);
}
