// Frozen: a correction is the next migration.
import { type Kysely, PostgresAdapter, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("turns").addColumn("compact_from", "bigint").execute();
  await sql`update turns set compact_from = after_seq`.execute(db);
  await db.schema
    .createIndex("turns_to_compact")
    .on("turns")
    .column("ended_at")
    .where(sql.ref("compact_from"), "is not", null)
    .execute();

  await db.schema.alterTable("messages").addColumn("search_id", "bigint").execute();
  await db.schema
    .createIndex("messages_by_search_id")
    .unique()
    .on("messages")
    .column("search_id")
    .execute();
  if (db.getExecutor().adapter instanceof PostgresAdapter) await indexOnPostgres(db);
  else await indexOnSqlite(db);
}

/**
 * Three characters each, so that any part of a word is found; nothing but the ids of the
 * messages is stored. `text` is folded by the program (server/db/tables/search.ts), since
 * triggers must not call its functions.
 */
async function indexOnSqlite(db: Kysely<unknown>): Promise<void> {
  await sql`
    create virtual table messages_search using fts5(
      text, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
    )
  `.execute(db);
  await sql`
    create trigger messages_not_searched after delete on messages begin
      delete from messages_search where rowid = old.search_id;
    end
  `.execute(db);
  await sql`update messages set search_id = rowid`.execute(db);
  const { rows } = await sql<{ search_id: number; content: string }>`
    select search_id, content from messages
  `.execute(db);
  for (const { search_id, content } of rows) {
    const text = content.toLowerCase().replaceAll("ё", "е");
    await sql`insert into messages_search (rowid, text) values (${search_id}, ${text})`.execute(db);
  }
}

/** Without the extension, which needs a right on the database, a search reads all messages. */
async function indexOnPostgres(db: Kysely<unknown>): Promise<void> {
  await sql`create sequence messages_search_id owned by messages.search_id`.execute(db);
  await sql`
    update messages set search_id = numbered.n
    from (select id, nextval('messages_search_id') as n from messages order by created_at) as numbered
    where messages.id = numbered.id
  `.execute(db);
  await sql`
    alter table messages alter column search_id set default nextval('messages_search_id')
  `.execute(db);
  const { rows } = await sql<{ usable: boolean }>`
    select exists (select 1 from pg_extension where extname = 'pg_trgm')
      or (has_database_privilege(current_database(), 'CREATE')
        and exists (select 1 from pg_available_extensions where name = 'pg_trgm')) as usable
  `.execute(db);
  if (!rows[0]?.usable) return;
  await sql`create extension if not exists pg_trgm`.execute(db);
  await sql`
    create index messages_search on messages using gin (fold_case(content) gin_trgm_ops)
  `.execute(db);
}
