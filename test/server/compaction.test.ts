// What compaction makes of a finished turn's log, and what readers make of that.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { FileLine } from "../../server/chat/chat.ts";
import { compactTurns } from "../../server/chat/upkeep/compact-turns.ts";
import { purgeDeleted } from "../../server/chat/upkeep/deleted-chats.ts";
import { STEP_ROWS } from "../../server/db/tables/compaction.ts";
import { listDeleted } from "../../server/db/tables/deleted-sessions.ts";
import { appendsEnded } from "../../server/db/tables/epochs.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { continuity } from "../../server/shared/continuity.ts";
import { emptyLog } from "../../webview/turns/model.ts";
import { takeChunks } from "../../webview/turns/turns.ts";
import {
  collect,
  exportedText,
  FINISH,
  read,
  type Script,
  say,
  type TestChat,
  text,
  withChat,
} from "../support/chat.ts";
import { ENGINES, POSTGRES, SQLITE, type TestDatabase } from "../support/engines.ts";

async function* linesOf(file: string): AsyncGenerator<FileLine> {
  for (const [index, text] of file.trim().split("\n").entries()) yield { number: index + 1, text };
}

const LATER = () => Date.now() + 60_000;
const WORDS = 1_300;

/**
 * Thinks, speaks, thinks, speaks, counts words, speaks again: each in many deltas that
 * the commits do not join.
 */
const LONG: Script = async function* (request) {
  const called = request.messages.some(({ role }) => role === "tool");
  for (let n = 0; n < 5; n++) {
    yield { type: "reasoning", text: `thought ${n}, ` };
    await new Promise(setImmediate);
  }
  for (let n = 0; n < (called ? WORDS : 30); n++) {
    yield text(`${called ? "after" : "before"} ${n} ё🎈 `);
    if (n % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    if (n === 20) yield { type: "reasoning", text: "a thought between" };
  }
  if (!called) {
    yield {
      type: "tool_call",
      call_id: "call-1",
      tool_name: "count_words",
      arguments: { text: "a b c" },
    };
    yield { type: "finish", reason: "tool_calls", usage: undefined };
  } else yield FINISH;
};

async function longTurn({ chat }: TestChat): Promise<string> {
  const turn = await say(chat, `Tell me about it. ${"Please! ".repeat(20)}`);
  await read(chat, turn);
  const message = { type: "tool_decision", call_id: "call-1", decision: "approve" } as const;
  await read(chat, await chat.startTurn({ session_id: turn.session_id, message }));
  return turn.session_id;
}

/** All that a person sees of it. */
function seen(chunks: readonly StreamChunk[]): unknown {
  const { turns } = takeChunks(emptyLog("any"), chunks);
  return turns.map(({ question, parts, status, ending }) => ({
    question: question?.text,
    parts: parts.map((part) => ("text" in part ? `${part.kind}: ${part.text}` : part.kind)),
    status,
    ending,
  }));
}

const everything = (chat: TestChat, sessionId: string, after = 0) =>
  collect(chat.chat, sessionId, { after, until: "turn_end" });

for (const engine of ENGINES) {
  describe(`compaction on ${engine.engine}`, () => {
    for (const stepRows of [STEP_ROWS, 7])
      it(`leaves one snapshot for each run of deltas, and every reader the same text, ${stepRows} rows at a time`, () =>
        withChat(engine, LONG, async (open) => {
          const sessionId = await longTurn(open);
          const before = await everything(open, sessionId);
          // A busy machine joins more of them in one commit.
          assert.ok(before.length > 30, `${before.length} chunks`);
          assert.equal(await compactTurns(open.deps, LATER(), stepRows), 1);
          const after = await everything(open, sessionId);
          assert.deepEqual(seen(after), seen(before));
          const kinds = (chunks: readonly StreamChunk[]) =>
            chunks
              .map(({ type, metadata }) => (type === "snapshot" ? String(metadata?.["of"]) : type))
              .filter((kind, index, all) => kind !== all[index - 1]);
          assert.deepEqual(kinds(after), kinds(before));
          assert.ok(after.length < 25, `${after.length} chunks`);
          const untouched = (chunk: StreamChunk) =>
            !/assistant_message|reasoning|snapshot/.test(chunk.type);
          assert.deepEqual(after.filter(untouched), before.filter(untouched));

          // Whatever a reader had already, it goes on without a gap and ends with the same.
          for (const had of [1, 5, 20, before.length - 10, before.length - 2]) {
            const cursor = before[had - 1]?.seq ?? 0;
            const rest = await everything(open, sessionId, cursor);
            const [first] = rest;
            assert.ok(first);
            assert.equal(continuity(cursor, first), "next");
            assert.deepEqual(seen([...before.slice(0, had), ...rest]), seen(before));
          }
        }));

    it("waits for the end of a turn and ten minutes, and does nothing twice", () =>
      withChat(
        engine,
        () => [text("a ".repeat(50)), FINISH],
        async (open) => {
          const { session_id } = await say(open.chat, "one");
          await collect(open.chat, session_id, { after: 0, until: "turn_end" });
          assert.equal(await compactTurns(open.deps, Date.now() - 600_000), 0);
          assert.equal(await compactTurns(open.deps, LATER()), 1);
          const once = await everything(open, session_id);
          assert.equal(await compactTurns(open.deps, LATER()), 0);
          assert.deepEqual(await everything(open, session_id), once);
          // The session goes on.
          const next = await read(open.chat, await say(open.chat, "two", { session_id }));
          assert.equal(next.at(-1)?.type, "done");
          assert.deepEqual(open.requests.at(-1)?.messages.length, 3);
        },
      ));

    it("keeps what is waiting for a person as it is", () =>
      withChat(engine, LONG, async (open) => {
        const turn = await say(open.chat, "one");
        const before = await read(open.chat, turn);
        assert.equal(await compactTurns(open.deps, LATER()), 0);
        assert.deepEqual(await read(open.chat, turn), before);
      }));
  });
}

describe("an append that hangs on Postgres", () => {
  /** Holds the lock that an append takes before it looks at the lease: its process is stopped. */
  async function hanging(database: TestDatabase): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: database.flag });
    // A test that fails leaves it behind.
    client.on("error", () => {});
    await client.connect();
    await client.query("begin; select 1 from epochs where false for key share");
    return client;
  }

  it("finds no number free again: compacting waits for it, and nobody waits for that", () =>
    withChat(
      POSTGRES,
      () => [text("a ".repeat(50)), FINISH],
      async (open, database) => {
        await read(open.chat, await say(open.chat, "one"));
        const client = await hanging(database);
        let isCompact = false;
        const compacting = compactTurns(open.deps, LATER()).then((turns) => {
          isCompact = true;
          return turns;
        });
        await delay(300);
        assert.equal((await read(open.chat, await say(open.chat, "two"))).at(-1)?.type, "done");
        assert.equal(isCompact, false);
        await client.end();
        assert.equal(await compacting, 2);
      },
    ));

  it("finds no log of a chat that was removed: purging waits for it, deleting for good does not", () =>
    withChat(
      POSTGRES,
      () => [FINISH],
      async (open, database) => {
        const client = await hanging(database);
        await assert.rejects(appendsEnded(open.deps.reader, 200), /for over 0.2 s/);
        const [one, two] = [await say(open.chat, "one"), await say(open.chat, "two")];
        await read(open.chat, one);
        await read(open.chat, two);
        await open.chat.deleteSession(one.session_id);
        const purging = purgeDeleted({ ...open.deps, keepDeletedDays: 0 }, Date.now() + 1_000);
        await open.chat.deleteSession(two.session_id, true);
        await assert.rejects(open.chat.restoreSession(two.session_id), { code: "not_found" });
        const listed = await listDeleted(open.deps.reader, 10);
        assert.deepEqual(
          listed.map(({ id }) => id),
          [one.session_id],
        );
        assert.equal(await chats(open), 2);
        await client.end();
        assert.equal(await purging, 1);
        assert.equal(await purgeDeleted({ ...open.deps, keepDeletedDays: 30 }, Date.now()), 1);
        assert.equal(await chats(open), 0);
      },
    ));

  it("finds no chat from a file in the place of one that was deleted: that stays, and others go on", () =>
    withChat(
      POSTGRES,
      () => [FINISH],
      async (open, database) => {
        const { chat } = open;
        const turn = await say(chat, "one");
        await read(chat, turn);
        const { session_id } = turn;
        const file = await exportedText(chat, session_id, "jsonl");
        await chat.deleteSession(session_id);
        const client = await hanging(database);
        const refused = chat.importChats(linesOf(file), false);
        assert.equal((await read(chat, await say(chat, "two"))).at(-1)?.type, "done");
        assert.match((await refused).problems[0]?.message ?? "", /Words .* for over 2 s/);
        assert.equal((await chat.listDeleted()).sessions.length, 1);
        await client.end();
        assert.equal((await chat.importChats(linesOf(file), false)).counts.imported, 1);
        // Nor one that has not seen the lease yet, though its chat had as many.
        const again = await say(chat, "again", { session_id });
        await read(chat, again);
        assert.ok((await fenceOf(open, session_id)) > 2 ** 32);
      },
    ));

  const chats = async ({ deps }: TestChat) =>
    (await deps.reader.selectFrom("sessions").select("id").execute()).length;

  async function fenceOf({ deps }: TestChat, sessionId: string): Promise<number> {
    const row = await deps.reader
      .selectFrom("sessions")
      .select("lease_fence")
      .where("id", "=", sessionId)
      .executeTakeFirstOrThrow();
    return row.lease_fence;
  }
});

describe("the size of a database", () => {
  it("stays within twice the text it holds, and is given back to the disk", function () {
    this.timeout(60_000);
    const sentence = "The quick brown fox jumps over the lazy dog, and nothing of it is lost. ";
    const answer: Script = async function* () {
      const nonce = Math.random().toString(36);
      for (let n = 0; n < 150; n++) {
        yield text(`${sentence.slice(0, 40)}${nonce}${n} `);
        if (n % 3 === 0) await new Promise(setImmediate);
      }
      yield FINISH;
    };
    return withChat(SQLITE, answer, async (open, { source }) => {
      assert.equal(source.engine, "sqlite");
      const path = source.engine === "sqlite" ? source.path : "";
      const size = () => statSync(path).size + statSync(`${path}-wal`).size;
      for (let n = 0; n < 20; n++) {
        const turns = await Promise.all(
          Array.from({ length: 10 }, () => say(open.chat, `Question ${n}`)),
        );
        await Promise.all(turns.map((turn) => read(open.chat, turn)));
      }
      const rows = await open.database.reader.selectFrom("messages").select("content").execute();
      const bytes = rows.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
      const before = size();
      assert.equal(await compactTurns(open.deps, LATER()), 200);
      while (size() > 2 * bytes) {
        // The thread that gives pages back does so little by little; without
        // it this would never end.
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      assert.ok(before > 2 * bytes, `${before} bytes for ${bytes} of text, before`);
    });
  });
});
