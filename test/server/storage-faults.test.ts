// A turn whose storage fails in the middle of the answer.
import assert from "node:assert/strict";
import SQLite from "better-sqlite3";
import { sql } from "kysely";
import type { AcceptedTurn, Chat } from "../../server/chat/chat.ts";
import { FINISH, read, type Script, say, text, transcript, withChat } from "../support/chat.ts";
import { ENGINES, type Engine } from "../support/engines.ts";

const LARGE = "x".repeat(500_000);

describe("storage that fails in the middle of an answer", () => {
  /** Says "saved", waits for `fault`, says something large; afterwards answers normally. */
  function answering(fault: Promise<void>): Script {
    return async function* ({ messages }) {
      if (messages.length > 1) {
        yield text("fine again");
      } else {
        yield text("saved");
        await fault;
        yield text(LARGE);
      }
      yield FINISH;
    };
  }

  async function checkRecovery(chat: Chat, turn: AcceptedTurn, code: string): Promise<void> {
    const chunks = await read(chat, turn);
    assert.deepEqual(transcript(chunks).slice(2), ["assistant_message saved", `error ${code}`]);
    const { session_id } = turn;
    const next = await read(chat, await say(chat, "again", { session_id }));
    assert.deepEqual(transcript(next).slice(1), ["assistant_message fine again", "done"]);
  }

  it("shows nothing unsaved on a full disk, and goes on when there is room", () => {
    const full = Promise.withResolvers<void>();
    return withChat(sqlite(), answering(full.promise), async ({ chat, database }) => {
      const limit = (pages: number) =>
        sql`pragma max_page_count = ${sql.lit(pages)}`.execute(database.writer);
      const turn = await say(chat, "hi");
      await shown(chat, turn.session_id, "saved");
      await limit(1);
      full.resolve();
      await read(chat, turn);
      await limit(1_000_000);
      await checkRecovery(chat, turn, "storage_full");
    });
  });

  it("commits the end of the turn as soon as a lock is gone", () => {
    const locked = Promise.withResolvers<void>();
    return withChat(sqlite(), answering(locked.promise), async (open, { source }) => {
      const { chat, lines } = open;
      assert.equal(source.engine, "sqlite");
      const turn = await say(chat, "hi");
      await shown(chat, turn.session_id, "saved");
      const other = new SQLite(source.engine === "sqlite" ? source.path : "");
      other.exec("begin immediate");
      locked.resolve();
      // Even the error chunk cannot be saved while the lock is held.
      while (!lines.some((line) => line.msg === "the end of a turn could not be saved yet")) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      other.close();
      await checkRecovery(chat, turn, "storage_busy");
    });
  }).timeout(10_000);
});

function sqlite(): Engine {
  const engine = ENGINES.find((candidate) => candidate.engine === "sqlite");
  assert.ok(engine);
  return engine;
}

async function shown(chat: Chat, sessionId: string, token: string): Promise<void> {
  const options = { after: 0, until: "left" } as const;
  for await (const batch of chat.stream(sessionId, options, new AbortController().signal)) {
    if (batch.some(({ chunk }) => chunk.token === token)) return;
  }
}
