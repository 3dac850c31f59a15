// Rows of the tail get their place in their session's log; see tail.ts. The same statements on the
// thread that appends and on the connection of the steps, in the transaction that is open there.
import type SQLite from "better-sqlite3";

/** What the tail has of one session: rows that follow each other, the last one with `lastSeq`. */
export interface Unsettled {
  sessionId: string;
  lastSeq: number;
  positions: readonly number[];
}

export interface Settling {
  /** Does nothing where it was done before, or the session is gone. */
  settle(rows: Unsettled): void;
  /**
   * All there is, whoever wrote it; the tail is empty then. A log with a hole, which only a damaged
   * file has, keeps it for the doctor to find: a start must not fail for one chat's sake.
   */
  settleAll(): { rows: number; holes: string[] };
  /** Removes what is settled from a position on. */
  removeFrom(position: number): void;
  /** Undefined: the session is gone. */
  lastSeqOf(sessionId: string): number | undefined;
}

export function createSettling(database: SQLite.Database): Settling {
  const head = database
    .prepare<[string], number>("select last_seq from sessions where id = ?")
    .pluck();
  // By the list and not one by one: a call for each row costs as much as its work. Without each `+`
  // SQLite plans the statement anew for every value, in search of an index (a third of its time).
  const move = database.prepare<[string, string, number, number]>(
    `insert into settled_chunks (session_id, seq, turn_id, type, payload)
     select tail.session_id, tail.seq, tail.turn_id, tail.type, tail.payload
     from json_each(?) as places cross join tail on tail.position = places.value
     where +tail.session_id = ? and +tail.seq between ? and ?`,
  );
  const advance = database.prepare<[number, number, string]>(
    `update sessions set last_seq = ?, last_commit = (select commit_id from tail where position = ?)
     where id = ?`,
  );
  const remove = database.prepare<[number]>(
    `delete from tail where position >= ?
     and seq <= coalesce((select last_seq from sessions where id = session_id), seq)`,
  );
  const count = database.prepare<[], number>("select count(*) from tail").pluck();
  const withHoles = database
    .prepare<[], string>(
      `select session_id from tail join sessions on sessions.id = session_id and seq > last_seq
       group by session_id having count(*) <> max(seq) - last_seq`,
    )
    .pluck();
  const moveAll = database.prepare(
    `insert or ignore into settled_chunks (session_id, seq, turn_id, type, payload)
     select session_id, seq, tail.turn_id, type, payload
     from tail join sessions on sessions.id = session_id and seq > last_seq
     order by session_id, seq`,
  );
  // Of a group, `commit_id` is that of the row with the largest `seq`.
  const advanceAll = database.prepare(
    `update sessions set last_seq = newest.seq, last_commit = newest.commit_id
     from (select session_id, max(seq) as seq, commit_id from tail group by session_id) as newest
     where id = newest.session_id and last_seq < newest.seq`,
  );
  const removeAll = database.prepare("delete from tail");
  return {
    settle({ sessionId, lastSeq, positions }) {
      const stored = head.get(sessionId);
      if (stored === undefined || stored >= lastSeq) return;
      const before = lastSeq - positions.length;
      if (stored < before) throw hole(sessionId, stored, lastSeq, positions.length);
      const places = JSON.stringify(positions.slice(stored - before));
      const { changes } = move.run(places, sessionId, stored + 1, lastSeq);
      // As many, and no two of them the same: all.
      if (changes !== lastSeq - stored) throw hole(sessionId, stored, lastSeq, changes);
      advance.run(lastSeq, positions.at(-1) ?? 0, sessionId);
    },
    settleAll() {
      const rows = count.get() ?? 0;
      if (rows === 0) return { rows, holes: [] };
      const holes = withHoles.all();
      moveAll.run();
      advanceAll.run();
      removeAll.run();
      return { rows, holes };
    },
    removeFrom(position) {
      remove.run(position);
    },
    lastSeqOf: (sessionId) => head.get(sessionId),
  };
}

function hole(sessionId: string, stored: number, lastSeq: number, rows: number): Error {
  const lacking = lastSeq - stored - rows;
  return new Error(
    `the log of session ${sessionId} ends at ${stored}, and of what goes on to ${lastSeq} the tail lacks ${lacking}`,
  );
}
