// What a new chat asks of the database, from its message to its end.
import assert from "node:assert/strict";
import SQLite from "better-sqlite3";
import { sql } from "kysely";
import pg from "pg";
import type { AcceptedTurn } from "../../server/chat/chat.ts";
import { begunAt } from "../../server/db/tables/chunks.ts";
import { sessionInsert } from "../../server/db/tables/sessions.ts";
import type { MessageRequest } from "../../server/protocol/requests.ts";
import { FINISH, read, type Script, say, type TestChat, text, withChat } from "../support/chat.ts";
import { newSession, withDatabase } from "../support/database.ts";
import { ENGINES, POSTGRES } from "../support/engines.ts";

/** Of the companion, which looks from time to time whether its server has changed its part. */
const WATCHES = /pg_is_in_recovery|pg_stat_replication/;
/** What a chat asks first; before it the last one may still look for messages that wait. */
const FIRST = /^begin|from "requests"/;

/** On SQLite those of the event loop: what a thread does for all streams is no chat's own. */
async function statementsOf(body: (seen: readonly string[]) => Promise<void>): Promise<string[]> {
  const seen: string[] = [];
  const see = (statement: string) => {
    if (WATCHES.test(statement) || (seen.length === 0 && !FIRST.test(statement))) return;
    seen.push(statement);
  };
  const { query } = pg.Client.prototype;
  const probe = new SQLite(":memory:");
  const prepared = Object.getPrototypeOf(probe.prepare("select 1")) as SQLite.Statement;
  const { all, run } = prepared;
  pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
    const [first] = given;
    see(typeof first === "string" ? first : (first as { text: string }).text);
    return Reflect.apply(query, this, given);
  } as typeof query;
  prepared.all = function (this: SQLite.Statement, ...given: unknown[]) {
    see(this.source);
    return Reflect.apply(all, this, given);
  };
  prepared.run = function (this: SQLite.Statement, ...given: unknown[]) {
    see(this.source);
    return Reflect.apply(run, this, given);
  };
  try {
    await body(seen);
    return seen;
  } finally {
    pg.Client.prototype.query = query;
    Object.assign(prepared, { all, run });
    probe.close();
  }
}

const script: Script = () => [text("Hello."), FINISH];
const tools = [{ name: "read_it", description: "reads", parameters: {}, kind: "read" } as const];

/** The statements of a chat of one answer, and how many of them came before its first word. */
async function ask(
  { chat }: TestChat,
  more: Partial<MessageRequest> = {},
): Promise<{ all: string[]; toFirstWord: number }> {
  let toFirstWord = 0;
  const all = await statementsOf(async (seen) => {
    const message = { type: "user_message", content: "Hi" } as const;
    const turn = await chat.startTurn({ message, tools, ...more });
    const { session_id, turn_id, after, begun } = turn;
    const options = { after, stored: after + 1, begun, until: { pause_of: turn_id } };
    const { signal } = new AbortController();
    for await (const frames of chat.stream(session_id, options, signal)) {
      const says = frames.some(({ chunk }) => chunk.type === "assistant_message");
      if (says) toFirstWord ||= seen.length;
    }
  });
  return { all, toFirstWord };
}

for (const engine of ENGINES) {
  describe(`a new chat on ${engine.engine}`, () => {
    it("takes at most ten statements to its first word, and two transactions in all", () =>
      withChat(engine, script, async (chat) => {
        await ask(chat, { request_id: "first" });
        const { all, toFirstWord } = await ask(chat);
        const told = all.join("\n");
        assert.doesNotMatch(told, /from "chunks"/, "what was just stored is read");
        assert.ok(toFirstWord > 2 && toFirstWord <= 10, told);
        const repeatable = await ask(chat, { request_id: "second" });
        assert.ok(repeatable.toFirstWord <= toFirstWord + 2, repeatable.all.join("\n"));
        assert.equal(all.filter((statement) => statement.startsWith("begin")).length, 2, told);
        if (engine === POSTGRES) assert.ok(all.length <= 9, told);
      }));

    it("is told to the model as it is stored", () =>
      withChat(engine, script, async (chat) => {
        const content = "A half of it: 𝄞, and \u0001.";
        const message = { type: "user_message", content } as const;
        const { session_id, turn_id, after } = await chat.chat.startTurn({ message, tools });
        await read(chat.chat, { session_id, turn_id, after });
        await read(chat.chat, await say(chat.chat, "More.", { session_id }));
        const [first, second] = chat.requests.map(({ messages }) => messages[0]);
        assert.deepEqual(first, second);
      }));

    it("is known again after a COMMIT that nobody heard of", () =>
      withDatabase(engine, async ({ database: { writer: db } }) => {
        const row = { ...newSession("chat"), last_seq: 2, lease_fence: 1, last_commit: "mine" };
        const ask = (id: string, commit: string) =>
          db.transaction().execute((trx) => begunAt(trx.withoutPlugins(), id, commit));
        await db.transaction().execute((trx) => sessionInsert(trx.withoutPlugins(), row).execute());
        assert.equal(await ask("chat", "mine"), true);
        assert.equal(await ask("chat", "another"), false);
        assert.equal(await ask("none", "mine"), false);
        const ids = await db.selectFrom("sessions").select("id").execute();
        assert.deepEqual(ids, [{ id: "chat" }]);
      }));
  });
}

describe("new chats of one moment on postgres", () => {
  const message = { type: "user_message", content: "Hi" } as const;

  it("are stored together, a repeated request once", () =>
    withChat(POSTGRES, script, async ({ chat }) => {
      let turns: AcceptedTurn[] = [];
      const seen = await statementsOf(async () => {
        turns = await Promise.all(
          Array.from({ length: 40 }, (_, n) =>
            chat.startTurn({ message, tools, request_id: `r-${n % 39}` }),
          ),
        );
      });
      assert.equal(new Set(turns.map(({ turn_id }) => turn_id)).size, 39);
      assert.deepEqual(turns[0]?.turn_id, turns[39]?.turn_id);
      for (const turn of turns) {
        const types = (await read(chat, turn)).map(({ type }) => type);
        assert.deepEqual(types, ["session_info", "user_message", "assistant_message", "done"]);
      }
      assert.equal((await chat.listSessions({})).sessions.length, 39);
      const inserts = seen.filter((statement) => statement.includes("json_populate_recordset"));
      assert.ok(inserts.length > 1, "the group failed for its repeat, and each was tried alone");
    }));

  it("take a few statements in all", () =>
    withChat(POSTGRES, script, async ({ chat }) => {
      const seen = await statementsOf(async () => {
        const all = Array.from({ length: 40 }, () => chat.startTurn({ message, tools }));
        for (const { turn_id, session_id } of await Promise.all(all)) {
          await read(chat, { turn_id, session_id, after: 0 });
        }
      });
      const inserts = seen.filter((statement) => statement.includes("json_populate_recordset"));
      assert.ok(inserts.length > 0 && inserts.length <= 5, `${inserts.length} statements`);
    }));

  it("are stored by themselves where they are large", () =>
    withChat(POSTGRES, script, async ({ chat }) => {
      const long = { ...message, content: "long ".repeat(20_000) };
      let turns: AcceptedTurn[] = [];
      const seen = await statementsOf(async () => {
        const all = [long, long, message, message].map((one) => chat.startTurn({ message: one }));
        turns = await Promise.all(all);
      });
      for (const turn of turns) await read(chat, turn);
      assert.equal(new Set(turns.map(({ session_id }) => session_id)).size, 4);
      const inserts = seen.filter((statement) => statement.includes("json_populate_recordset"));
      assert.equal(inserts.length, 3, "each of the large ones, and the others");
    }));

  it("fail alone", () =>
    withChat(POSTGRES, script, async ({ chat }) => {
      // What Postgres cannot store.
      const workspaces = Array.from({ length: 9 }, (_, n) => (n === 4 ? "a\0b" : `w-${n}`));
      const ended = await Promise.allSettled(
        workspaces.map((workspace) => chat.startTurn({ message, workspace })),
      );
      const stored = ended.map(({ status }) => status === "fulfilled");
      const where = (await chat.listSessions({})).sessions.map(({ workspace }) => workspace);
      assert.deepEqual(
        stored,
        workspaces.map((_, n) => n !== 4),
      );
      assert.deepEqual(new Set(where), new Set(workspaces.filter((_, n) => n !== 4)));
    }));
});

it("waits for the COMMIT of a new chat that is on its way", () =>
  withDatabase(POSTGRES, async ({ database: { writer: db, reader } }) => {
    const row = { ...newSession("late"), last_seq: 2, lease_fence: 1, last_commit: "mine" };
    let asked: Promise<boolean> | undefined;
    let isKnown = false;
    await db.transaction().execute(async (trx) => {
      await sessionInsert(trx.withoutPlugins(), row).execute();
      asked = db.transaction().execute((other) => begunAt(other.withoutPlugins(), "late", "mine"));
      void asked.then(() => {
        isKnown = true;
      });
      const waits = sql<{ pid: number }>`select pid from pg_stat_activity
        where wait_event_type = 'Lock' and query like 'insert into "sessions"%'`;
      while ((await waits.execute(reader)).rows.length === 0) assert.ok(!isKnown);
    });
    assert.equal(await asked, true);
  }));
