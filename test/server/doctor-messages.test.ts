// Messages that say something else than what readers were shown: the log is right.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { compactTurns } from "../../server/chat/upkeep/compact-turns.ts";
import { prepareDataDir } from "../../server/lifecycle/data-dir.ts";
import { collect, FINISH, openChat, read, type Script, say, text } from "../support/chat.ts";
import { newDataDir } from "../support/companion.ts";
import { query, tamper } from "../support/damage.ts";
import { problemsOf, reportOn, withStoredChats } from "../support/doctor.ts";
import { answerTo } from "../support/stored-chats.ts";

const answers = (path: string) =>
  query<{ content: string }>(
    path,
    "select content from messages where role = 'assistant' order by session_id, position",
  ).map(({ content }) => content);

async function compactAll(path: string): Promise<void> {
  const open = await openChat({ engine: "sqlite", path }, () => []);
  assert.ok((await compactTurns(open.deps, Date.now() + 1)) > 0);
  await open.close();
}

describe("what doctor says of messages and their log", function () {
  this.timeout(60_000);

  for (const when of ["", "after compaction"]) {
    it(`lets a message that is too short, and one with other words, say what was shown ${when}`, () =>
      withStoredChats(async ({ dataDir, path }) => {
        const before = answers(path);
        tamper(
          path,
          `update messages set content = substr(content, 1, 9) where content = '${answerTo("question 1, the first")}'`,
          `update messages set content = replace(content, 'word by word', 'x') where content = '${answerTo("question 2, the second")}'`,
        );
        if (when) await compactAll(path);
        const found = await reportOn(dataDir);
        assert.deepEqual(problemsOf(found.report), ["messages"]);
        assert.match(found.report.findings[0]?.what ?? "", /2 messages say.* shown/);
        const { code, report } = await reportOn(dataDir, "--repair");
        assert.deepEqual([code, report.done], [0, ["Let 2 messages say what the log says."]]);
        assert.deepEqual(answers(path), before);
        assert.deepEqual(problemsOf((await reportOn(dataDir)).report), []);
        const open = await openChat({ engine: "sqlite", path }, () => []);
        const { sessions } = await open.chat.listSessions({ query: "You said: question 1" });
        assert.equal(sessions.length, 1);
        await open.close();
      }));
  }

  it("lets a message that waits though it was sent wait no more", () =>
    withStoredChats(async ({ dataDir, path }) => {
      const before = answers(path);
      tamper(
        path,
        "insert into requests (request_id, session_id, turn_id, body_hash, created_at) select 'sent', session_id, id, '', 0 from turns limit 1",
        "insert into queued_messages (session_id, id, position, body, version, steers, created_at) select session_id, request_id, 1, '{}', 1, 0, 0 from requests where request_id = 'sent'",
      );
      const found = await reportOn(dataDir);
      assert.deepEqual(problemsOf(found.report), ["messages"]);
      assert.match(found.report.findings[0]?.what ?? "", /still waits/);
      const { report } = await reportOn(dataDir, "--repair");
      assert.deepEqual(report.done, ["Let 1 message that was sent wait no more."]);
      assert.deepEqual(query(path, "select id from queued_messages"), []);
      assert.deepEqual(answers(path), before);
      assert.deepEqual(problemsOf((await reportOn(dataDir)).report), []);
    }));

  it("finds nothing wrong after compaction", () =>
    withStoredChats(async ({ dataDir, path }) => {
      await compactAll(path);
      assert.deepEqual(problemsOf((await reportOn(dataDir)).report), []);
    }));

  it("leaves what was shown as it was where the log refers to the message that changes", () =>
    withStoredChats(async ({ dataDir, path }) => {
      await compactAll(path);
      const shown = answerTo("question 1, the first");
      const [message] = query<{ position: number; session_id: string }>(
        path,
        "select position, session_id from messages where content = ?",
        shown,
      );
      assert.ok(message);
      tamper(
        path,
        `update messages set content = 'ZZ' || content where content = '${shown}'`,
        `update chunks set payload = replace(payload, '"at":0', '"at":2') where type = 'snapshot'
         and session_id = '${message.session_id}' and seq <= ${message.position}`,
      );
      assert.deepEqual(problemsOf((await reportOn(dataDir)).report), ["messages"]);
      assert.equal((await reportOn(dataDir, "--repair")).code, 0);
      const open = await openChat({ engine: "sqlite", path }, () => []);
      const log = await collect(open.chat, message.session_id, { after: 0, until: "turn_end" });
      await open.close();
      assert.ok(log.some(({ type, content }) => type === "snapshot" && content === shown));
      assert.ok(answers(path).includes(shown));
      assert.deepEqual(problemsOf((await reportOn(dataDir)).report), []);
    }));

  it("misses no words behind a call, and none with odd characters", async () => {
    const dataDir = newDataDir();
    prepareDataDir(dataDir);
    const path = join(dataDir, "streamkeeper.db");
    const script: Script = ({ messages }) =>
      messages.at(-1)?.role === "tool"
        ? [text("Then \0 this \ud800 and that."), FINISH]
        : [
            text("First this."),
            { type: "tool_call", call_id: "c1", tool_name: "none", arguments: {} },
            FINISH,
          ];
    const open = await openChat({ engine: "sqlite", path }, script);
    try {
      const turn = await say(open.chat, "go");
      const chunks = await read(open.chat, turn);
      const waits = chunks.at(-1)?.type !== "done";
      if (waits) {
        const decided = await open.chat.startTurn({
          session_id: turn.session_id,
          message: { type: "tool_decision", call_id: "c1", decision: "reject" },
        });
        await read(open.chat, decided);
      }
    } finally {
      await open.close();
    }
    const before = answers(path);
    assert.equal(before.length, 2);
    assert.deepEqual(problemsOf((await reportOn(dataDir)).report), []);
    tamper(path, "delete from messages where content like 'Then%'");
    const found = await reportOn(dataDir);
    assert.ok(problemsOf(found.report).includes("messages"), JSON.stringify(found.report.findings));
    assert.equal((await reportOn(dataDir, "--repair")).code, 0);
    assert.deepEqual(answers(path), before);
    rmSync(dataDir, { recursive: true, force: true });
  });

  it("lets models be told the version that is shown", () =>
    withStoredChats(async ({ dataDir, path }) => {
      const script: Script = () => [text("yes"), FINISH];
      const open = await openChat({ engine: "sqlite", path }, script);
      const first = await say(open.chat, "one");
      await read(open.chat, first);
      const { session_id, turn_id: replaces_turn_id } = first;
      await read(open.chat, await say(open.chat, "two", { session_id, replaces_turn_id }));
      await open.chat.chooseVersion(session_id, { turn_id: first.turn_id });
      await open.close();
      assert.deepEqual(problemsOf((await reportOn(dataDir)).report), []);
      tamper(
        path,
        `update turns set replaced_by = iif(replaced_by is null, id, null) where session_id = '${session_id}'`,
      );
      assert.deepEqual(problemsOf((await reportOn(dataDir)).report), ["versions"]);
      const { code, report } = await reportOn(dataDir, "--repair");
      const done = ["Let models be told the version that is shown, in 1 chat."];
      assert.deepEqual([code, report.done], [0, done]);
      const later = await openChat({ engine: "sqlite", path }, script);
      const { messages } = await later.chat.listMessages(session_id);
      assert.deepEqual(
        messages.map(({ content }) => content),
        ["one", "yes"],
      );
      await later.close();
    }));
});
