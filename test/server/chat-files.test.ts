// Files of large chats are made beside the event loop, which serves every stream.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Chat } from "../../server/chat/chat.ts";
import { createChatFiles } from "../../server/chat/transfer/export-thread.ts";
import {
  exportedText,
  FINISH,
  read,
  type Script,
  say,
  text,
  textOf,
  withChat,
} from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";
import { isCode } from "../support/tools.ts";

const MEGABYTE = "words and more ".repeat(70_000);
/** What is in a file twice: as the message and in the log. */
const MEGABYTES = 4;
/** Making the file in the event loop took 300. */
const MAX_TURN_MS = 150;

const LONG: Script = function* ({ messages }) {
  const isLong = String(messages.at(-1)?.content) === "long";
  for (let n = 0; n < (isLong ? MEGABYTES : 1); n++) yield text(isLong ? MEGABYTE : "short");
  yield FINISH;
};

async function talk(chat: Chat, content: string): Promise<string> {
  const turn = await say(chat, content);
  await read(chat, turn);
  return turn.session_id;
}

/** The most processor time that one turn of the event loop took meanwhile, in milliseconds. */
async function longestTurn(work: () => Promise<void>): Promise<number> {
  let most = 0;
  let isOver = false;
  const watching = (async () => {
    for (let before = process.threadCpuUsage(); !isOver; before = process.threadCpuUsage()) {
      await delay(1);
      const { user, system } = process.threadCpuUsage(before);
      most = Math.max(most, (user + system) / 1_000);
    }
  })();
  await work();
  isOver = true;
  await watching;
  return most;
}

for (const engine of ENGINES) {
  describe(`a file of a large chat on ${engine.engine}`, () => {
    it("is made beside the event loop, which only hands it on", () =>
      withChat(engine, LONG, async ({ chat }) => {
        const id = await talk(chat, "long");
        await exportedText(chat, await talk(chat, "short"), "jsonl");
        for (const parts of [(await chat.exportChat(id, "jsonl")).parts, chat.exportAll()]) {
          let bytes = 0;
          const longest = await longestTurn(async () => {
            for await (const part of parts) bytes += part.length;
          });
          assert.ok(bytes > 2 * MEGABYTES * 1_000_000);
          assert.ok(longest < MAX_TURN_MS, `${longest} ms`);
        }
      }));

    it("is told apart from others that are made at the same time", () =>
      withChat(engine, LONG, async ({ chat }) => {
        const ids = await Promise.all([talk(chat, "long"), talk(chat, "one"), talk(chat, "two")]);
        const alone: string[] = [];
        for (const id of ids) alone.push(await exportedText(chat, id, "jsonl"));
        const left = chat.exportAll()[Symbol.asyncIterator]();
        await left.next();
        const together = ids.map((id) => exportedText(chat, id, "jsonl"));
        await left.return?.();
        assert.deepEqual(await Promise.all(together), alone);
        const { parts } = await chat.exportChat(ids[0], "jsonl");
        await chat.deleteSession(ids[0]);
        await assert.rejects(textOf(parts), isCode("not_found"));
      }));

    it("ends with an error when its thread does, and the next one is whole", () =>
      withChat(engine, LONG, async ({ chat, database }) => {
        await talk(chat, "long");
        const closing = new AbortController();
        const files = createChatFiles(database.source, closing.signal);
        const parts = files.parts("all");
        await parts.next();
        closing.abort();
        await assert.rejects(textOf(parts), isCode("internal"));
        assert.equal(await textOf(files.parts("all")), await textOf(chat.exportAll()));
      }));
  });
}
