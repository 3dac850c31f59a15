// `streamkeeper doctor`, as a person runs it: each test plants a fault in a file and asks what is
// said and what is mended.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compactTurns } from "../../server/chat/upkeep/compact-turns.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { collect, openChat } from "../support/chat.ts";
import { newDataDir, startCompanion, withCompanion } from "../support/companion.ts";
import { forgetIndex, query, scribble, tamper } from "../support/damage.ts";
import { problemsOf, reportOn, runDoctor, withStoredChats } from "../support/doctor.ts";
import { POSTGRES } from "../support/engines.ts";
import { answerTo, fillWithChats, type StoredChats } from "../support/stored-chats.ts";

describe("streamkeeper doctor", function () {
  this.timeout(60_000);

  it("finds nothing wrong with what a companion stored, and changes nothing", () =>
    withStoredChats(async ({ dataDir, path }) => {
      const before = statSync(path).mtimeMs;
      const { code, report } = await reportOn(dataDir);
      assert.deepEqual([code, report.ok, report.findings], [0, true, []]);
      assert.equal(report.counts?.sessions, 3);
      assert.equal(report.counts?.turns, 6);
      assert.equal(report.counts?.messages, 12);
      assert.equal(statSync(path).mtimeMs, before);
    }));

  it("looks while a companion runs, and lets it be mended only when it has ended", () =>
    withCompanion({ quick: true }, async (companion) => {
      const { dataDir } = companion;
      const answer = await companion.request("POST", "/v1/messages/stream", {
        message: { type: "user_message", content: "hello" },
      });
      await answer.text();
      const { code, report } = await reportOn(dataDir);
      assert.deepEqual([code, report.findings], [0, []]);
      const refused = await runDoctor("--data-dir", dataDir, "--repair");
      assert.equal(refused.code, 3);
      assert.match(
        refused.output,
        new RegExp(`served by companion ${companion.process.pid} .*--wait`),
      );
      const inVain = await runDoctor("--data-dir", dataDir, "--repair", "--wait", "1");
      assert.equal(inVain.code, 3);
      assert.match(inVain.output, /Nothing was changed; it did not end within 1 s/);
      const waiting = reportOn(dataDir, "--repair", "--wait", "20");
      await companion.stop();
      assert.equal((await waiting).code, 0);
    }));

  it("says what it cannot use, and that there is nothing yet", async () => {
    for (const args of [["--fix"], ["--wait", "soon"], ["--database", "mysql://x"], ["file"]]) {
      const { code, output } = await runDoctor(...args);
      assert.equal(code, 2, output);
      assert.equal(output.trim().split("\n").length, 1);
    }
    const missing = join(newDataDir(), "nothing");
    for (const args of [[], ["--json"], ["--repair"], ["--backup"]]) {
      const { code, output } = await runDoctor("--data-dir", missing, ...args);
      assert.equal(code, 3, args.join());
      assert.equal(output.includes(`There is nothing at ${missing}.`), true, output);
    }
    assert.equal(existsSync(missing), false);
    mkdirSync(missing, { mode: 0o700 });
    assert.equal((await runDoctor("--data-dir", missing)).code, 0, "nothing is stored yet");
    assert.match((await runDoctor("--help")).output, /--repair/);
  });

  it("leaves the database of a newer version alone", () =>
    withStoredChats(async ({ dataDir, path }) => {
      tamper(path, "insert into kysely_migration values ('9999-future', '2030-01-01')");
      for (const args of [[], ["--repair"]]) {
        const { code, output } = await runDoctor("--data-dir", dataDir, ...args);
        assert.equal(code, 3);
        assert.match(output, /newer Streamkeeper \(it has 9999-future\)/);
      }
    }));

  it("makes private again what others could read, and removes what a crash left half written", () =>
    withStoredChats(async ({ dataDir, path }) => {
      const left = join(dataDir, "server.json.4194305.tmp");
      writeFileSync(left, "{", { mode: 0o600 });
      chmodSync(path, 0o644);
      chmodSync(dataDir, 0o755);
      const found = await reportOn(dataDir);
      assert.deepEqual(problemsOf(found.report), ["file_modes", "file_modes"]);
      assert.equal(found.code, 1);
      assert.equal((await reportOn(dataDir, "--repair")).code, 0);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.equal(statSync(dataDir).mode & 0o777, 0o700);
      assert.equal(existsSync(left), false);
    }));

  it("builds indexes anew that do not fit their tables", () =>
    withStoredChats(async (stored) => {
      const { path, dataDir } = stored;
      forgetIndex(path, "messages_by_turn", "update messages set rowid = rowid + 1000");
      const found = await reportOn(dataDir);
      assert.deepEqual(problemsOf(found.report), ["integrity"]);
      assert.match(found.report.findings[0]?.what ?? "", /missing from index messages_by_turn/);
      const mended = await reportOn(dataDir, "--repair");
      assert.deepEqual(problemsOf(mended.report), []);
      await checkChats(stored);
    }));

  it("puts the search in step again", () =>
    withStoredChats(async ({ dataDir, path }) => {
      tamper(
        path,
        "delete from messages_search where rowid in (select search_id from messages limit 4)",
        "update messages set search_id = null where search_id = (select max(search_id) from messages)",
        "delete from sessions_search where rowid = (select min(search_id) from sessions_searched)",
        "insert into sessions_search (rowid, title) values (1000, 'stray')",
      );
      assert.deepEqual(problemsOf((await reportOn(dataDir)).report), ["search_index"]);
      const { code, report } = await reportOn(dataDir, "--repair");
      assert.deepEqual([code, report.done], [0, ["Built the index of the search anew."]]);
      const chat = await openChat({ engine: "sqlite", path }, () => []);
      const titles = (await chat.chat.listSessions({})).sessions.map(({ title }) => title);
      for (const query of ["question 1, the first", "question 3, the second", ...titles]) {
        const { sessions } = await chat.chat.listSessions({ query });
        assert.ok(sessions.length > 0, query);
      }
      await chat.close();
    }));

  for (const [what, statement] of Object.entries({
    "a part of it is gone": "delete from messages_search_data where id > 1000",
    "the list of its parts is":
      "update messages_search_data set block = x'ff000000ff0102' where id = 10",
  })) {
    it(`builds the search anew where ${what}, and leaves the file where it is`, () =>
      withStoredChats(async ({ dataDir, path }) => {
        tamper(path, statement);
        const found = await reportOn(dataDir);
        assert.deepEqual(problemsOf(found.report), ["search_index"]);
        const { code, report } = await reportOn(dataDir, "--repair");
        assert.deepEqual([code, report.done?.[0]], [0, "Built all indexes anew."]);
        const chat = await openChat({ engine: "sqlite", path }, () => []);
        const { sessions } = await chat.chat.listSessions({ query: "question 3, the second" });
        assert.equal(sessions.length, 1);
        await chat.close();
      }));
  }

  it("tells scribbled pages from a file that is whole, and writes nothing into it", () =>
    withStoredChats(
      async ({ dataDir, path }) => {
        assert.ok(scribble(path, "settled_chunks") > 0);
        const found = await reportOn(dataDir);
        assert.deepEqual(problemsOf(found.report), ["integrity"]);
        assert.match(found.report.findings[0]?.what ?? "", /^The database file is damaged: /);
        writeFileSync(path, "no database at all".repeat(500));
        const none = await reportOn(dataDir);
        assert.match(none.report.findings[0]?.what ?? "", /file is not a database/);
      },
      3,
      20,
    ));
});

describe("what doctor --repair makes of a log with holes", function () {
  this.timeout(60_000);

  it("says again what the messages still say, and marks the rest as lost", () =>
    withStoredChats(async ({ dataDir, path, sessions }) => {
      const [whole, part, none] = sessions.map(({ id }) => id);
      const firstWords = query<{ seq: number }>(
        path,
        "select min(seq) as seq from chunks where type = 'assistant_message' and session_id = ?",
        part,
      )[0]?.seq;
      // All of the log; a part of an answer; a text that is none.
      tamper(
        path,
        `delete from chunks where session_id = '${whole}'`,
        `delete from chunks where session_id = '${part}' and seq = ${firstWords}`,
        `update chunks set payload = x'00ff' where session_id = '${none}' and seq = 2`,
      );
      const found = await reportOn(dataDir);
      assert.deepEqual(problemsOf(found.report), ["log"]);
      const { code, report } = await reportOn(dataDir, "--repair");
      assert.deepEqual([code, problemsOf(report)], [0, []]);
      assert.match(report.done.join(), /Closed the gaps of 3 logs: 1 place marked as lost/);

      const rebuilt = await readLog(path, whole);
      assert.deepEqual(
        rebuilt.map(({ type, content }) => `${type} ${content ?? ""}`.trim()),
        [
          "session_info",
          "user_message question 1, the first",
          `snapshot ${answerTo("question 1, the first")}`,
          "done",
          "user_message question 1, the second",
          `snapshot ${answerTo("question 1, the second")}`,
          "done",
        ],
      );
      const holed = await readLog(path, part);
      const filler = holed.find(({ seq }) => seq === firstWords);
      assert.equal(filler?.type, "snapshot");
      assert.deepEqual(filler.metadata, {
        from_seq: firstWords,
        of: "assistant_message",
        lost: true,
      });
      const chat = await openChat({ engine: "sqlite", path }, () => []);
      await compactTurns(chat.deps, Date.now() + 1);
      await chat.close();
      assert.deepEqual(
        (await readLog(path, part)).find(({ seq }) => seq === firstWords),
        filler,
        "compaction keeps the mark",
      );
      const asked = (await readLog(path, none)).find(({ seq }) => seq === 2);
      assert.equal(asked?.content, "question 3, the first");
    }));

  it("ends a turn once, at its own end, however many holes it has", () =>
    withStoredChats(async (stored) => {
      const { dataDir, path, sessions } = stored;
      const turn = sessions[0]?.turns[1];
      tamper(
        path,
        `delete from chunks where turn_id = '${turn}' and type in ('user_message', 'done')`,
        `delete from messages where turn_id = '${turn}' and role = 'assistant'`,
      );
      const { code, report } = await reportOn(dataDir, "--repair");
      assert.deepEqual([code, problemsOf(report)], [0, []]);
      const log = (await readLog(path, sessions[0]?.id)).filter(({ turn_id }) => turn_id === turn);
      assert.equal(log[0]?.content, "question 1, the second");
      assert.deepEqual(
        log.filter(({ is_final }) => is_final),
        log.slice(-1),
      );
      await checkChats(stored);
    }));

  it("says that a turn has ended when its log stops before", () =>
    withStoredChats(async ({ dataDir, path, sessions }) => {
      const id = sessions[0]?.id;
      tamper(
        path,
        `delete from chunks where turn_id = '${sessions[0]?.turns[1]}' and type = 'done'`,
        `update sessions set last_seq = last_seq - 1 where id = '${id}'`,
      );
      assert.deepEqual(problemsOf((await reportOn(dataDir)).report), ["turns"]);
      assert.equal((await reportOn(dataDir, "--repair")).code, 0);
      const end = (await readLog(path, id)).at(-1);
      assert.deepEqual([end?.type, end?.is_final], ["done", true]);
      const { elapsed_ms, context_tokens, ...said } = metadataOf(end);
      assert.ok(Number(elapsed_ms) >= 0 && Number(context_tokens) > 10, JSON.stringify(end));
      const by = { model: "scripted/model", agent_type: "universal" };
      assert.deepEqual(said, { ...by, finish_reason: "other", lost: true });
    }));

  it("goes on from there: no number twice, the next message is answered", () =>
    withStoredChats(async ({ dataDir, path, sessions }) => {
      const [first, second] = sessions.map(({ id }) => id);
      const newest = query<{ n: number }>(
        path,
        "select max(seq) as n from chunks where session_id = ?",
        first,
      )[0]?.n;
      tamper(
        path,
        `update sessions set last_seq = 7 where id = '${first}'`,
        `delete from chunks where session_id = '${second}' and seq > (select max(seq) - 2 from chunks where session_id = '${second}')`,
      );
      assert.deepEqual(problemsOf((await reportOn(dataDir)).report), ["log", "log"]);
      assert.equal((await reportOn(dataDir, "--repair")).code, 0);
      const companion = await startCompanion({ dataDir, quick: true });
      for (const id of [first, second]) {
        const answer = await companion.request("POST", "/v1/messages/stream", {
          session_id: id,
          message: { type: "user_message", content: "and now?" },
        });
        assert.match(await answer.text(), /event: done/);
      }
      await companion.stop();
      assert.equal(
        (await readLog(path, first)).find(({ content }) => content === "and now?")?.seq,
        (newest ?? 0) + 1,
      );
      assert.deepEqual((await reportOn(dataDir)).report.findings, []);
    }));

  it("ends what can neither go on nor end, and gives rows back their place", () =>
    withStoredChats(async (stored) => {
      const { dataDir, path, sessions } = stored;
      const [running, waiting, orphan] = sessions;
      tamper(
        path,
        `update turns set status = 'running', ended_at = null where id = '${running?.turns[1]}'`,
        `update turns set status = 'waiting', ended_at = null where id = '${waiting?.turns[1]}'`,
        `insert into tool_calls (session_id, call_id, turn_id, tool_name, arguments, status, created_at)
         values ('${waiting?.id}', 'call', '${waiting?.turns[0]}', 'x', '{}', 'waiting_result', 1)`,
        `insert into tool_rules (session_id, tool_name, workspace, kind, rule, created_at)
         values ('nobody', 'x', '', 'other', 'allow', 1)`,
        `delete from sessions where id = '${orphan?.id}'`,
        `delete from turns where id = '${orphan?.turns[0]}'`,
        `delete from messages where session_id = '${sessions[0]?.id}'`,
      );
      const found = await reportOn(dataDir);
      assert.deepEqual(problemsOf(found.report), [
        "orphans",
        "orphans",
        "turns",
        "calls",
        "messages",
      ]);
      const notes = found.report.findings.filter(({ severity }) => severity === "note");
      assert.deepEqual(
        notes.map(({ check }) => check),
        ["turns"],
      );
      const { code, report } = await reportOn(dataDir, "--repair");
      assert.deepEqual([code, problemsOf(report)], [0, []]);
      await checkChats(stored);
      const [title] = query<{ title: string }>(
        path,
        "select title from sessions where id = ?",
        orphan?.id,
      );
      assert.equal(title?.title, "Recovered chat");
    }));

  it("on Postgres, too", async () => {
    const database = await POSTGRES.create();
    const dataDir = newDataDir();
    const args = ["--database", database.flag];
    try {
      const sessions = await fillWithChats(database.source);
      assert.deepEqual((await reportOn(dataDir, ...args)).report.findings, []);
      const open = await openChat(database.source, () => []);
      const uow = open.deps.newUnitOfWork();
      await uow.commit("repair", async (trx) => {
        await trx
          .deleteFrom("chunks")
          .where("session_id", "=", sessions[0]?.id ?? "")
          .execute();
        await trx
          .updateTable("sessions")
          .set({ last_seq: 3 })
          .where("id", "=", sessions[1]?.id ?? "")
          .execute();
        await trx
          .deleteFrom("messages")
          .where("session_id", "=", sessions[2]?.id ?? "")
          .execute();
      });
      await open.close();
      assert.deepEqual(problemsOf((await reportOn(dataDir, ...args)).report), [
        "log",
        "log",
        "messages",
      ]);
      const { code, report } = await reportOn(dataDir, "--repair", ...args);
      assert.deepEqual([code, report.findings], [0, []]);
      assert.doesNotMatch(JSON.stringify(report), /:[^/@]+@/);
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
      await database.remove();
    }
  });
});

/** Each chat has its questions and answers, and can be read from its first chunk to its last. */
async function checkChats({ path, sessions }: StoredChats): Promise<void> {
  for (const [index, { id }] of sessions.entries()) {
    const chat = await openChat({ engine: "sqlite", path }, () => []);
    const { messages } = await chat.chat.listMessages(id);
    await chat.close();
    const questions = [`question ${index + 1}, the first`, `question ${index + 1}, the second`];
    assert.deepEqual(
      messages.map(({ content }) => content),
      questions.flatMap((question) => [question, answerTo(question)]),
    );
    const log = await readLog(path, id);
    assert.ok(log.length > 4);
  }
}

/** The log as a reader gets it, without a hole. */
async function readLog(path: string, sessionId = ""): Promise<StreamChunk[]> {
  const chat = await openChat({ engine: "sqlite", path }, () => []);
  try {
    const chunks = await collect(chat.chat, sessionId, { after: 0, until: "turn_end" });
    let next = 1;
    for (const chunk of chunks) {
      assert.equal(metadataOf(chunk).from_seq ?? chunk.seq, next);
      next = chunk.seq + 1;
    }
    return chunks;
  } finally {
    await chat.close();
  }
}
