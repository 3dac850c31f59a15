// Frozen: a correction is the next migration.
import { type Kysely, PostgresAdapter, sql } from "kysely";

/** Titles are found by an index, as messages are: a search looked at each of them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  if (db.getExecutor().adapter instanceof PostgresAdapter) await indexOnPostgres(db);
  else await indexOnSqlite(db);
}

/**
 * Kept by triggers, whoever writes a title; the tokenizer folds its case. A table numbers the
 * sessions for it, since their own row ids may change when the file is copied; a session whose row
 * was lost and is made anew may have its number already.
 */
async function indexOnSqlite(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table sessions_searched (
      search_id integer primary key,
      session_id text not null unique references sessions (id) on delete cascade
    )
  `.execute(db);
  await sql`
    create virtual table sessions_search using fts5(
      title, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram'
    )
  `.execute(db);
  await sql`
    insert into sessions_searched (session_id) select id from sessions order by created_at
  `.execute(db);
  await sql`
    insert into sessions_search (rowid, title)
    select search_id, title from sessions_searched join sessions on sessions.id = session_id
  `.execute(db);
  await sql`
    create trigger sessions_searched_too after insert on sessions begin
      insert into sessions_searched (session_id) select new.id
      where not exists (select 1 from sessions_searched where session_id = new.id);
      delete from sessions_search where rowid in (
        select search_id from sessions_searched where session_id = new.id);
      insert into sessions_search (rowid, title)
      select search_id, new.title from sessions_searched where session_id = new.id;
    end
  `.execute(db);
  await sql`
    create trigger sessions_renamed after update of title on sessions
    when old.title is not new.title begin
      insert or replace into sessions_search (rowid, title)
      select search_id, new.title from sessions_searched where session_id = new.id;
    end
  `.execute(db);
  await sql`
    create trigger sessions_not_searched after delete on sessions_searched begin
      delete from sessions_search where rowid = old.search_id;
    end
  `.execute(db);
}

async function indexOnPostgres(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql`select 1 from pg_extension where extname = 'pg_trgm'`.execute(db);
  if (rows.length === 0) return;
  await sql`
    create index sessions_search on sessions using gin (fold_case(title) gin_trgm_ops)
  `.execute(db);
}
