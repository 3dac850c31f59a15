import type { Trx } from "../../db/tables/schema.ts";
import type { SessionState } from "../../db/tables/sessions.ts";
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
import { closeTurn, ENDINGS } from "./close-turn.ts";

type RecoveryDeps = Pick<ChatDeps, "reader" | "write" | "log" | "owner" | "soleCompanion"> &
  // The doctor runs none.
  Partial<Pick<ChatDeps, "turns" | "database">>;

/**
 * An answer that brought down so many companions in a row, each before its next word, is given up.
 */
const MAX_TRIES = 20;

type Recovered = "goes_on" | "closed" | "alive";

/**
 * Every turn that is running on paper though its companion is gone: gone on with, where the vendor
 * holds its answer, else ended as `interrupted` with its partial answer kept. At start, and from
 * time to time where several companions share a database. Returns how many.
 */
export async function recoverTurns(deps: RecoveryDeps): Promise<number> {
  const { reader, owner, soleCompanion } = deps;
  const installation = installationOf(owner);
  const count: Record<Recovered, number> = { goes_on: 0, closed: 0, alive: 0 };
  if (deps.turns?.draining) return 0;
  for (;;) {
    const abandoned = await findAbandonedTurns(reader, { owner, installation, soleCompanion });
    const before = count.goes_on + count.closed;
    for (const { session_id, turn_id } of abandoned) {
      count[await recoverTurn(deps, session_id, turn_id)] += 1;
    }
    // A lease that proved to be alive stays for its owner; the next look will see.
    if (count.goes_on + count.closed === before) break;
  }
  const { closed, goes_on } = count;
  if (closed > 0) deps.log.info({ turns: closed }, "closed turns that a crash had cut off");
  if (goes_on > 0) deps.log.info({ turns: goes_on }, "goes on with answers that vendors hold");
  return closed + goes_on;
}

async function recoverTurn(
  deps: RecoveryDeps,
  sessionId: string,
  turnId: string,
): Promise<Recovered> {
  const step = { operation: "recover_turns", sessionId, turnId } as const;
  let leased: LeasedTurn | undefined;
  const recovered = await deps.write<Recovered>(step, async ({ trx, append, session }) => {
    const turn = await findTurn(trx, turnId);
    // Tried again after a commit of which nobody knew whether it took effect: the
    // lease may be ours by now.
    const isTaken = leased !== undefined && session.lease_fence === leased.fence;
    if (turn?.status !== "running" || !(isTaken || isAbandoned(deps, session))) return "alive";
    leased = deps.turns && (await takeOver(trx, deps.owner, session, turn));
    if (leased) return "goes_on";
    await closeTurn(trx, append, { sessionId, turnId }, ENDINGS.server_restarted);
    return "closed";
  });
  if (recovered === "goes_on" && leased) deps.turns?.launch(leased);
  return recovered;
}

/** Undefined: nobody holds its answer, or it has been tried too often. */
async function takeOver(
  trx: Trx,
  owner: string,
  session: SessionState,
  turn: TurnRow,
): Promise<LeasedTurn | undefined> {
  const held = heldAnswerOf(turn);
  if (!held) return undefined;
  const seq = session.last_seq;
  const next: HeldRow = { ...held, seq, tries: held.seq === seq ? held.tries + 1 : 1 };
  if (next.tries > MAX_TRIES) return undefined;
  await setHeldAnswer(trx, turn.id, next);
  const acceptedAt = performance.now() - Math.max(Date.now() - turn.started_at, 0);
  const leased = await leaseTurn(trx, owner, { session, turn, acceptedAt });
  const { id, at } = held;
  return { ...leased, held: { id, at }, isCancelled: session.cancel_turn_id === turn.id };
}
