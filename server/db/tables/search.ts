// Finding sessions by what is said in them: any part of a word, whatever its case.
import { PostgresAdapter, type RawBuilder, sql } from "kysely";
import type { Reader, Trx } from "./schema.ts";

/** The index knows nothing shorter. */
const INDEXED_LENGTH = 3;

/** Shorter words are looked for in so many messages only, the newest ones. */
const SHORT_WORDS_IN = 5_000;

/** On SQLite: above it reading the sessions from the newest on comes to a full page sooner than collecting all matches. */
const MANY = 2_000;

/** So many messages of each of the newest sessions are read, on Postgres, before the index is asked. */
const READ_OF_EACH = 50;

/** Makes Postgres look at a row's text only when it comes to the row, in the order of the rows. */
const ONE_BY_ONE = sql`offset 0`;

/** Case and ё folded, so that a search finds what a reader would call the same word. */
export function foldCase(text: string): string {
  return text.toLowerCase().replaceAll("ё", "е");
}

/** The next `search_id` on SQLite, to be used in the same transaction; Postgres numbers and indexes by itself. */
export async function nextSearchId(trx: Trx): Promise<number | undefined> {
  if (isPostgres(trx)) return undefined;
  const row = await trx
    .selectFrom("messages")
    .select((eb) => eb.fn.max("search_id").as("newest"))
    .executeTakeFirst();
  return (row?.newest ?? 0) + 1;
}

export async function indexMessage(trx: Trx, searchId: number, content: string): Promise<void> {
  const text = foldCase(content);
  await sql`insert into messages_search (rowid, text) values (${searchId}, ${text})`.execute(trx);
}

/** Condition on `sessions` and, beside it, the text of the first message of a session that contains `query`. */
export interface SessionSearch {
  matches: RawBuilder<boolean>;
  foundIn: RawBuilder<string | null>;
}

/** The page that is wanted: so many sessions, from just before `before` on in the order newest first. */
export interface SearchPage {
  limit: number;
  before?: { updated_at: number; id: string } | undefined;
}

export async function searchSessions(
  reader: Reader,
  query: string,
  page: SearchPage,
): Promise<SessionSearch> {
  const pattern = `%${foldCase(query).replaceAll(/[\\%_]/g, "\\$&")}%`;
  const inTitle = contains("sessions.title", pattern);
  const said = contains("messages.content", pattern);
  const candidates = await candidatesOf(reader, query);
  const inSession = sql`from messages where messages.session_id = sessions.id ${candidates}`;
  const collected = sql`sessions.id in (select messages.session_id from messages where ${said} ${candidates})`;
  const matches = async () => {
    if (isPostgres(reader) && !isShort(query)) {
      return readThenCollected(inTitle, said, collected, page);
    }
    const inMessages =
      isShort(query) || (await isRare(reader, query))
        ? collected
        : sql`exists (select 1 ${inSession} and ${said})`;
    return sql<boolean>`(${inTitle} or ${inMessages})`;
  };
  const foundIn = isPostgres(reader)
    ? sql`from (select content ${inSession} order by position ${ONE_BY_ONE}) messages where ${said}`
    : sql`${inSession} and ${said} order by position`;
  return {
    matches: await matches(),
    foundIn: sql<string | null>`(select content ${foundIn} limit 1)`,
  };
}

/** The messages that may contain it, as a further condition. */
async function candidatesOf(reader: Reader, query: string): Promise<RawBuilder<unknown>> {
  if (isShort(query)) {
    const newest = (await reader
      .selectFrom("messages")
      .select((eb) => eb.fn.max("search_id").as("id"))
      .executeTakeFirst()) ?? { id: 0 };
    return sql`and messages.search_id > ${(newest.id ?? 0) - SHORT_WORDS_IN}`;
  }
  // The condition on the text itself uses the index.
  if (isPostgres(reader)) return sql``;
  return sql`and messages.search_id in (
    select rowid from messages_search where messages_search match ${trigramsOf(query)})`;
}

/**
 * On Postgres folding the text of each match again is what takes time, and how many there are it does not know before.
 * So the first messages of the newest sessions are read in order, until the page is full: a common word needs no more.
 * Only a session that this leaves open makes the server collect all matches, once for the statement.
 */
function readThenCollected(
  inTitle: RawBuilder<boolean>,
  said: RawBuilder<boolean>,
  collected: RawBuilder<unknown>,
  { limit, before }: SearchPage,
): RawBuilder<boolean> {
  const older = before ? sql`where (updated_at, id) < (${before.updated_at}, ${before.id})` : sql``;
  const newest = sql`select id, title, updated_at from sessions ${older} order by updated_at desc, id desc`;
  const ofSession = sql`from messages where messages.session_id = sessions.id`;
  // As many sessions as fill the page, however long each is; none if there are not so many messages.
  const isRead = sql`(sessions.updated_at, sessions.id) > (
    select updated_at, id from sessions
    cross join lateral (select 1 ${ofSession} limit ${sql.lit(READ_OF_EACH)}) first
    ${older} order by updated_at desc, id desc offset ${limit * READ_OF_EACH} limit 1)`;
  const first = sql`select content ${ofSession} order by position limit ${sql.lit(READ_OF_EACH)}`;
  const isFound = sql`case when ${isRead} then case
    when exists (select 1 from (${first}) messages where ${said}) then true
    when not exists (select 1 ${ofSession} offset ${sql.lit(READ_OF_EACH)}) then false end end`;
  return sql<boolean>`sessions.id in (
    select id from (${newest} ${ONE_BY_ONE}) sessions
    where ${inTitle} or coalesce(${isFound}, ${collected}) limit ${limit})`;
}

async function isRare(reader: Reader, query: string): Promise<boolean> {
  const { rows } = await sql<{ found: number }>`
    select count(*) as found from (
      select 1 from messages_search where messages_search match ${trigramsOf(query)} limit ${MANY})
  `.execute(reader);
  return (rows[0]?.found ?? 0) < MANY;
}

function isShort(query: string): boolean {
  return charactersOf(query).length < INDEXED_LENGTH;
}

/** As the tokenizer counts them: code points. */
function charactersOf(text: string): string[] {
  return text.match(/./gsu) ?? [];
}

/** All parts of three characters: without positions in the index a message that has them all may still not match. */
function trigramsOf(query: string): string {
  const characters = charactersOf(foldCase(query));
  const trigrams = characters
    .slice(INDEXED_LENGTH - 1)
    .map((_, index) => characters.slice(index, index + INDEXED_LENGTH).join(""));
  return [...new Set(trigrams)].map((part) => `"${part.replaceAll('"', '""')}"`).join(" AND ");
}

/** `fold_case` is a function of the database (first migration) or registered with it (open.ts). */
function contains(column: string, pattern: string): RawBuilder<boolean> {
  return sql<boolean>`fold_case(${sql.ref(column)}) like ${pattern} escape '\\'`;
}

const SNIPPET_LENGTH = 120;

/** The place in `text` where `query` is, on one line. */
export function snippetOf(text: string, query: string): string {
  const at = text.toLowerCase().indexOf(query.toLowerCase());
  const start = Math.max(0, at - SNIPPET_LENGTH / 3);
  const cut = text.slice(start, start + SNIPPET_LENGTH).toWellFormed();
  return `${start > 0 ? "…" : ""}${cut.replaceAll(/\s+/g, " ")}`;
}

function isPostgres(reader: Reader): boolean {
  return reader.getExecutor().adapter instanceof PostgresAdapter;
}
