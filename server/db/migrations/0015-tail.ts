// Frozen: a correction is the next migration.
import { type Kysely, PostgresAdapter, sql } from "kysely";

/**
 * On SQLite the words of an answer are first written one behind the other, whichever session they
 * belong to, and get their place in the session's log a moment later (`db/commit/tail.ts`). What is
 * read, and what others write, under the name `chunks` is both.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  if (db.getExecutor().adapter instanceof PostgresAdapter) return;
  await sql`alter table chunks rename to settled_chunks`.execute(db);
  await sql`
    create table tail (
      position integer primary key,
      session_id text not null references sessions (id) on delete cascade,
      seq bigint not null,
      turn_id text,
      type text not null,
      payload text not null,
      commit_id text not null
    )
  `.execute(db);
  // What was settled stays in the tail for a while, and must not be seen twice.
  await sql`
    create view chunks as
    select session_id, seq, turn_id, type, payload from settled_chunks
    union all
    select tail.session_id, tail.seq, tail.turn_id, tail.type, tail.payload
    from tail join sessions on sessions.id = tail.session_id and tail.seq > sessions.last_seq
  `.execute(db);
  await writable(db, "insert", "new", [
    `insert into settled_chunks (session_id, seq, turn_id, type, payload)
       values (new.session_id, new.seq, new.turn_id, new.type, new.payload)`,
  ]);
  await writable(db, "update", "old", [
    `update settled_chunks set session_id = new.session_id, seq = new.seq, turn_id = new.turn_id,
       type = new.type, payload = new.payload
       where session_id = old.session_id and seq = old.seq`,
  ]);
  await writable(db, "delete", "old", [
    "delete from settled_chunks where session_id = old.session_id and seq = old.seq",
  ]);
}

/** Whoever changes a session's log by the view has it whole first: only then it has its numbers. */
async function writable(
  db: Kysely<unknown>,
  event: "insert" | "update" | "delete",
  row: "new" | "old",
  statements: readonly string[],
): Promise<void> {
  const settling = [
    `insert into settled_chunks (session_id, seq, turn_id, type, payload)
       select session_id, seq, turn_id, type, payload from tail
       where session_id = ${row}.session_id
         and seq > (select last_seq from sessions where id = ${row}.session_id)
       order by seq`,
    `update sessions set
       last_commit = (select commit_id from tail
         where session_id = ${row}.session_id order by seq desc limit 1),
       last_seq = (select max(seq) from tail where session_id = ${row}.session_id)
       where id = ${row}.session_id
         and last_seq < (select max(seq) from tail where session_id = ${row}.session_id)`,
  ];
  const body = [...settling, ...statements].map((statement) => `${statement};`).join("\n");
  await sql
    .raw(`create trigger chunks_${event} instead of ${event} on chunks begin\n${body}\nend`)
    .execute(db);
}
