// A chat that was deleted is gone for everybody, and can be brought back for a while.
import assert from "node:assert/strict";
import { purgeDeleted } from "../../server/chat/upkeep/deleted-chats.ts";
import {
  collect,
  exportedText,
  FINISH,
  read,
  type Script,
  say,
  stall,
  type TestChat,
  text,
  textOf,
  transcript,
  withChat,
} from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";
import { isCode } from "../support/tools.ts";

const DAY_MS = 86_400_000;

const SCRIPT: Script = async function* ({ messages }, signal) {
  const said = messages.at(-1)?.content ?? "";
  yield text(`You said ${said}. `);
  if (said === "hang") await stall(signal);
  yield FINISH;
};

const isGone = isCode("not_found");

async function chunksOf({ deps }: TestChat): Promise<number> {
  return (await deps.reader.selectFrom("chunks").select("seq").execute()).length;
}

for (const engine of ENGINES) {
  describe(`a deleted chat on ${engine.engine}`, () => {
    it("is gone for whoever lists, searches, reads, writes or exports", () =>
      withChat(engine, SCRIPT, async ({ chat }) => {
        const turn = await say(chat, "xylophone");
        await read(chat, turn);
        const kept = await say(chat, "marimba");
        await read(chat, kept);
        const { session_id } = turn;
        await chat.deleteSession(session_id);
        const ids = async (query?: string) =>
          (await chat.listSessions({ ...(query && { query }) })).sessions.map(({ id }) => id);
        assert.deepEqual(await ids(), [kept.session_id]);
        assert.deepEqual(await ids("xylophone"), []);
        assert.deepEqual(await ids("said"), [kept.session_id]);
        const file = await textOf(chat.exportAll());
        assert.ok(file.includes("marimba") && !file.includes("xylophone"));
        const attempts: [string, () => Promise<unknown>][] = [
          ["session", () => chat.getSession(session_id)],
          ["messages", () => chat.listMessages(session_id)],
          ["pending", () => chat.listPending(session_id)],
          ["stream", () => collect(chat, session_id, { after: 0, until: "turn_end" })],
          ["export", () => chat.exportChat(session_id, "jsonl")],
          ["fork", () => chat.forkSession(session_id)],
          ["rename", () => chat.updateSession(session_id, { title: "again" })],
          ["cancel", () => chat.cancelTurn(session_id)],
          ["say", () => say(chat, "more", { session_id })],
          ["rewind", () => chat.rewind(session_id, turn.turn_id)],
          ["delete", () => chat.deleteSession(session_id)],
          ["attachment", () => chat.readAttachment(session_id, "0".repeat(64))],
        ];
        for (const [name, attempt] of attempts) await assert.rejects(attempt, isGone, name);
      }));

    it("comes back as it was, as often as it is asked", () =>
      withChat(engine, SCRIPT, async ({ chat }) => {
        const turn = await say(chat, "xylophone");
        await read(chat, turn);
        const { session_id } = turn;
        const before = await exportedText(chat, session_id, "jsonl");
        await chat.deleteSession(session_id);
        const { sessions, kept_days } = await chat.listDeleted();
        assert.equal(kept_days, 30);
        assert.deepEqual(
          sessions.map(({ id, title }) => [id, title]),
          [[session_id, "xylophone"]],
        );
        const back = await chat.restoreSession(session_id);
        assert.deepEqual(await chat.restoreSession(session_id), back);
        assert.deepEqual((await chat.listDeleted()).sessions, []);
        assert.deepEqual(await exportedText(chat, session_id, "jsonl"), before);
        const next = await read(chat, await say(chat, "more", { session_id }));
        assert.equal(next.at(-1)?.type, "done");
      }));

    it("ends its answer, with what it had, and its readers", () =>
      withChat(engine, SCRIPT, async ({ chat }) => {
        const turn = await say(chat, "hang");
        const { session_id } = turn;
        const { signal } = new AbortController();
        const reader = chat.stream(session_id, { after: 0, until: "left" }, signal);
        const frames = reader[Symbol.asyncIterator]();
        await frames.next();
        await chat.deleteSession(session_id);
        while (!(await frames.next()).done);
        await chat.restoreSession(session_id);
        const chunks = await collect(chat, session_id, { after: 0, until: "turn_end" });
        assert.equal(transcript(chunks).at(-1), "interrupted cancelled");
      }));

    it("is removed for good when its time is over, or when that is wanted", () =>
      withChat(engine, SCRIPT, async (open) => {
        const { chat, deps } = open;
        const ids: string[] = [];
        for (const word of ["one", "two", "three"]) {
          const turn = await say(chat, word);
          await read(chat, turn);
          ids.push(turn.session_id);
        }
        const [one = "", two = "", three = ""] = ids;
        await chat.deleteSession(one);
        await chat.deleteSession(two);
        assert.equal(await purgeDeleted(deps, Date.now() + 29 * DAY_MS), 0);
        await chat.restoreSession(two);
        assert.equal(await purgeDeleted(deps, Date.now() + 31 * DAY_MS), 1);
        await assert.rejects(chat.restoreSession(one), isGone);
        await chat.deleteSession(two);
        await chat.deleteSession(two, true);
        await assert.rejects(chat.restoreSession(two), isGone);
        await chat.deleteSession(three, true);
        assert.deepEqual((await chat.listDeleted()).sessions, []);
        assert.equal(await chunksOf(open), 0);
      }));

    it("gives its place to the same chat from a file", () =>
      withChat(engine, SCRIPT, async ({ chat }) => {
        const turn = await say(chat, "xylophone");
        await read(chat, turn);
        const { session_id } = turn;
        const file = await exportedText(chat, session_id, "jsonl");
        await read(chat, await say(chat, "more", { session_id }));
        await chat.deleteSession(session_id);
        const lines = async function* () {
          for (const [index, line] of file.trim().split("\n").entries()) {
            yield { number: index + 1, text: line };
          }
        };
        assert.equal((await chat.importChats(lines(), false)).counts.imported, 1);
        assert.equal(await exportedText(chat, session_id, "jsonl"), file);
      }));
  });
}
