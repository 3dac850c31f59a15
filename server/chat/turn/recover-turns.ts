import { findAbandonedTurns, findTurn } from "../../db/tables/turns.ts";
import type { ChatDeps } from "../deps.ts";
import { installationOf, isAbandoned } from "../log/lease-owner.ts";
import { closeTurn, ENDINGS } from "./close-turn.ts";

type RecoveryDeps = Pick<ChatDeps, "reader" | "write" | "log" | "owner" | "soleCompanion">;

/**
 * Ends every turn that is running on paper though its companion is gone, as `interrupted` with its partial
 * answer kept. At start, and from time to time where several companions share a database. Returns how many.
 */
export async function recoverTurns(deps: RecoveryDeps): Promise<number> {
  const { reader, owner, soleCompanion } = deps;
  const installation = installationOf(owner);
  let recovered = 0;
  for (;;) {
    const abandoned = await findAbandonedTurns(reader, { owner, installation, soleCompanion });
    let progress = 0;
    for (const { session_id, turn_id } of abandoned) {
      if (await recoverTurn(deps, session_id, turn_id)) progress++;
    }
    recovered += progress;
    // A lease that proved to be alive stays for its owner; the next look will see.
    if (progress === 0) break;
  }
  if (recovered > 0) deps.log.info({ turns: recovered }, "closed turns that a crash had cut off");
  return recovered;
}

async function recoverTurn(
  deps: RecoveryDeps,
  sessionId: string,
  turnId: string,
): Promise<boolean> {
  const step = { operation: "recover_turns", sessionId, turnId } as const;
  return await deps.write(step, async ({ trx, append, session }) => {
    const turn = await findTurn(trx, turnId);
    if (turn?.status !== "running" || !isAbandoned(deps, session)) return false;
    await closeTurn(trx, append, { sessionId, turnId }, ENDINGS.server_restarted);
    return true;
  });
}
