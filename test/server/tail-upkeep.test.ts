// What runs beside answers, or mends what they left, while their newest words are not in their logs
// yet (server/db/commit/tail.ts).
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { compactTurns } from "../../server/chat/upkeep/compact-turns.ts";
import { checkDatabase } from "../../server/doctor/check/check-database.ts";
import { makeBackup } from "../../server/doctor/files/backups.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { collect, FINISH, openChat, read, say, type TestChat, text } from "../support/chat.ts";
import { query, tamper } from "../support/damage.ts";
import { problemsOf, reportOn, withStoredChats } from "../support/doctor.ts";
import { answerTo, type StoredChats } from "../support/stored-chats.ts";
import { inTail, stopTime } from "../support/tail.ts";

const WORDS = 12;
const HALF = Array.from({ length: WORDS }, (_, n) => `w${n} `).join("");

interface Row {
  seq: number;
  type: string;
  payload: string;
}

const LOG = "select seq, type, payload from chunks where session_id = ? order by seq";
const logOf = (path: string, id: string) => query<Row>(path, LOG, id);

const said = (rows: readonly Row[]): string =>
  rows
    .filter(({ type }) => type === "assistant_message")
    .map(({ payload }) => (JSON.parse(payload) as { token: string }).token)
    .join("");

interface Running extends StoredChats {
  open: TestChat;
  /** Of a chat with two turns; its third is being answered, and nothing more is said. */
  id: string;
  turn: Awaited<ReturnType<typeof say>>;
  goOn(): void;
  /** Its answer ends with it. */
  close(): Promise<void>;
}

/** Lends an answer whose words so far are in the tail, and stay there until a step comes. */
async function withWordsInTail(body: (running: Running) => Promise<void>): Promise<void> {
  await withStoredChats(async (stored) => {
    const going = Promise.withResolvers<void>();
    const { path, sessions } = stored;
    const id = sessions[0]?.id ?? "";
    const open = await openChat({ engine: "sqlite", path }, async function* () {
      for (let n = 0; n < WORDS; n++) {
        yield text(`w${n} `);
        // A row for each.
        while (!said(logOf(path, id)).endsWith(`w${n} `)) await delay(2);
      }
      await going.promise;
      yield text("and the rest");
      yield FINISH;
    });
    let closing: Promise<void> | undefined;
    const close = () => {
      going.resolve();
      return (closing ??= open.close());
    };
    try {
      stopTime(open.database);
      const turn = await say(open.chat, "and the third", { session_id: id });
      while (!said(logOf(path, id)).endsWith(HALF)) await delay(5);
      assert.ok(inTail(path) > 0);
      await body({ ...stored, open, id, turn, goOn: going.resolve, close });
    } finally {
      await close();
    }
  });
}

describe("words that are not in their log yet", function () {
  this.timeout(60_000);

  it("stay as they are while older turns of their chat are made small", () =>
    withWordsInTail(async ({ open, path, id, turn, goOn }) => {
      const before = logOf(path, id);
      assert.ok((await compactTurns(open.deps, Date.now() + 60_000)) > 0);
      const after = logOf(path, id);
      assert.ok(after.length < before.length, "the older ones are small");
      const ofTurn = (rows: readonly Row[]) => rows.filter(({ seq }) => seq > turn.after);
      assert.deepEqual(ofTurn(after), ofTurn(before));
      goOn();
      const chunks = await read(open.chat, turn);
      assert.equal(chunks.at(-1)?.type, "done");
      const older = ["first", "second"].map((nth) => answerTo(`question 1, the ${nth}`)).join("");
      assert.equal(await wordsOf(open, id), `${older}${HALF}and the rest`);
      assert.deepEqual((await checkDatabase({ engine: "sqlite", path }, true)).findings, []);
    }));

  it("are in a backup that is made meanwhile, and come back with it", () =>
    withWordsInTail(async ({ dataDir, path, id, close }) => {
      const before = logOf(path, id);
      const { path: backup } = await makeBackup({ dataDir, path });
      assert.ok(inTail(backup) > 0, "they are where they were");
      assert.deepEqual(logOf(backup, id), before);
      await close();
      assert.equal((await reportOn(dataDir, "--restore", backup)).code, 0);
      await checkAnswered(path, id, before);
    }));

  for (const [what, plant] of Object.entries({
    "an index that does not fit": "delete from messages_search where rowid = 1",
    "a word of them that is gone": "delete from tail where seq = (select max(seq) - 3 from tail)",
  })) {
    it(`are there when the doctor has mended what a companion left that died: ${what}`, () =>
      withWordsInTail(async ({ path, id }) => {
        const before = logOf(path, id);
        await withStoredChats(async (dead) => {
          for (const part of ["", "-wal"]) copyFileSync(path + part, dead.path + part);
          tamper(dead.path, plant);
          assert.ok(inTail(dead.path) > 0);
          const there = logOf(dead.path, id);
          const found = await reportOn(dead.dataDir);
          assert.equal(problemsOf(found.report).length, 1, JSON.stringify(found.report.findings));
          assert.deepEqual(problemsOf((await reportOn(dead.dataDir, "--repair")).report), []);
          const log = logOf(dead.path, id);
          assert.deepEqual(
            log.map(({ seq }) => seq),
            log.map((_, index) => index + 1),
          );
          for (const row of there) assert.deepEqual(log[row.seq - 1], row);
          assert.ok(log.length >= before.length);
          await checkAnswered(dead.path, id, log);
        });
      }));
  }
});

/** All that the chat's answers say, as a reader has it. */
async function wordsOf({ chat }: TestChat, id: string): Promise<string> {
  const chunks = await collect(chat, id, { after: 0, until: "turn_end" });
  return chunks
    .filter((chunk) => (metadataOf(chunk).of ?? chunk.type) === "assistant_message")
    .map(({ token, content }) => token ?? content ?? "")
    .join("");
}

/** A start finds them, closes their answer with them, and the chat goes on. */
async function checkAnswered(path: string, id: string, before: readonly Row[]): Promise<void> {
  const again = await openChat({ engine: "sqlite", path }, () => [text("Yes."), FINISH]);
  try {
    assert.deepEqual(logOf(path, id).slice(0, before.length), before);
    assert.equal(inTail(path), 0);
    const next = await read(again.chat, await say(again.chat, "There?", { session_id: id }));
    assert.equal(next.at(-1)?.type, "done");
    await collect(again.chat, id, { after: 0, until: "turn_end" });
  } finally {
    await again.close();
  }
  assert.deepEqual((await checkDatabase({ engine: "sqlite", path }, false)).findings, []);
}
