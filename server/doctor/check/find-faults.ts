// Where the rows contradict each other, as queries that both engines understand. They only read: a
// look reports what they find, a repair mends it.
import { type RawBuilder, sql } from "kysely";
import type { Reader } from "../../db/tables/schema.ts";
import type { Counts } from "./report.ts";

export type Engine = "sqlite" | "postgres";

async function rowsOf<T>(reader: Reader, query: RawBuilder<T>): Promise<T[]> {
  return (await query.execute(reader)).rows;
}

export async function countAll(reader: Reader): Promise<Counts> {
  const [counts] = await rowsOf(
    reader,
    sql<Counts>`select (select count(*) from sessions) as sessions, (select count(*) from turns) as turns,
      (select count(*) from messages) as messages, (select count(*) from chunks) as chunks`,
  );
  return counts ?? { sessions: 0, turns: 0, messages: 0, chunks: 0 };
}

/** Numbers of a session's log that no chunk has or stands for. */
export interface Gap {
  session_id: string;
  from_seq: number;
  to_seq: number;
}

/**
 * No join of sessions with the newest chunk of each: SQLite has no index for that, and looked
 * through all of the one for each of the other.
 */
export async function findGaps(reader: Reader, engine: Engine): Promise<Gap[]> {
  const fromSeq =
    engine === "sqlite"
      ? sql`iif(json_valid(payload), json_extract(payload, '$.metadata.from_seq'), null)`
      : sql`(payload::json #>> '{metadata,from_seq}')::bigint`;
  return await rowsOf(
    reader,
    sql<Gap>`
      with log as (
        select session_id, seq,
          case when type = 'snapshot' then coalesce(${fromSeq}, seq) else seq end as first_seq,
          coalesce(lag(seq) over (partition by session_id order by seq), 0) as prior
        from chunks),
      places as (select id, last_seq, 0 as seq from sessions union all select session_id, 0, seq from chunks),
      ends as (select id, max(last_seq) as last_seq, max(seq) as newest from places group by id)
      select session_id, prior + 1 as from_seq, first_seq - 1 as to_seq from log where first_seq > prior + 1
      union all
      select id as session_id, newest + 1 as from_seq, last_seq as to_seq from ends where last_seq > newest
      order by session_id, from_seq`,
  );
}

/**
 * Sessions whose next chunk would get a number that is taken. The tail of SQLite is beyond the
 * numbers of its sessions, and is meant to be (what is settled never is); so are the words of
 * running answers on Postgres.
 */
export async function findShortCursors(
  reader: Reader,
  engine: Engine,
): Promise<{ session_id: string; newest: number }[]> {
  const log = sql.table(engine === "sqlite" ? "settled_chunks" : "chunks");
  const isMeant =
    engine === "sqlite"
      ? sql`false`
      : sql`exists (
          select 1 from turns where turns.session_id = cursors.session_id and status = 'running')`;
  return await rowsOf(
    reader,
    sql<{ session_id: string; newest: number }>`
      select * from (
        select id as session_id, last_seq,
          (select max(seq) from ${log} as log where log.session_id = sessions.id) as newest
        from sessions) as cursors
      where newest > last_seq and not ${isMeant}`,
  );
}

/**
 * Chunks that no reader could be given. Postgres keeps checksums; pages of SQLite do not tell of
 * a flipped bit in a text.
 */
export async function findUnreadable(
  reader: Reader,
  engine: Engine,
): Promise<{ session_id: string; seq: number }[]> {
  if (engine === "postgres") return [];
  return await rowsOf(
    reader,
    sql<{ session_id: string; seq: number }>`
      select session_id, seq from chunks where not json_valid(payload)`,
  );
}

/** Ids that rows refer to and that no row has. */
export async function findOrphans(reader: Reader): Promise<{
  sessions: string[];
  turns: { turn_id: string; session_id: string; after_seq: number }[];
}> {
  const sessions = await rowsOf(
    reader,
    sql<{ id: string }>`
      select distinct session_id as id from (
        select session_id from chunks union select session_id from messages union select session_id from turns
        union select session_id from tool_calls union select session_id from plans) as parts
      where not exists (select 1 from sessions where sessions.id = parts.session_id)`,
  );
  const turns = await rowsOf(
    reader,
    sql<{ turn_id: string; session_id: string; after_seq: number }>`
      select turn_id, min(session_id) as session_id, min(seq) - 1 as after_seq from (
        select turn_id, session_id, seq from chunks where turn_id is not null
        union all select turn_id, session_id, position as seq from messages
        union all select turn_id, session_id, 1 as seq from tool_calls
        union all select turn_id, session_id, 1 as seq from plans) as parts
      where not exists (select 1 from turns where turns.id = parts.turn_id)
      group by turn_id`,
  );
  return { sessions: sessions.map(({ id }) => id), turns };
}

/**
 * Rows that mean nothing without the row they belong to, which is gone.
 * Postgres lets none come about.
 */
const DEPENDENT = [
  "requests",
  "queued_messages",
  "offers",
  "instructions",
  "tool_rules",
  "subtasks",
  "summaries",
  "attachments",
] as const;
type Dependent = (typeof DEPENDENT)[number];

export async function findStray(
  reader: Reader,
  engine: Engine,
): Promise<{ table: Dependent; rowid: number }[]> {
  if (engine === "postgres") return [];
  const rows = await rowsOf(
    reader,
    sql<{ table: string; rowid: number }>`pragma foreign_key_check`,
  );
  return rows.flatMap(({ table, rowid }) => {
    const known = DEPENDENT.find((name) => name === table);
    return known ? [{ table: known, rowid }] : [];
  });
}

interface TurnOf {
  session_id: string;
  turn_id: string;
}

/** Turns that run on paper; `leased`: somebody holds the session's lease. */
export async function findRunning(reader: Reader): Promise<(TurnOf & { leased: boolean })[]> {
  const rows = await reader
    .selectFrom("turns")
    .innerJoin("sessions", "sessions.id", "turns.session_id")
    .select(["turns.session_id", "turns.id as turn_id", "sessions.lease_owner"])
    .where("turns.status", "=", "running")
    .execute();
  return rows.map(({ lease_owner, ...turn }) => ({ ...turn, leased: lease_owner !== null }));
}

const ENDED_CALL = sql`('done', 'rejected', 'cancelled')`;

/** Turns that wait though there is no call that could be answered: they would wait for ever. */
export async function findStuck(reader: Reader): Promise<TurnOf[]> {
  return await rowsOf(
    reader,
    sql<TurnOf>`
      select session_id, id as turn_id from turns where status = 'waiting' and not exists (
        select 1 from tool_calls where tool_calls.turn_id = turns.id and tool_calls.status not in ${ENDED_CALL})`,
  );
}

/**
 * Turns that have ended by their row and not by their log: a reader would
 * wait for the end for ever.
 */
export async function findUnended(reader: Reader): Promise<TurnOf[]> {
  return await rowsOf(
    reader,
    sql<TurnOf>`
      select session_id, id as turn_id from turns
      where status in ('done', 'error', 'interrupted') and not exists (
        select 1 from chunks where chunks.session_id = turns.session_id and chunks.turn_id = turns.id
          and chunks.type in ('done', 'error', 'interrupted'))`,
  );
}

/** Calls that wait for an answer though their turn has ended. */
export async function findDangling(
  reader: Reader,
): Promise<{ session_id: string; call_id: string }[]> {
  return await rowsOf(
    reader,
    sql<{ session_id: string; call_id: string }>`
      select tool_calls.session_id, call_id from tool_calls
      join turns on turns.id = tool_calls.turn_id
      where tool_calls.status not in ${ENDED_CALL} and turns.status in ('done', 'error', 'interrupted')`,
  );
}

/** Messages that wait though they have been sent: they would be sent a second time. */
export async function findSentTwice(reader: Reader): Promise<{ session_id: string; id: string }[]> {
  return await reader
    .selectFrom("queued_messages")
    .innerJoin("requests", "requests.request_id", "queued_messages.id")
    .select(["queued_messages.session_id", "queued_messages.id"])
    .whereRef("requests.session_id", "=", "queued_messages.session_id")
    .where("requests.turn_id", "is not", null)
    .execute();
}

/** What somebody has asked, by the log, and is in no message: the model would not be told of it. */
export interface LostMessage extends TurnOf {
  /** Where it belongs. */
  position: number;
}

export async function findLostMessages(reader: Reader): Promise<LostMessage[]> {
  return await rowsOf(
    reader,
    sql<LostMessage>`
      select session_id, turn_id, seq as position from chunks
      where type = 'user_message' and turn_id is not null and not exists (
        select 1 from messages where messages.session_id = chunks.session_id and position = chunks.seq)
      order by 1, 3`,
  );
}

/**
 * Messages and titles that a search does not find, and entries of its indexes without any.
 * Postgres keeps its indexes itself.
 */
export async function countUnsearchable(reader: Reader, engine: Engine): Promise<number> {
  if (engine === "postgres") return 0;
  const [row] = await rowsOf(
    reader,
    sql<{ count: number }>`
      select (select count(*) from messages where search_id is null
          or search_id not in (select id from messages_search_docsize))
        + (select count(*) from messages_search_docsize where id not in (
          select search_id from messages where search_id is not null))
        + (select count(*) from sessions where id not in (
          select session_id from sessions_searched where search_id in (
            select id from sessions_search_docsize)))
        + (select count(*) from sessions_search_docsize where id not in (
          select search_id from sessions_searched)) as count`,
  );
  return row?.count ?? 0;
}
