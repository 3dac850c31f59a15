// A turn whose storage fails in the middle of the answer.
import assert from "node:assert/strict";
import { join } from "node:path";
import SQLite from "better-sqlite3";
import type { AcceptedTurn, Chat } from "../../server/chat/chat.ts";
import {
  FINISH,
  openChat,
  read,
  type Script,
  say,
  text,
  transcript,
  withChat,
} from "../support/chat.ts";
import { ENGINES, type Engine } from "../support/engines.ts";
import { mountSmallDisk } from "../support/small-disk.ts";

const UNSAVED_END = "the end of a turn could not be saved yet";

function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

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

  it("shows nothing unsaved on a full disk, and goes on when there is room", async function () {
    const disk = mountSmallDisk(4);
    if (!disk) return this.skip();
    const full = Promise.withResolvers<void>();
    const source = { engine: "sqlite", path: join(disk.folder, "test.db") } as const;
    const chat = await openChat(source, answering(full.promise));
    try {
      const turn = await say(chat.chat, "hi");
      await shown(chat.chat, turn.session_id, "saved");
      disk.fill();
      full.resolve();
      // Not even the end of the turn can be saved before there is room.
      while (!chat.lines.some((line) => line.msg === UNSAVED_END)) await soon();
      disk.free();
      await checkRecovery(chat.chat, turn, "storage_full");
    } finally {
      await chat.close();
      disk.unmount();
    }
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
      while (!lines.some((line) => line.msg === UNSAVED_END)) await soon();
      other.close();
      await checkRecovery(chat, turn, "storage_busy");
    });
  }).timeout(30_000);
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
