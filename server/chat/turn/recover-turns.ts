import { isContinued } from "../../db/tables/chunks.ts";
import { holdAppends } from "../../db/tables/epochs.ts";
import { lastPosition } from "../../db/tables/messages.ts";
import type { Trx } from "../../db/tables/schema.ts";
import type { SessionState } from "../../db/tables/sessions.ts";
import { LEASE_MS } from "../../db/tables/sessions.ts";
import {
  findAbandonedTurns,
  findTurn,
  type HeldRow,
  heldAnswerOf,
  setHeldAnswer,
  type TurnRow,
} from "../../db/tables/turns.ts";
import type { ChatDeps, LeasedTurn } from "../deps.ts";
import { installationOf, isAbandoned } from "../log/lease-owner.ts";
import { leaseTurn } from "../log/lease-turn.ts";
import type { Writing } from "../log/write-session.ts";
import { closeTurn, ENDINGS } from "./close-turn.ts";

type RecoveryDeps = Pick<ChatDeps, "reader" | "write" | "log" | "owner" | "soleCompanion"> &
  // The doctor runs none.
  Partial<Pick<ChatDeps, "turns" | "database" | "continuesAnswers">>;

/**
 * An answer that brought down so many companions in a row, each before its next word, is given up.
 */
const MAX_TRIES = 20;

/** After so long nobody waits for the rest of an answer any more, and it is not free. */
const CONTINUED_WITHIN_MS = 120_000;

/**
 * Who was kept from the session's row for so long does not judge its lease: its holder may have
 * been kept from renewing it by the same, a standby that is away, and is given a moment.
 */
const KEPT_MS = 1_000;
const MOMENT_MS = LEASE_MS + 1_000;
const keptUntil = new WeakMap<object, number>();

/** Fewer than a pool has connections; what is said meanwhile needs some, too. */
const AT_ONCE = 4;

type Recovered = "goes_on" | "closed" | "alive";

/**
 * Every turn that is running on paper though its companion is gone: gone on with, where the vendor
 * holds its answer; continued, once for each answer, where several companions may share the
 * database; else ended as `interrupted` with its partial answer kept. At start, and from time to
 * time where there may be others. Returns how many.
 */
export async function recoverTurns(deps: RecoveryDeps): Promise<number> {
  const { reader, owner, soleCompanion } = deps;
  const installation = installationOf(owner);
  const count: Record<Recovered, number> = { goes_on: 0, closed: 0, alive: 0 };
  if (deps.turns?.draining) return 0;
  for (;;) {
    const abandoned = await findAbandonedTurns(reader, { owner, installation, soleCompanion });
    const before = count.goes_on + count.closed;
    const left = abandoned.values();
    const recover = async () => {
      for (const { session_id, turn_id } of left) {
        count[await recoverTurn(deps, session_id, turn_id)] += 1;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, recover));
    // A lease that proved to be alive stays for its owner; the next look will see.
    if (count.goes_on + count.closed === before) break;
  }
  const { closed, goes_on } = count;
  if (closed > 0) deps.log.info({ turns: closed }, "closed turns that a crash had cut off");
  if (goes_on > 0)
    deps.log.info({ turns: goes_on }, "goes on with answers of a companion that is gone");
  return closed + goes_on;
}

async function recoverTurn(
  deps: RecoveryDeps,
  sessionId: string,
  turnId: string,
): Promise<Recovered> {
  const step = { operation: "recover_turns", sessionId, turnId } as const;
  let leased: LeasedTurn | undefined;
  const asked = performance.now();
  const recovered = await deps.write<Recovered>(step, async (writing) => {
    const { trx, append, session } = writing;
    const now = performance.now();
    if (now - asked > KEPT_MS) keptUntil.set(deps.log, now + MOMENT_MS);
    const turn = await findTurn(trx, turnId);
    // Tried again after a commit of which nobody knew whether it took effect: the
    // lease may be ours by now.
    const isTaken = session.lease_owner === deps.owner && session.lease_fence === leased?.fence;
    if (turn?.status === "running" && isTaken) return "goes_on";
    if (turn?.status !== "running" || !isAbandoned(deps, session)) return "alive";
    if (!deps.soleCompanion && now < (keptUntil.get(deps.log) ?? 0)) return "alive";
    leased = await takeOver(deps, writing, turn);
    if (leased) return "goes_on";
    const isCancelled = session.cancel_turn_id === turnId;
    const ending = isCancelled ? ENDINGS.cancelled : ENDINGS.server_restarted;
    await closeTurn(trx, append, { sessionId, turnId }, ending);
    return "closed";
  });
  if (recovered === "goes_on" && leased) deps.turns?.launch(leased);
  return recovered;
}

/** Undefined: its answer cannot be gone on with, or that has been tried too often. */
async function takeOver(
  deps: RecoveryDeps,
  writing: Writing,
  turn: TurnRow,
): Promise<LeasedTurn | undefined> {
  if (!deps.turns) return undefined;
  const { trx, append, session } = writing;
  const acceptedAt = performance.now() - Math.max(Date.now() - turn.started_at, 0);
  const lease = () => leaseTurn(trx, deps.owner, { session, turn, acceptedAt });
  const isCancelled = session.cancel_turn_id === turn.id;
  const held = heldAnswerOf(turn);
  if (held) {
    await holdAppends(trx);
    const isTried = await countTry(trx, session, turn, held);
    const { id, at } = held;
    return isTried ? { ...(await lease()), held: { id, at }, isCancelled } : undefined;
  }
  if (isCancelled || !(await mayContinue(deps, trx, session, turn))) return undefined;
  await append([{ type: "status", metadata: { state: "continued" } }], turn.id);
  return { ...(await lease()), continues: true };
}

async function countTry(
  trx: Trx,
  session: SessionState,
  turn: TurnRow,
  held: HeldRow,
): Promise<boolean> {
  const seq = session.last_seq;
  const next: HeldRow = { ...held, seq, tries: held.seq === seq ? held.tries + 1 : 1 };
  if (next.tries > MAX_TRIES) return false;
  await setHeldAnswer(trx, turn.id, next);
  return true;
}

/** Once: an answer that brings its companions down is not handed on to the next and the next. */
async function mayContinue(
  { continuesAnswers, soleCompanion }: RecoveryDeps,
  trx: Trx,
  { id: sessionId, lease_over_ms }: SessionState,
  { id: turnId }: TurnRow,
): Promise<boolean> {
  if (!continuesAnswers || soleCompanion) return false;
  if (lease_over_ms === null || lease_over_ms > CONTINUED_WITHIN_MS) return false;
  const after = await lastPosition(trx, turnId);
  return !(await isContinued(trx, { sessionId, turnId, after }));
}
