// The hot path on Postgres; see `createPostgresAppendLog`.
import { type Kysely, sql } from "kysely";
import type { ChatError } from "../../errors.ts";
import { onTwo, type SecondMachine } from "../engine/second-machine.ts";
import { isConnectionLost } from "../engine/storage-errors.ts";
import type { Database } from "../tables/schema.ts";
import { type AppendLog, type AppendRequest, type AppendResult, refusalOf } from "./append-log.ts";
import { Gatherer } from "./gatherer.ts";

/** Sessions. Who is forgotten is looked for once more. */
const REMEMBERED = 10_000;

/**
 * Which process of the server has told of the end of a session's log. What it has told it still
 * has: a server that loses what it has told (it was restarted without its last commits, or another
 * one has taken its place) has other processes. Anybody else looks for the log's end, which takes
 * as long as all the rest of an append.
 */
class Witnesses {
  readonly #seen = new Map<string, { seq: number; process: string }>();

  /** Undefined: nobody that is known. */
  of({ sessionId, after }: AppendRequest): string | undefined {
    const seen = this.#seen.get(sessionId);
    return seen?.seq === after ? seen.process : undefined;
  }

  note({ sessionId }: AppendRequest, told: { last_seq: number; process: string }): void {
    if (this.#seen.size >= REMEMBERED) this.#seen.clear();
    this.#seen.set(sessionId, { seq: told.last_seq, process: told.process });
  }

  forget({ sessionId }: AppendRequest): void {
    this.#seen.delete(sessionId);
  }
}

interface Target {
  db: Kysely<Database>;
  witnesses: Witnesses;
}

/**
 * One statement at a time stores the chunks of all sessions of a group, and touches nothing but the
 * log: no row of a session is locked or written, which took as long as all the rest. (With two at a
 * time the groups were smaller, and the server had more to do.) What keeps order is the key of the
 * log, session and number.
 *
 * - Who finds its number taken has stored nothing: an append looks what has come between, a step is
 *   done again (`storage-errors.ts`).
 * - What is asked of the session's row, the lease above all, may be over when the chunks are there.
 *   Whoever has taken the lease meanwhile has added something to the log, and has the number; or it
 *   has waited until no append was on its way (`holdAppends`: `epochs` in the statement is the lock
 *   that it waits for, taken before anything is looked at).
 * - A statement that was given up on finds its own chunks when it is done again.
 * - What it goes on from is there (`Witnesses`), so there is no gap.
 * - The session's row hears of the words with the next step: `newestSeq` is where its log ends.
 */
export function createPostgresAppendLog(
  db: Kysely<Database>,
  second: SecondMachine | undefined,
): AppendLog {
  const target = { db, witnesses: new Witnesses() };
  const commit = (appends: readonly AppendRequest[]) => commitOnTwo(target, second, appends);
  const gatherer = new Gatherer<AppendRequest, AppendResult>(commit);
  return {
    append: (append) => gatherer.add(append),
    put: (append, settle) => gatherer.put(append, settle),
    checkpointMs: () => 0,
    close: () => Promise.resolve(),
  };
}

async function commitOnTwo(
  target: Target,
  second: SecondMachine | undefined,
  appends: readonly AppendRequest[],
): Promise<AppendResult[]> {
  const began = performance.now();
  let results: AppendResult[] | undefined;
  try {
    return await onTwo(second, async () => (results = await commitTogether(target, appends)));
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
  target: Target,
  appends: readonly AppendRequest[],
): Promise<AppendResult[]> {
  const began = performance.now();
  // Its COMMIT is part of the statement.
  const physical = { members: appends.length, syncMs: undefined };
  try {
    const written = await store(target, appends);
    const at = { began, worked: performance.now(), ...physical };
    return written.map((one) =>
      "error" in one
        ? { status: "failed", stage: "work", error: one.error, ...at }
        : { status: "committed", ...one, ...at },
    );
  } catch (error) {
    for (const append of appends) target.witnesses.forget(append);
    if (!isConnectionLost(error) && appends.length > 1) {
      return (await Promise.all(appends.map((one) => commitTogether(target, [one])))).flat();
    }
    const at = { began, worked: performance.now(), ...physical };
    // Whether it was stored or not: done again it finds itself.
    return appends.map(() => ({ status: "failed", stage: "work", error, ...at }));
  }
}

type Written = { lastSeq: number; cancelTurnId: string | null } | { error: ChatError };

async function store(target: Target, appends: readonly AppendRequest[]): Promise<Written[]> {
  const { db, witnesses } = target;
  const rows = appends.flatMap(({ rows }, place) =>
    rows.map((row, index) => ({ ...row, place, number: index + 1 })),
  );
  const { rows: written } = await sql<{
    place: number;
    last_seq: number;
    cancel_turn_id: string | null;
    process: string;
  }>`
    with server as materialized (
      select concat(pg_backend_pid(), ' ', pg_postmaster_start_time()) as process
    ), wanted as (
      select * from unnest(
        ${numbers(appends, (_, place) => place)}::int[],
        ${texts(appends, ({ sessionId }) => sessionId)}::text[],
        ${texts(appends, ({ turnId }) => turnId)}::text[],
        ${numbers(appends, ({ fence }) => fence)}::bigint[],
        ${numbers(appends, ({ after }) => after)}::bigint[],
        ${numbers(appends, ({ rows }) => rows.length)}::int[],
        ${texts(appends, (append) => witnesses.of(append))}::text[]
      ) as w (place, session_id, turn_id, fence, after, count, witness)
    ), allowed as materialized (
      select w.place, w.session_id, w.turn_id, w.after, w.count, s.cancel_turn_id, server.process
      from server cross join wanted w
      join sessions s on s.id = w.session_id and s.lease_fence = w.fence
      where case
          when w.witness = server.process then true
          else w.after = coalesce(
            (select max(c.seq) from chunks c where c.session_id = w.session_id), 0)
        end
        and not exists (select 1 from epochs where false for key share)
    ), added as (
      insert into chunks (session_id, seq, turn_id, type, payload)
      select a.session_id, a.after + r.number, a.turn_id, r.type, r.payload
      from unnest(
        ${numbers(rows, ({ place }) => place)}::int[], ${numbers(rows, ({ number }) => number)}::int[],
        ${texts(rows, ({ type }) => type)}::text[], ${texts(rows, ({ payload }) => payload)}::text[]
      ) as r (place, number, type, payload)
      join allowed a on a.place = r.place
    )
    select place, after + count as last_seq, cancel_turn_id, process from allowed
  `.execute(db);
  const found = new Map(written.map((row) => [row.place, row]));
  for (const [place, append] of appends.entries()) {
    const told = found.get(place);
    if (told) witnesses.note(append, told);
    else witnesses.forget(append);
  }
  const refused = appends.filter((_, place) => !found.has(place));
  const caughtUp = refused.length > 0 ? await catchUpAll(target, refused) : undefined;
  return appends.map((append, place) => {
    const row = found.get(place);
    if (row) return { lastSeq: row.last_seq, cancelTurnId: row.cancel_turn_id };
    const written = caughtUp?.get(append);
    if (!written) throw new Error("an append has no outcome");
    return written;
  });
}

/**
 * Array literals (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). Those that the
 * driver makes of lists took a tenth of a word's time.
 */
function numbers<T>(all: readonly T[], of: (one: T, place: number) => number): string {
  return `{${all.map(of).join(",")}}`;
}

function texts<T>(all: readonly T[], of: (one: T) => string | undefined): string {
  const quoted = all.map((one) => {
    const text = of(one);
    return text === undefined ? "NULL" : `"${text.replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${quoted.join(",")}}`;
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

async function catchUpAll(
  target: Target,
  refused: readonly AppendRequest[],
): Promise<Map<AppendRequest, Written>> {
  const standing = await standingOf(target.db, refused);
  const written = refused.map(
    async (append) =>
      [append, await catchUp(target, append, standing.get(append.sessionId))] as const,
  );
  return new Map(await Promise.all(written));
}

/**
 * Why an append was not taken. The log of a session whose lease the writer still holds has grown by
 * something that it does not know of: by this very append, in a statement that was given up on, or
 * by somebody who needs no lease.
 */
async function catchUp(
  target: Target,
  append: AppendRequest,
  standing: Standing | undefined,
): Promise<Written> {
  const { after, fence, rows } = append;
  if (standing?.lease_fence !== fence || standing.last_seq <= after) {
    return { error: refusalOf(standing !== undefined) };
  }
  if (await isStored(target.db, append, after)) {
    return { lastSeq: after + rows.length, cancelTurnId: standing.cancel_turn_id };
  }
  const [written] = await store(target, [{ ...append, after: standing.last_seq }]);
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
