// Finding sessions by what is said in them: any part of a word, whatever its case.
import { PostgresAdapter, type RawBuilder, sql } from "kysely";
import type { Reader, Trx } from "./schema.ts";

/** The index knows nothing shorter. */
const INDEXED_LENGTH = 3;

/** Shorter words are looked for in so many messages only, the newest ones. */
const SHORT_WORDS_IN = 5_000;

/** Above it reading the sessions from the newest on comes to a full page sooner than collecting all matches. */
const MANY = 2_000;

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

export async function searchSessions(reader: Reader, query: string): Promise<SessionSearch> {
  const pattern = `%${foldCase(query).replaceAll(/[\\%_]/g, "\\$&")}%`;
  const inTitle = contains("sessions.title", pattern);
  const said = contains("messages.content", pattern);
  const candidates = await candidatesOf(reader, query);
  const ofSession = sql`from messages where messages.session_id = sessions.id ${candidates} and ${said}`;
  const inMessages =
    isPostgres(reader) || (await isRare(reader, query))
      ? sql`sessions.id in (select messages.session_id from messages where ${said} ${candidates})`
      : sql`exists (select 1 ${ofSession})`;
  return {
    matches: sql<boolean>`(${inTitle} or ${inMessages})`,
    foundIn: sql<string | null>`(select content ${ofSession} order by position limit 1)`,
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

async function isRare(reader: Reader, query: string): Promise<boolean> {
  if (isShort(query)) return true;
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
