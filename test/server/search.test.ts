// Sessions found by what is said in them, with the index and where the index does not reach.
import assert from "node:assert/strict";
import { sql } from "kysely";
import { insertMessage } from "../../server/db/messages.ts";
import { insertSession, listSessions, removeSession } from "../../server/db/sessions.ts";
import { insertTurn } from "../../server/db/turns.ts";
import { newSession, type OpenTestDatabase, withDatabase } from "../support/database.ts";
import { ENGINES, SQLITE } from "../support/engines.ts";

async function tell(open: OpenTestDatabase, id: string, ...texts: string[]): Promise<void> {
  await open.uow().commit("import_messages", async (trx) => {
    await insertSession(trx, newSession(id));
    const turn = { id: `turn of ${id}`, session_id: id, agent_type: "a", model: "m", after_seq: 0 };
    await insertTurn(trx, turn);
    for (const [index, content] of texts.entries()) {
      await insertMessage(trx, {
        session_id: id,
        turn_id: turn.id,
        position: index + 1,
        role: index % 2 === 0 ? "user" : "assistant",
        content,
        status: "complete",
        metadata: {},
      });
    }
  });
}

async function found({ database }: OpenTestDatabase, query: string): Promise<string[]> {
  const sessions = await listSessions(database.reader, { query, limit: 50 });
  return sessions.map(({ id, snippet }) => `${id}: ${snippet ?? "by its title"}`).toSorted();
}

for (const engine of ENGINES) {
  describe(`search on ${engine.engine}`, () => {
    it("finds any part of a word, whatever its case, in any script, and nothing that only looks like it", () =>
      withDatabase(engine, async (open) => {
        await tell(open, "one", "Where is the Commit-Group?", "In commit-group.ts, Ёлка.");
        await tell(open, "two", "数据库在哪里", 'a "quoted" 100% of_it\\');
        // Has all the parts of three characters of "abcabd", but not the word.
        await tell(open, "three", "abcab cabd bcabc");
        assert.deepEqual(await found(open, "MIT-GRO"), ["one: Where is the Commit-Group?"]);
        assert.deepEqual(await found(open, "елка"), ["one: In commit-group.ts, Ёлка."]);
        assert.deepEqual(await found(open, "据库在"), ["two: 数据库在哪里"]);
        assert.deepEqual(await found(open, "数据"), ["two: 数据库在哪里"]);
        for (const query of ['"quoted"', "100% o", "of_it\\", '" 1']) {
          assert.equal((await found(open, query)).length, 1, query);
        }
        assert.deepEqual(await found(open, "of%it"), []);
        assert.deepEqual(await found(open, "abcabd"), []);
        assert.deepEqual(await found(open, "cabd b"), ["three: abcab cabd bcabc"]);
        assert.deepEqual(await found(open, "two"), ["two: by its title"]);
        assert.deepEqual(await found(open, "AND"), []);
      }));

    it("finds what thousands of messages say, the newest sessions first", () =>
      withDatabase(engine, async (open) => {
        for (let n = 0; n < 30; n++) {
          await tell(
            open,
            `s${n}`,
            ...Array.from({ length: 100 }, (_, m) => `common words ${n}/${m}`),
          );
        }
        const page = await listSessions(open.database.reader, { query: "common", limit: 5 });
        assert.equal(page.length, 5);
        assert.match(page[0]?.snippet ?? "", /^common words \d+\/0$/);
        assert.deepEqual(await found(open, "words 7/99"), ["s7: common words 7/99"]);
      }));

    it("forgets what was deleted", () =>
      withDatabase(engine, async (open) => {
        await tell(open, "gone", "unforgettable");
        await tell(open, "kept", "unforgettable, too");
        await open.uow().commit("delete_session", (trx) => removeSession(trx, "gone"));
        assert.deepEqual(await found(open, "forgettable"), ["kept: unforgettable, too"]);
        await tell(open, "new", "something else");
        assert.deepEqual(await found(open, "forgettable"), ["kept: unforgettable, too"]);
      }));
  });
}

it("search on sqlite asks the index", () =>
  withDatabase(SQLITE, async (open) => {
    await tell(open, "one", "needle");
    await sql`delete from messages_search`.execute(open.database.writer);
    assert.deepEqual(await found(open, "needle"), []);
  }));
