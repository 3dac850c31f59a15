// Finding sessions by what is said in them: any parts of words, in any order,
// whatever their case and form.
import { PostgresAdapter, type RawBuilder, sql } from "kysely";
import { plainLines } from "../../domain/plain-text.ts";
import { foldCase, formsOf, regExpOf, type Term } from "../../shared/search-words.ts";
import type { Reader, Trx } from "./schema.ts";
import type { Statement } from "./together.ts";

/** The index knows nothing shorter. */
const INDEXED_LENGTH = 3;

/** Shorter words are looked for in so many messages only, the newest ones. */
const SHORT_WORDS_IN = 5_000;

/**
 * On SQLite: above it reading the sessions from the newest on comes to a full page sooner
 * than collecting all matches.
 */
const MANY = 2_000;

/**
 * So many messages of each of the newest sessions are read, on Postgres, before the index is asked.
 */
const READ_OF_EACH = 50;

/** Makes Postgres look at a row's text only when it comes to the row, in the order of the rows. */
const ONE_BY_ONE = sql`offset 0`;

/** Of a message's row on SQLite; Postgres numbers and indexes by itself. */
export const NEXT_SEARCH_ID = sql<number>`(select coalesce(max(search_id), 0) + 1 from messages)`;

/** So that a search finds a message whose row is there, on SQLite. */
export function indexInsert({ id, content }: { id: string; content: string }): Statement {
  return sql`insert into messages_search (rowid, text)
    select search_id, ${foldCase(content)} from messages where id = ${id}`;
}

export async function indexMessage(trx: Trx, searchId: number, content: string): Promise<void> {
  const text = foldCase(content);
  await sql`insert into messages_search (rowid, text) values (${searchId}, ${text})`.execute(trx);
}

/**
 * Condition on `sessions`, which are not deleted, and beside it the id of the message of a
 * session where its reader should begin.
 */
export interface SessionSearch {
  matches: RawBuilder<boolean>;
  foundIn: RawBuilder<string | null>;
}

/**
 * The page that is wanted: so many sessions, from just before `before` on in the order newest
 * first.
 */
export interface SearchPage {
  limit: number;
  before?: { updated_at: number; id: string } | undefined;
}

/** Where a term is. */
interface Place {
  isShort: boolean;
  inTitle: RawBuilder<boolean>;
  said: RawBuilder<boolean>;
  /** The messages that may contain it, as a further condition. */
  candidates: RawBuilder<unknown>;
  collected: RawBuilder<boolean>;
}

/** Each of `terms` is in the title or in one of the messages. */
export async function searchSessions(
  reader: Reader,
  terms: readonly Term[],
  page: SearchPage,
): Promise<SessionSearch> {
  const places: Place[] = [];
  for (const term of terms) places.push(await placeOf(reader, term));
  const isReadInOrder = isPostgres(reader) && places.some(({ isShort }) => !isShort);
  const conditions = [sql<boolean>`sessions.deleted_at is null`];
  for (const [index, place] of places.entries()) {
    const term = terms[index];
    if (isReadInOrder || !term) continue;
    const isCollected = place.isShort || (await isRare(reader, term.text));
    const found = isCollected
      ? place.collected
      : sql`exists (select 1 ${ofSession(place.candidates)} and ${place.said})`;
    conditions.push(sql<boolean>`(${place.inTitle} or ${found})`);
  }
  const whole = places.length > 1 ? [foundMessage(reader, places)] : [];
  const each = places.map((place) => foundMessage(reader, [place]));
  return {
    matches: isReadInOrder ? readThenCollected(places, page) : all(conditions),
    // The first that says all of it, or else the longest term that any says.
    foundIn: sql<string | null>`coalesce(${sql.join([...whole, ...each, sql`null`])})`,
  };
}

async function placeOf(reader: Reader, term: Term): Promise<Place> {
  const isShort = trigramsOf(term.text) === undefined;
  const said = contains(reader, "messages.content", term);
  const candidates = await candidatesOf(reader, term.text);
  return {
    isShort,
    said,
    candidates,
    inTitle: contains(reader, "sessions.title", term),
    collected: sql`sessions.id in (
      select messages.session_id from messages where ${said} ${candidates})`,
  };
}

function ofSession(candidates: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`from messages where messages.session_id = sessions.id ${candidates}`;
}

function all(conditions: readonly RawBuilder<boolean>[]): RawBuilder<boolean> {
  return sql<boolean>`(${sql.join(conditions, sql` and `)})`;
}

/** The first message of the session where all of them are. */
function foundMessage(reader: Reader, places: readonly Place[]): RawBuilder<unknown> {
  const said = all(places.map((place) => place.said));
  const rows = ofSession(
    sql.join(
      places.map(({ candidates }) => candidates),
      sql` `,
    ),
  );
  return isPostgres(reader)
    ? sql`(select id from (select id, content ${rows} order by position ${ONE_BY_ONE}) messages
        where ${said} limit 1)`
    : sql`(select id ${rows} and ${said} order by position limit 1)`;
}

async function candidatesOf(reader: Reader, text: string): Promise<RawBuilder<unknown>> {
  const trigrams = trigramsOf(text);
  if (trigrams === undefined) {
    const newest = (await reader
      .selectFrom("messages")
      .select((eb) => eb.fn.max("search_id").as("id"))
      .executeTakeFirst()) ?? { id: 0 };
    return sql`and messages.search_id > ${(newest.id ?? 0) - SHORT_WORDS_IN}`;
  }
  // The condition on the text itself uses the index.
  if (isPostgres(reader)) return sql``;
  return sql`and messages.search_id in (
    select rowid from messages_search where messages_search match ${trigrams})`;
}

/**
 * On Postgres folding the text of each match again is what takes time, and how many there are it
 * does not know before. So the first messages of the newest sessions are read in order, until the
 * page is full: a common word needs no more. Only a session that this leaves open makes the server
 * collect all matches, once for the statement.
 */
function readThenCollected(
  places: readonly Place[],
  { limit, before }: SearchPage,
): RawBuilder<boolean> {
  const older = before ? sql`where (updated_at, id) < (${before.updated_at}, ${before.id})` : sql``;
  const newest = sql`select id, title, updated_at, deleted_at
    from sessions ${older} order by updated_at desc, id desc`;
  const ofSession = sql`from messages where messages.session_id = sessions.id`;
  // As many sessions as fill the page, however long each is; none if there
  // are not so many messages.
  const isRead = sql`(sessions.updated_at, sessions.id) > (
    select updated_at, id from sessions
    cross join lateral (select 1 ${ofSession} limit ${sql.lit(READ_OF_EACH)}) first
    ${older} order by updated_at desc, id desc offset ${limit * READ_OF_EACH} limit 1)`;
  const first = sql`select content ${ofSession} order by position limit ${sql.lit(READ_OF_EACH)}`;
  const conditions = places.map(({ isShort, said, inTitle, collected }) => {
    if (isShort) return sql<boolean>`(${inTitle} or ${collected})`;
    const isFound = sql`case when ${isRead} then case
      when exists (select 1 from (${first}) messages where ${said}) then true
      when not exists (select 1 ${ofSession} offset ${sql.lit(READ_OF_EACH)}) then false end end`;
    return sql<boolean>`(${inTitle} or coalesce(${isFound}, ${collected}))`;
  });
  return sql<boolean>`sessions.id in (
    select id from (${newest} ${ONE_BY_ONE}) sessions
    where deleted_at is null and ${all(conditions)} limit ${limit})`;
}

async function isRare(reader: Reader, text: string): Promise<boolean> {
  const { rows } = await sql<{ found: number }>`
    select count(*) as found from (
      select 1 from messages_search where messages_search match ${trigramsOf(text)} limit ${MANY})
  `.execute(reader);
  return (rows[0]?.found ?? 0) < MANY;
}

/**
 * All parts of three characters: without positions in the index a message that has them all may
 * still not match. undefined: there are none that it could know. It holds each text as it was
 * written, so a part is asked for in all its forms, and never across a blank, which may be any.
 */
function trigramsOf(text: string): string | undefined {
  const parts = new Set<string>();
  for (const word of text.split(" ")) {
    for (const trigram of threes(Array.from(word))) {
      const forms = spellings(trigram);
      if (forms.length > MAX_FORMS) continue;
      const asked = forms.map((form) => threes(Array.from(form)).map(quoted).join(" AND "));
      parts.add(
        asked.length === 1 ? asked.join("") : `(${asked.map((one) => `(${one})`).join(" OR ")})`,
      );
    }
  }
  return parts.size === 0 ? undefined : [...parts].join(" AND ");
}

const MAX_FORMS = 16;

/** As the tokenizer counts them: code points. */
function threes(characters: readonly string[]): string[] {
  return characters
    .slice(INDEXED_LENGTH - 1)
    .map((_, index) => characters.slice(index, index + INDEXED_LENGTH).join(""));
}

function spellings(text: string): string[] {
  return Array.from(text).reduce<string[]>(
    (begun, character) => begun.flatMap((start) => formsOf(character).map((form) => start + form)),
    [""],
  );
}

function quoted(part: string): string {
  return `"${part.replaceAll('"', '""')}"`;
}

/**
 * `fold_case` is a function of the database (first migration) or registered with it
 * (open.ts), as `regexp` is.
 */
function contains(reader: Reader, column: string, { text, pattern }: Term): RawBuilder<boolean> {
  const folded = sql`fold_case(${sql.ref(column)})`;
  if (pattern !== undefined) {
    return isPostgres(reader)
      ? sql<boolean>`${folded} ~ ${pattern}`
      : sql<boolean>`${folded} regexp ${pattern}`;
  }
  const like = `%${text.replaceAll(/[\\%_]/g, "\\$&")}%`;
  return sql<boolean>`${folded} like ${like} escape '\\'`;
}

const SNIPPET_LENGTH = 120;

/** The place in `text` where the first of `terms` is that it says, on one line, as one reads it. */
export function snippetOf(text: string, terms: readonly Term[]): string {
  const plain = plainLines(text).join(" ").replaceAll(/\s+/gu, " ");
  // What is a mark, an address behind a link …: as it was written.
  const shown = terms.some((term) => placeIn(plain, term) >= 0) ? plain : text;
  const at = terms.map((term) => placeIn(shown, term)).find((place) => place >= 0) ?? 0;
  const start = Math.max(0, at - SNIPPET_LENGTH / 3);
  const cut = shown.slice(start, start + SNIPPET_LENGTH).toWellFormed();
  return `${start > 0 ? "…" : ""}${cut.replaceAll(/\s+/gu, " ")}`;
}

function placeIn(text: string, term: Term): number {
  return foldCase(text).search(regExpOf(term));
}

export function isPostgres(reader: Reader): boolean {
  return reader.getExecutor().adapter instanceof PostgresAdapter;
}
