import { type Selectable, sql } from "kysely";
import { ChatError } from "../../errors.ts";
import type { ErrorCode } from "../../protocol/errors.ts";
import type { Reader, Trx, TurnsTable } from "./schema.ts";
import { clock } from "./sessions.ts";

export type TurnRow = Selectable<TurnsTable>;

export interface NewTurn {
  id: string;
  session_id: string;
  agent_type: string;
  model: string;
  after_seq: number;
  offer_id?: string | null;
  client_id?: string | null;
  workspace?: string | null;
  sampling?: string | null;
}

export async function insertTurn(trx: Trx, turn: NewTurn): Promise<void> {
  await trx.insertInto("turns").values(turnRow(turn)).execute();
}

export function turnRow(turn: NewTurn) {
  const started = { status: "running", started_at: Date.now() } as const;
  return { ...turn, ...started, compact_from: turn.after_seq };
}

export interface TurnEnd {
  status: "done" | "error" | "interrupted";
  error_code?: ErrorCode;
  input_tokens?: number;
  output_tokens?: number;
}

/** Ends a turn once; rejects with `lease_lost` if somebody else ended it before. */
export async function endTurn(trx: Trx, turnId: string, end: TurnEnd): Promise<void> {
  const { numUpdatedRows } = await turnEnding(trx, turnId, end).executeTakeFirst();
  refuseEnded(numUpdatedRows);
}

/** Where it changes no row, `refuseEnded` says why. */
export function turnEnding(trx: Trx, turnId: string, end: TurnEnd & TurnProgress) {
  return trx
    .updateTable("turns")
    .set({ ...end, held_answer: null, ended_at: Date.now() })
    .where("id", "=", turnId)
    .where("status", "in", ["running", "waiting"]);
}

export function refuseEnded(changedRows: bigint | undefined): void {
  if (changedRows !== 0n) return;
  throw new ChatError("lease_lost", "This turn was already ended by another companion.");
}

/** How far an open turn has come; what is left out stays as it is. */
export interface TurnProgress {
  agent_type?: string;
  steps?: number;
  switches?: number;
  input_tokens?: number;
  output_tokens?: number;
  held_answer?: null;
}

/**
 * An answer that its vendor holds, and how often a start has tried to go on with it at
 * the same place of the log.
 */
export interface HeldRow {
  id: string;
  at: string;
  tries: number;
  seq: number;
}

export async function setHeldAnswer(trx: Trx, turnId: string, held: HeldRow): Promise<void> {
  const held_answer = JSON.stringify(held);
  await trx.updateTable("turns").set({ held_answer }).where("id", "=", turnId).execute();
}

export function heldAnswerOf({ held_answer }: Pick<TurnRow, "held_answer">): HeldRow | undefined {
  return held_answer === null ? undefined : (JSON.parse(held_answer) as HeldRow);
}

export async function setTurnProgress(
  trx: Trx,
  turnId: string,
  progress: TurnProgress & { status?: "running" | "waiting" },
): Promise<void> {
  await trx.updateTable("turns").set(progress).where("id", "=", turnId).execute();
}

export async function findTurn(reader: Reader, turnId: string): Promise<TurnRow | undefined> {
  return await reader.selectFrom("turns").selectAll().where("id", "=", turnId).executeTakeFirst();
}

/** The session's turn that runs or waits; there is at most one. */
export async function findOpenTurn(
  reader: Reader,
  sessionId: string,
): Promise<TurnRow | undefined> {
  return await reader
    .selectFrom("turns")
    .selectAll()
    .where("session_id", "=", sessionId)
    .where("status", "in", ["running", "waiting"])
    .executeTakeFirst();
}

/** Where the session's tools worked last; undefined where none ever did. */
export async function lastWorkspace(
  reader: Reader,
  sessionId: string,
): Promise<string | null | undefined> {
  const row = await reader
    .selectFrom("turns")
    .select("workspace")
    .where("session_id", "=", sessionId)
    .where("workspace", "is not", null)
    .orderBy("after_seq", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.workspace;
}

/** The session of each turn that is `running` on paper though its writer is gone. */
export async function findAbandonedTurns(
  reader: Reader,
  is: { owner: string; installation: string; soleCompanion: boolean },
): Promise<{ session_id: string; turn_id: string }[]> {
  return await reader
    .selectFrom("turns")
    .innerJoin("sessions", "sessions.id", "turns.session_id")
    .select(["turns.session_id", "turns.id as turn_id"])
    .where("turns.status", "=", "running")
    .where("sessions.deleted_at", "is", null)
    .where((eb) =>
      eb.or([eb("sessions.lease_owner", "is", null), eb("sessions.lease_owner", "!=", is.owner)]),
    )
    .$if(!is.soleCompanion, (query) =>
      query.where((eb) =>
        eb.or([
          eb("sessions.lease_expires_at", "is", null),
          // Only a hint; the lease is judged again with the row locked.
          eb("sessions.lease_expires_at", "<", clock(reader)),
          ...(is.installation === ""
            ? []
            : [eb("sessions.lease_owner", "like", `${is.installation}/%`)]),
        ]),
      ),
    )
    // Companions that look at the same moment would wait for each other at one row after the other.
    .orderBy(sql`random()`)
    .limit(1_000)
    .execute();
}

/**
 * Milliseconds until the first lease ends of those under which others run turns; undefined: there
 * is none.
 */
export async function untilLeaseEnds(reader: Reader, owner: string): Promise<number | undefined> {
  const row = await reader
    .selectFrom("turns")
    .innerJoin("sessions", "sessions.id", "turns.session_id")
    .select(sql<number | null>`min(lease_expires_at) - ${clock(reader)}`.as("left"))
    .where("turns.status", "=", "running")
    .where("sessions.deleted_at", "is", null)
    .where("sessions.lease_owner", "!=", owner)
    .where("sessions.lease_expires_at", ">=", clock(reader))
    .executeTakeFirst();
  return row?.left ?? undefined;
}
