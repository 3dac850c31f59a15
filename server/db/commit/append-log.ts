// The hot path: what a model says is appended to the logs of many sessions in one physical commit.
import { type Kysely, sql } from "kysely";
import { ChatError } from "../../errors.ts";
import { onTwo, type SecondMachine } from "../engine/second-machine.ts";
import { isConnectionLost } from "../engine/storage-errors.ts";
import type { Database } from "../tables/schema.ts";
import type { PhysicalCommit } from "./commit-group.ts";
import { Gatherer } from "./gatherer.ts";
import type { Tail } from "./tail.ts";

/** Chunks to be stored as the next ones of a session, by the holder of its lease. */
export interface AppendRequest {
  sessionId: string;
  turnId: string;
  fence: number;
  /**
   * The newest `seq` that the writer knows of: it says what comes right after. So a statement
   * that was given up on, and is carried out later by a server that has not noticed, writes in
   * its own place or not at all: never a second time, never behind what was said meanwhile.
   */
  after: number;
  /** On SQLite it tells whether a commit took effect whose answer was lost. */
  commitId: string;
  rows: { type: string; payload: string }[];
}

/**
 * The appends of a group as columns: a thread is handed some lists much sooner
 * than many small objects.
 */
export interface PackedAppends {
  sessionIds: string[];
  turnIds: string[];
  fences: number[];
  commitIds: string[];
  /** Where each session's log ends, as far as its row does not say so yet. */
  lastSeqs: number[];
  /** In the tail, of the first row of all. */
  firstPosition: number;
  /** Where the rows of each append begin in `types` and `payloads`. */
  starts: number[];
  types: string[];
  payloads: string[];
}

export function pack(
  appends: readonly AppendRequest[],
  tail: Pick<Tail, "newestSeq" | "take">,
): PackedAppends {
  const packed: PackedAppends = {
    sessionIds: [],
    turnIds: [],
    fences: [],
    commitIds: [],
    lastSeqs: [],
    firstPosition: tail.take(appends.reduce((count, { rows }) => count + rows.length, 0)),
    starts: [],
    types: [],
    payloads: [],
  };
  for (const { sessionId, turnId, fence, commitId, rows } of appends) {
    packed.sessionIds.push(sessionId);
    packed.turnIds.push(turnId);
    packed.fences.push(fence);
    packed.commitIds.push(commitId);
    packed.lastSeqs.push(tail.newestSeq(sessionId, 0));
    packed.starts.push(packed.types.length);
    for (const { type, payload } of rows) {
      packed.types.push(type);
      packed.payloads.push(payload);
    }
  }
  return packed;
}

/**
 * `began` and `worked`: `performance.now()` when its transaction began and when
 * only the COMMIT was left.
 */
export type AppendResult = { began: number; worked: number } & PhysicalCommit &
  (
    | { status: "committed"; lastSeq: number; cancelTurnId: string | null }
    /** Nothing stored; or, in stage `commit` with the connection lost, nobody knows. */
    | { status: "failed"; stage: "work" | "commit"; error: unknown }
  );

/**
 * Appends for many streams at once. Each succeeds or fails alone: a lost lease fails
 * its own append, and if a statement or the COMMIT of the whole group fails, each
 * append is tried again on its own.
 */
export interface AppendLog {
  append(append: AppendRequest): Promise<AppendResult>;
  /** `append` without a promise; undefined: it would have rejected. */
  put(
    append: AppendRequest,
    settle: (result: AppendResult | undefined, error?: unknown) => void,
  ): void;
  /** Milliseconds of the last so many in which a checkpoint ran. */
  checkpointMs(lastMs: number): number;
  close(): Promise<void>;
}

export function refusalOf(sessionExists: boolean): ChatError {
  return sessionExists
    ? new ChatError("lease_lost", "Another companion has taken over this session.", {
        hint: "What was shown is saved. Reload the session to go on.",
      })
    : new ChatError("not_found", "This session was deleted.");
}

/**
 * The server works on each group in a process of its own; a session keeps its lane, so groups
 * never wait for each other.
 */
export const APPEND_LANES = 2;

function laneOf(sessionId: string): number {
  return sessionId.charCodeAt(sessionId.length - 1) % APPEND_LANES;
}

/**
 * One statement stores the chunks of all sessions of a group, and touches nothing but the log: no
 * row of a session is locked or written, which took as long as all the rest. What keeps order is
 * the key of the log, session and number.
 *
 * - Who finds its number taken has stored nothing: an append looks what has come between, a step is
 *   done again (`storage-errors.ts`).
 * - What is asked of the session's row, the lease above all, may be over when the chunks are there.
 *   Whoever has taken the lease meanwhile has added something to the log, and has the number; or it
 *   has waited until no append was on its way (`holdAppends`: `epochs` in the statement is the lock
 *   that it waits for, taken before anything is looked at).
 * - A statement that was given up on finds its own chunks when it is done again.
 * - The session's row hears of the words with the next step: `newestSeq` is where its log ends.
 */
export function createPostgresAppendLog(
  db: Kysely<Database>,
  second: SecondMachine | undefined,
): AppendLog {
  const commit = (appends: readonly AppendRequest[]) => commitOnTwo(db, second, appends);
  const lanes = Array.from(
    { length: APPEND_LANES },
    () => new Gatherer<AppendRequest, AppendResult>(commit),
  );
  const laneFor = ({ sessionId }: AppendRequest) => {
    const lane = lanes[laneOf(sessionId)];
    if (!lane) throw new RangeError("no such lane");
    return lane;
  };
  return {
    append: (append) => laneFor(append).add(append),
    put: (append, settle) => laneFor(append).put(append, settle),
    checkpointMs: () => 0,
    close: () => Promise.resolve(),
  };
}

async function commitOnTwo(
  db: Kysely<Database>,
  second: SecondMachine | undefined,
  appends: readonly AppendRequest[],
): Promise<AppendResult[]> {
  const began = performance.now();
  let results: AppendResult[] | undefined;
  try {
    return await onTwo(second, async () => (results = await commitTogether(db, appends)));
  } catch (error) {
    const at = { members: appends.length, syncMs: undefined, began, worked: performance.now() };
    if (!results) return appends.map(() => ({ status: "failed", stage: "work", error, ...at }));
    // Done again it finds itself, and waits for the second machine.
    const stage = isConnectionLost(error) ? "work" : "commit";
    return results.map((one) =>
      one.status === "failed" ? one : { ...one, status: "failed", stage, error },
    );
  }
}

/**
 * One statement is one transaction: a single round trip, and what it did not say it
 * did, it may still have done.
 */
async function commitTogether(
  db: Kysely<Database>,
  appends: readonly AppendRequest[],
): Promise<AppendResult[]> {
  const began = performance.now();
  // Its COMMIT is part of the statement.
  const physical = { members: appends.length, syncMs: undefined };
  try {
    const written = await store(db, appends);
    const at = { began, worked: performance.now(), ...physical };
    return written.map((one) =>
      "error" in one
        ? { status: "failed", stage: "work", error: one.error, ...at }
        : { status: "committed", ...one, ...at },
    );
  } catch (error) {
    if (!isConnectionLost(error) && appends.length > 1) {
      return (await Promise.all(appends.map((one) => commitTogether(db, [one])))).flat();
    }
    const at = { began, worked: performance.now(), ...physical };
    // Whether it was stored or not: done again it finds itself.
    return appends.map(() => ({ status: "failed", stage: "work", error, ...at }));
  }
}

type Written = { lastSeq: number; cancelTurnId: string | null } | { error: ChatError };

async function store(db: Kysely<Database>, appends: readonly AppendRequest[]): Promise<Written[]> {
  const rows = appends.flatMap(({ rows }, place) =>
    rows.map((row, index) => ({ ...row, place, number: index + 1 })),
  );
  const { rows: written } = await sql<{
    place: number;
    last_seq: number;
    cancel_turn_id: string | null;
  }>`
    with wanted as (
      select * from unnest(
        ${appends.map((_, place) => place)}::int[], ${appends.map(({ sessionId }) => sessionId)}::text[],
        ${appends.map(({ turnId }) => turnId)}::text[], ${appends.map(({ fence }) => fence)}::bigint[],
        ${appends.map(({ after }) => after)}::bigint[],
        ${appends.map(({ rows }) => rows.length)}::int[]
      ) as w (place, session_id, turn_id, fence, after, count)
    ), allowed as materialized (
      select w.place, w.session_id, w.turn_id, w.count, log.seq, s.cancel_turn_id
      from wanted w
      join sessions s on s.id = w.session_id and s.lease_fence = w.fence
      cross join lateral (
        select coalesce(max(c.seq), 0) as seq from chunks c where c.session_id = s.id
      ) log
      where log.seq = w.after
        and not exists (select 1 from epochs where false for key share)
    ), added as (
      insert into chunks (session_id, seq, turn_id, type, payload)
      select a.session_id, a.seq + r.number, a.turn_id, r.type, r.payload
      from unnest(
        ${rows.map(({ place }) => place)}::int[], ${rows.map(({ number }) => number)}::int[],
        ${rows.map(({ type }) => type)}::text[], ${rows.map(({ payload }) => payload)}::text[]
      ) as r (place, number, type, payload)
      join allowed a on a.place = r.place
    )
    select place, seq + count as last_seq, cancel_turn_id from allowed
  `.execute(db);
  const found = new Map(written.map((row) => [row.place, row]));
  const refused = appends.filter((_, place) => !found.has(place));
  const standing = refused.length > 0 ? await standingOf(db, refused) : new Map<string, Standing>();
  return await Promise.all(
    appends.map(async (append, place) => {
      const row = found.get(place);
      if (row) return { lastSeq: row.last_seq, cancelTurnId: row.cancel_turn_id };
      return await catchUp(db, append, standing.get(append.sessionId));
    }),
  );
}

interface Standing {
  last_seq: number;
  lease_fence: number;
  cancel_turn_id: string | null;
}

async function standingOf(
  db: Kysely<Database>,
  appends: readonly AppendRequest[],
): Promise<Map<string, Standing>> {
  const ids = appends.map(({ sessionId }) => sessionId);
  const rows = await db
    .selectFrom("sessions")
    .select(["id", "lease_fence", "cancel_turn_id"])
    .select((eb) =>
      eb
        .selectFrom("chunks")
        .select((chunk) => chunk.fn.coalesce(chunk.fn.max("seq"), sql.lit(0)).as("seq"))
        .whereRef("session_id", "=", "sessions.id")
        .$asScalar()
        .$notNull()
        .as("last_seq"),
    )
    .where("id", "in", ids)
    .execute();
  return new Map(rows.map(({ id, ...standing }) => [id, standing]));
}

/**
 * Why an append was not taken. The log of a session whose lease the writer still holds has grown by
 * something that it does not know of: by this very append, in a statement that was given up on, or
 * by somebody who needs no lease.
 */
async function catchUp(
  db: Kysely<Database>,
  append: AppendRequest,
  standing: Standing | undefined,
): Promise<Written> {
  const { after, fence, rows } = append;
  if (standing?.lease_fence !== fence || standing.last_seq <= after) {
    return { error: refusalOf(standing !== undefined) };
  }
  if (await isStored(db, append, after)) {
    return { lastSeq: after + rows.length, cancelTurnId: standing.cancel_turn_id };
  }
  const [written] = await store(db, [{ ...append, after: standing.last_seq }]);
  if (!written) throw new Error("an append has no outcome");
  return written;
}

async function isStored(
  db: Kysely<Database>,
  { sessionId, turnId, rows }: AppendRequest,
  after: number,
): Promise<boolean> {
  const stored = await db
    .selectFrom("chunks")
    .select(["turn_id", "type", "payload"])
    .where("session_id", "=", sessionId)
    .where("seq", ">", after)
    .orderBy("seq")
    .limit(rows.length)
    .execute();
  return rows.every(({ type, payload }, index) => {
    const row = stored[index];
    return row?.turn_id === turnId && row.type === type && row.payload === payload;
  });
}
