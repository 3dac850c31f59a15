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
 * A term that more messages say is common: the newest sessions are read until they fill the page,
 * instead of collecting all that say it. Where they do not fill it, rather more are collected.
 */
const MANY = 2_000;
const VERY_MANY = 20_000;
const NEWEST_READ = 400;

/** Keeps the order of what is selected, and whoever reads of it reads no further than needed. */
function inOrder(reader: Reader): RawBuilder<unknown> {
  return isPostgres(reader) ? sql`offset 0` : sql`limit -1`;
}

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

/** What a page of the list shows. */
export interface SessionSearch {
  /** Newest first. */
  ids: string[];
  /** Of a session of them, the message where its reader should begin. */
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
  term: Term;
  isShort: boolean;
  inTitle: RawBuilder<boolean>;
  said: RawBuilder<boolean>;
  /** The messages that may contain it, as a further condition. */
  candidates: RawBuilder<unknown>;
}

/** Each of `terms` is in the title or in one of the messages. */
export async function searchSessions(
  reader: Reader,
  terms: readonly Term[],
  page: SearchPage,
): Promise<SessionSearch> {
  const isAnyShort = terms.some(({ text }) => !isIndexed(reader, text));
  const newest = isAnyShort ? await newestMessage(reader) : 0;
  const places = terms.map((term) => placeOf(reader, term, newest));
  const search = { reader, page, places, common: new Set<Place>() };
  const ids = await findSessions(search);
  const shown = places.map((place) =>
    search.common.has(place) ? { ...place, candidates: sql`` } : place,
  );
  const whole = shown.length > 1 ? [foundMessage(reader, shown)] : [];
  const each = shown.map((place) => foundMessage(reader, [place]));
  // The first that says all of it, or else the longest term that any says.
  return { ids, foundIn: sql`coalesce(${sql.join([...whole, ...each, sql`null`])})` };
}

function placeOf(reader: Reader, term: Term, newest: number): Place {
  const isShort = !isIndexed(reader, term.text);
  return {
    term,
    isShort,
    said: contains(reader, "messages.content", term),
    inTitle: contains(reader, "sessions.title", term),
    candidates: candidatesOf(reader, term.text, isShort ? newest : undefined),
  };
}

function ofSession(candidates: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`from messages where messages.session_id = sessions.id ${candidates}`;
}

function all(conditions: readonly RawBuilder<boolean>[]): RawBuilder<boolean> {
  return sql<boolean>`(${sql.join(conditions, sql` and `)})`;
}

interface Search {
  reader: Reader;
  page: SearchPage;
  places: readonly Place[];
  /** Those found to be so. */
  common: Set<Place>;
}

/**
 * A rare term says which sessions there are to look at for the others. Where all are common, most
 * likely the newest sessions say them.
 */
async function findSessions(search: Search): Promise<string[]> {
  const { reader, page, places, common } = search;
  const among = await saying(search, MANY);
  const looked = [...common].map((place) => looksAt(reader, { ...place, candidates: sql`` }));
  if (among) return await selectIds(search, among, looked);
  const { ids, isAll } = await readNewest(search, looked);
  if (isAll || ids.length === page.limit) return ids;
  // One alone fills the page before all that say it were collected.
  const more = places.length > 1 ? await saying(search, VERY_MANY) : undefined;
  return await selectIds(
    search,
    more,
    places.map((place) => looksAt(reader, place)),
  );
}

/**
 * The sessions that say all of the terms that fewer than `many` messages and titles say; undefined:
 * there is no such term. The others are common.
 */
async function saying(
  { reader, places, common }: Search,
  many: number,
): Promise<Set<string> | undefined> {
  const asked = isPostgres(reader) ? await sayersOf(reader, places, many) : [];
  let among: Set<string> | undefined;
  for (const [index, place] of places.entries()) {
    if (await hasVeryManyCandidates(reader, place)) {
      common.add(place);
      continue;
    }
    const ids = asked[index] ?? (await sayersOf(reader, [place], many))[0] ?? [];
    if (ids.length >= many && !place.isShort) {
      common.add(place);
      continue;
    }
    common.delete(place);
    among = new Set(ids.filter((id) => among?.has(id) ?? true));
    if (among.size === 0) break;
  }
  return among;
}

/**
 * Of each place the sessions that say it, more than once where several of their messages do. In one
 * statement: Postgres is asked for all terms at once, and has one limit of time for them together.
 */
async function sayersOf(
  reader: Reader,
  places: readonly Place[],
  many: number,
): Promise<string[][]> {
  const each = places.map((place, index) => {
    const limit = sql.lit(place.isShort ? 2 * SHORT_WORDS_IN : many);
    const number = sql.lit(index);
    return sql`
      select ${number} as place, id
      from (select messages.session_id as id ${sayers(reader, place)} limit ${limit}) said
      union all
      select ${number}, id from (${titled(reader, place)} limit ${limit}) titled`;
  });
  const { rows } = await sql<{ place: number; id: string }>`
    ${sql.join(each, sql` union all `)}`.execute(reader);
  const ids = places.map((): string[] => []);
  for (const { place, id } of rows) ids[place]?.push(id);
  return ids;
}

/** On SQLite, where each of them had to be read; Postgres ends as soon as enough say it. */
async function hasVeryManyCandidates(reader: Reader, { isShort, term }: Place): Promise<boolean> {
  if (isShort || isPostgres(reader)) return false;
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from (select 1 from messages_search
      where messages_search match ${trigramsOf(term.text)} limit ${sql.lit(VERY_MANY)})`.execute(
    reader,
  );
  return (rows[0]?.count ?? 0) >= VERY_MANY;
}

/** The messages that say it, as they come. */
function sayers(reader: Reader, { isShort, term, said, candidates }: Place): RawBuilder<unknown> {
  if (isShort || isPostgres(reader)) return sql`from messages where ${said} ${candidates}`;
  return sql`from messages_search cross join messages on search_id = messages_search.rowid
    where messages_search match ${trigramsOf(term.text)} and ${said}`;
}

/** The sessions whose title says it. */
function titled(reader: Reader, { isShort, term, inTitle }: Place): RawBuilder<unknown> {
  const trigrams = trigramsOf(term.text, titleForms);
  if (isShort || trigrams === undefined) {
    return sql`select id from (select id, title from sessions
      order by updated_at desc limit ${sql.lit(SHORT_WORDS_IN)}) sessions where ${inTitle}`;
  }
  if (isPostgres(reader)) return sql`select id from sessions where ${inTitle}`;
  return sql`select id from sessions_search
    cross join sessions_searched on search_id = sessions_search.rowid
    cross join sessions on id = session_id
    where sessions_search match ${trigrams} and ${inTitle}`;
}

/** Whether a session says it, by looking. */
function looksAt(reader: Reader, { inTitle, said, candidates }: Place): RawBuilder<boolean> {
  return sql`(${inTitle} or exists (select 1 from (
    select content ${ofSession(candidates)} ${inOrder(reader)}) messages where ${said}))`;
}

/** Of `among`, or of all, those for whom, looked at from the newest on, all of `looked` is true. */
async function selectIds(
  { reader, page: { limit, before } }: Search,
  among: Set<string> | undefined,
  looked: readonly RawBuilder<boolean>[],
): Promise<string[]> {
  if (among?.size === 0) return [];
  // On SQLite the plus keeps it from going through all sessions in their order.
  const order = among && !isPostgres(reader) ? sql`+updated_at` : sql`updated_at`;
  const { rows } = await sql<{ id: string }>`
    select id from (
      select id, title from sessions where ${visible(before)} ${isAmong(reader, among)}
      order by ${order} desc, id desc ${inOrder(reader)}
    ) sessions where ${all([sql`1 = 1`, ...looked])} limit ${limit}`.execute(reader);
  return rows.map(({ id }) => id);
}

function isAmong(reader: Reader, among: Set<string> | undefined): RawBuilder<unknown> {
  if (!among) return sql``;
  return isPostgres(reader)
    ? sql`and id = any(${[...among]}::text[])`
    : sql`and id in (select value from json_each(${JSON.stringify([...among])}))`;
}

/** `isAll`: there are no others. */
async function readNewest(
  { reader, page: { limit, before } }: Search,
  looked: readonly RawBuilder<boolean>[],
): Promise<{ ids: string[]; isAll: boolean }> {
  const newest = sql`select id, title from sessions where ${visible(before)}
    order by updated_at desc, id desc limit ${sql.lit(NEWEST_READ)}`;
  const { rows } = await sql<{ id: string }>`
    select id from (${newest}) sessions where ${all(looked)} limit ${limit}`.execute(reader);
  const more = await sql`
    select 1 from sessions where ${visible(before)}
    limit 1 offset ${sql.lit(NEWEST_READ)}`.execute(reader);
  return { ids: rows.map(({ id }) => id), isAll: more.rows.length === 0 };
}

function visible(before: SearchPage["before"]): RawBuilder<boolean> {
  const older = before ? sql`and (updated_at, id) < (${before.updated_at}, ${before.id})` : sql``;
  return sql<boolean>`deleted_at is null ${older}`;
}

/** The first message of the session where all of them are. */
function foundMessage(reader: Reader, places: readonly Place[]): RawBuilder<unknown> {
  const rows = ofSession(
    sql.join(
      places.map(({ candidates }) => candidates),
      sql` `,
    ),
  );
  return sql`(select id from (
      select id, content ${rows} order by position ${inOrder(reader)}) messages
    where ${all(places.map((place) => place.said))} limit 1)`;
}

/** Its `search_id`. */
async function newestMessage(reader: Reader): Promise<number> {
  const newest = await reader
    .selectFrom("messages")
    .select((eb) => eb.fn.max("search_id").as("id"))
    .executeTakeFirst();
  return newest?.id ?? 0;
}

/** `newest`: of a short term. */
function candidatesOf(
  reader: Reader,
  text: string,
  newest: number | undefined,
): RawBuilder<unknown> {
  if (newest !== undefined) return sql`and messages.search_id > ${newest - SHORT_WORDS_IN}`;
  // The condition on the text itself uses the index.
  if (isPostgres(reader)) return sql``;
  return sql`and messages.search_id in (
    select rowid from messages_search where messages_search match ${trigramsOf(text)})`;
}

/** Whether an index can tell where it is; that of Postgres knows words of letters and digits. */
function isIndexed(reader: Reader, text: string): boolean {
  return isPostgres(reader) ? /[\p{L}\p{N}]{3}/u.test(text) : trigramsOf(text) !== undefined;
}

/**
 * All parts of three characters: without positions in the index a message that has them all may
 * still not match. undefined: there are none that it could know. It holds each text as it was
 * written, so a part is asked for in all its forms, and never across a blank, which may be any.
 */
function trigramsOf(text: string, formsIn = formsOf): string | undefined {
  const parts = new Set<string>();
  for (const word of text.split(" ")) {
    for (const trigram of threes(Array.from(word))) {
      const forms = spellings(trigram, formsIn);
      if (forms.length === 0 || forms.length > MAX_FORMS) continue;
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

function spellings(text: string, formsIn: (character: string) => string[]): string[] {
  return Array.from(text).reduce<string[]>(
    (begun, character) => begun.flatMap((start) => formsIn(character).map((form) => start + form)),
    [""],
  );
}

const LEFT_OF_DOTTED_I = "\u0307";

/**
 * The tokenizer of titles folds one letter to one, and nothing but case: not ё, not the end of a
 * Greek word, and İ to i alone.
 */
function titleForms(character: string): string[] {
  if (character === "е") return ["ё", ...formsOf(character)];
  if (character === LEFT_OF_DOTTED_I) return [];
  return character === "ς" ? [character, "σ"] : formsOf(character);
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
