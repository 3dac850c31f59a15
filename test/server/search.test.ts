// Sessions found by what is said in them, with the index and where the index does not reach.
import assert from "node:assert/strict";
import fc from "fast-check";
import { sql } from "kysely";
import pg from "pg";
import { removeSession } from "../../server/db/tables/deleted-sessions.ts";
import { insertMessage } from "../../server/db/tables/messages.ts";
import { snippetOf } from "../../server/db/tables/search.ts";
import { insertSession, type ListQuery, listSessions } from "../../server/db/tables/sessions.ts";
import { insertTurn } from "../../server/db/tables/turns.ts";
import { termsOf } from "../../server/shared/search-words.ts";
import { newSession, type OpenTestDatabase, withDatabase } from "../support/database.ts";
import { ENGINES, POSTGRES, SQLITE } from "../support/engines.ts";

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

interface Told {
  id: string;
  updated_at: number;
  texts: string[];
}

/** With accents in both forms, and an apostrophe as keyboards and as typesetters write it. */
const LETTERS = [...Array.from("aAbBёЕ数-%’'É"), "e\u0301", "е\u0308"];

/** Of few letters, so that many texts share parts, in several scripts and cases. */
const WORDS = fc
  .array(fc.string({ unit: fc.constantFrom(...LETTERS), minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 2,
  })
  .map((words) => words.join(" "));

const SESSIONS = fc.array(
  fc.record({
    title: WORDS,
    updated_at: fc.nat(20),
    texts: fc.array(WORDS, { maxLength: 120, size: "max" }),
  }),
  { minLength: 40, maxLength: 40 },
);

async function tellAtRandom(open: OpenTestDatabase, seed: number): Promise<Told[]> {
  const told: Told[] = [];
  for (const [n, { title, ...session }] of (
    fc.sample(SESSIONS, { seed, numRuns: 1 })[0] ?? []
  ).entries()) {
    const id = `${n + 10} ${title}`;
    await tell(open, id, ...session.texts);
    told.push({ id, ...session });
  }
  await open.uow().commit("update_session", async (trx) => {
    for (const { id, updated_at } of told) {
      await trx.updateTable("sessions").set({ updated_at }).where("id", "=", id).execute();
    }
  });
  return told.toSorted((a, b) => b.updated_at - a.updated_at || (a.id < b.id ? 1 : -1));
}

/** As the words are compared, found out in another way than by the patterns of the search. */
function plain(text: string): string {
  const composed = text.normalize("NFC").toLowerCase().replaceAll("ё", "е");
  return composed.replaceAll("’", "'").replaceAll(/\s+/g, " ");
}

/** What a search must find, by looking at everything. */
function scan(told: readonly Told[], query: string): string[] {
  const terms = termsOf(query);
  const says = (text: string, word: string) => plain(text).includes(word);
  return told.flatMap(({ id, texts }) => {
    if (!terms.every(({ text }) => [id, ...texts].some((told) => says(told, text)))) return [];
    const first = [
      texts.find((told) => terms.every(({ text }) => says(told, text))),
      ...terms.map(({ text }) => texts.find((told) => says(told, text))),
    ].find((told) => told !== undefined);
    return [first === undefined ? id : `${id}: ${snippetOf(first, terms)}`];
  });
}

async function allPages(open: OpenTestDatabase, query: string, limit: number): Promise<string[]> {
  const all: string[] = [];
  let before: ListQuery["before"];
  for (;;) {
    const page = await listSessions(open.database.slowReader, { query, limit, before });
    all.push(...page.map(({ id, snippet }) => (snippet === undefined ? id : `${id}: ${snippet}`)));
    const last = page.at(-1);
    if (!last || page.length < limit) return all;
    before = { updated_at: Date.parse(last.updated_at), id: last.id };
  }
}

async function checkAgainstScan(open: OpenTestDatabase): Promise<void> {
  const seed = Date.now();
  const told = await tellAtRandom(open, seed);
  const all = told.flatMap(({ id, texts }) => [id, ...texts]);
  const search = fc.record({
    text: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...all) },
      { arbitrary: WORDS, weight: 1 },
    ),
    start: fc.nat(5),
    length: fc.integer({ min: 1, max: 6 }),
    limit: fc.integer({ min: 1, max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(search, async ({ text, start, length, limit }) => {
      const letters = text.match(/\P{M}\p{M}*/gu) ?? [];
      const query = letters.slice(start, start + length).join("");
      if (query.trim() === "") return;
      assert.deepEqual(await allPages(open, query, limit), scan(told, query));
    }),
    { seed, numRuns: 150 },
  );
}

async function found({ database }: OpenTestDatabase, query: string): Promise<string[]> {
  const sessions = await listSessions(database.slowReader, { query, limit: 50 });
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

    it("finds words in any order, wherever in a chat they are, and a phrase where it is quoted", () =>
      withDatabase(engine, async (open) => {
        await tell(open, "token title", "the average length", "alpha beta\r\n  gamma delta");
        await tell(open, "other", 'he said "stop now" loudly', "now we stop");
        assert.deepEqual(await found(open, "average TOKEN"), ["token title: the average length"]);
        assert.deepEqual(await found(open, " delta  average "), [
          "token title: the average length",
        ]);
        const lines = "token title: alpha beta gamma delta";
        assert.deepEqual(await found(open, "delta alpha"), [lines]);
        assert.deepEqual(await found(open, '"beta gamma"'), [lines]);
        assert.deepEqual(await found(open, '"gamma beta"'), []);
        assert.deepEqual(await found(open, "average missing"), []);
        const quoted = 'other: he said "stop now" loudly';
        assert.deepEqual(await found(open, "“stop now”"), [quoted]);
        assert.deepEqual(await found(open, '"now we'), ["other: now we stop"]);
      }));

    it("finds accents in either form and signs as keyboards and typesetters write them", () =>
      withDatabase(engine, async (open) => {
        const both = ["don’t café мой Ёлка Ế 한국어", "don't «так» пьёт"];
        await tell(open, "composed", ...both);
        await tell(open, "decomposed", ...both.map((text) => text.normalize("NFD")));
        for (const word of ["café", "мой", "елка", "ёлка", "ế", "한국어", "пьет"]) {
          for (const query of [word, word.normalize("NFD"), word.toUpperCase()]) {
            assert.equal((await found(open, query)).length, 2, query);
          }
        }
        for (const query of ["don't", "don’t", '"don’t caf"', "'t"]) {
          assert.equal((await found(open, query)).length, 2, query);
        }
        assert.deepEqual(await found(open, "donat"), []);
      }));

    it("shows what is found as one reads it, and says in which turn it is", () =>
      withDatabase(engine, async (open) => {
        await tell(
          open,
          "one",
          "x",
          "# Head\n\n> **Note:** use `a_b` of [docs](https://e.org/#at)",
        );
        const { slowReader } = open.database;
        const shown = async (query: string) => {
          const [session] = await listSessions(slowReader, { query, limit: 1 });
          return [session?.snippet, session?.found_turn_id];
        };
        assert.deepEqual(await shown("note"), ["Head Note: use a_b of docs", "turn of one"]);
        assert.match(String((await shown("e.org"))[0]), /https:\/\/e\.org/);
        assert.deepEqual(await shown("one"), [undefined, undefined]);
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
        const page = await listSessions(open.database.slowReader, { query: "common", limit: 5 });
        assert.equal(page.length, 5);
        assert.match(page[0]?.snippet ?? "", /^common words \d+\/0$/);
        assert.deepEqual(await found(open, '"words 7/99"'), ["s7: common words 7/99"]);
      }));

    it("finds the same as looking at everything, in the same order, page by page", () =>
      withDatabase(engine, checkAgainstScan)).timeout(60_000);

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

it("search on sqlite asks an index for titles, which follows every change of them", () =>
  withDatabase(SQLITE, async (open) => {
    const { writer, reader } = open.database;
    await tell(open, "Ёлка İstanbul ΟΔΟΣ", "x");
    await tell(open, "second", "y");
    for (const word of ["елка", "İSTANBUL", "stanbul", "οδος", "ёлк"]) {
      assert.deepEqual(await found(open, word), ["Ёлка İstanbul ΟΔΟΣ: by its title"], word);
    }
    await sql`update sessions set title = 'renamed' where id = 'second'`.execute(writer);
    assert.deepEqual(await found(open, "name"), ["second: by its title"]);
    assert.deepEqual(await found(open, "secon"), []);
    await sql`delete from sessions where id = 'second'`.execute(writer);
    const left = sql<{ id: number }>`select id from sessions_search_docsize`;
    assert.equal((await left.execute(reader)).rows.length, 1);
    await sql`delete from sessions_search`.execute(writer);
    assert.deepEqual(await found(open, "елка"), []);
  }));

describe("search on postgres", () => {
  it("finds the same without pg_trgm", () =>
    withDatabase(POSTGRES, async (open) => {
      await sql`drop extension pg_trgm cascade`.execute(open.database.writer);
      await checkAgainstScan(open);
    })).timeout(60_000);

  it("asks for sixteen words at once", () =>
    withDatabase(POSTGRES, async (open) => {
      const words = Array.from({ length: 16 }, (_, n) => (n < 8 ? `rare${n}` : `${n}`));
      await tell(open, "one", words.slice(0, 5).join(" "), words.slice(5).join(" "));
      await tell(open, "two", words.slice(1).join(" "));
      const query = words.join(" ");
      const { database } = open;
      let asked = 0;
      const { query: ask } = pg.Client.prototype;
      pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
        asked++;
        return Reflect.apply(ask, this, given);
      } as typeof ask;
      try {
        const sessions = await listSessions(database.slowReader, { query, limit: 5 });
        assert.deepEqual(
          sessions.map(({ id }) => id),
          ["one"],
        );
      } finally {
        pg.Client.prototype.query = ask;
      }
      // The newest message, who says each of them, and the page; a new connection asks for more.
      assert.ok(asked <= 10, `${asked} statements`);
    }));

  it("reads few messages for a word that most of them say, also behind a long session", () =>
    withDatabase(POSTGRES, async (open) => {
      for (let n = 0; n < 8; n++) {
        await tell(open, `s${n}`, ...Array.from({ length: 100 }, () => "a common word"));
      }
      await tell(open, "long", ...Array.from({ length: 2_500 }, () => "a common word"));
      const { writer, reader } = open.database;
      await sql`drop extension pg_trgm cascade`.execute(writer);
      await sql`create sequence folded`.execute(writer);
      await sql`
        create or replace function fold_case(text) returns text language sql immutable strict
        as $$ select lower($1) from (select nextval('folded')) counted $$
      `.execute(writer);
      assert.equal((await listSessions(reader, { query: "common", limit: 6 })).length, 6);
      const { rows } = await sql<{ last_value: number }>`select last_value from folded`.execute(
        writer,
      );
      // Until it is known as common; each title; then of each session that is shown its title, the
      // message that is found, and the same one for the snippet.
      assert.equal(Number(rows[0]?.last_value), 2_000 + 9 + 6 * 3);
    })).timeout(60_000);
});
