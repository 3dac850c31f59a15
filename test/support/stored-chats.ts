// A data directory with finished chats in it, and nobody who serves it.
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { DatabaseSource } from "../../server/db/opened-database.ts";
import { prepareDataDir } from "../../server/lifecycle/data-dir.ts";
import { FINISH, openChat, read, say, text } from "./chat.ts";
import { newDataDir } from "./companion.ts";

export interface StoredChats {
  dataDir: string;
  /** Of the SQLite file. */
  path: string;
  sessions: { id: string; turns: string[] }[];
}

/** What the model of these chats answers. */
export function answerTo(question: string): string {
  return `You said: ${question}.${" And so it goes on, word by word.".repeat(4)}`;
}

/**
 * As many chats as asked for, of two turns each, in a fresh data directory; each answer says
 * the same `length` times.
 */
export async function storeChats(chats = 3, length = 1): Promise<StoredChats> {
  const dataDir = newDataDir();
  prepareDataDir(dataDir);
  const path = join(dataDir, "streamkeeper.db");
  const sessions = await fillWithChats({ engine: "sqlite", path }, chats, length);
  return { dataDir, path, sessions };
}

/** The same in any database. */
export async function fillWithChats(
  source: DatabaseSource,
  chats = 3,
  length = 1,
): Promise<StoredChats["sessions"]> {
  const open = await openChat(source, async function* ({ messages }) {
    const words = answerTo(String(messages.at(-1)?.content)).split(/(?<= )/);
    // Later than the commit of the word before, so that an answer has several chunks.
    for (let n = 0; n < length; n++) {
      for (const word of length === 1 ? words : [words.join("")]) {
        yield text(word);
        await delay(1);
      }
    }
    yield FINISH;
  });
  const sessions: StoredChats["sessions"] = [];
  for (let n = 1; n <= chats; n++) {
    const first = await say(open.chat, `question ${n}, the first`);
    await read(open.chat, first);
    const { session_id } = first;
    const second = await say(open.chat, `question ${n}, the second`, { session_id });
    await read(open.chat, second);
    sessions.push({ id: session_id, turns: [first.turn_id, second.turn_id] });
  }
  await open.close();
  return sessions;
}
