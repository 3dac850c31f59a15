// Frozen: a correction is the next migration.
import { type Kysely, PostgresAdapter, sql } from "kysely";

/**
 * On Postgres the words of an answer touch nothing but the log (`db/commit/append-log.ts`). Its
 * foreign key would lock the session's row for each of them, which writes that row; what it did
 * when a session is removed a trigger does.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  if (!(db.getExecutor().adapter instanceof PostgresAdapter)) return;
  await sql`alter table chunks drop constraint if exists chunks_session_id_fkey`.execute(db);
  await sql`
    create or replace function remove_chunks() returns trigger language plpgsql as $$
    begin
      delete from chunks where session_id = old.id;
      return null;
    end $$
  `.execute(db);
  await sql`
    create trigger sessions_remove_chunks after delete on sessions
    for each row execute function remove_chunks()
  `.execute(db);
}
