import { instructionsOf } from "../../db/tables/instructions.ts";
import { metadataOf, turnMessages } from "../../db/tables/messages.ts";
import { findOffer } from "../../db/tables/offers.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { type SessionState, takeLease } from "../../db/tables/sessions.ts";
import type { TurnRow } from "../../db/tables/turns.ts";
import { samplingOf } from "../../protocol/sampling.ts";
import type { Usage } from "../../providers/provider.ts";
import type { LeasedTurn } from "../deps.ts";

/**
 * Makes this companion the one that runs a stored turn, from where it stands. Call
 * with the session locked.
 */
export async function leaseTurn(
  trx: Trx,
  owner: string,
  { session, turn, acceptedAt }: { session: SessionState; turn: TurnRow; acceptedAt: number },
): Promise<LeasedTurn> {
  const fence = await takeLease(trx, turn.session_id, owner);
  return {
    sessionId: turn.session_id,
    turnId: turn.id,
    fence,
    lastSeq: session.last_seq,
    agentType: turn.agent_type,
    model: turn.model,
    offer: await findOffer(trx, turn),
    instructions: await instructionsOf(trx, turn),
    sampling: samplingOf(turn.sampling),
    clientId: turn.client_id,
    workspace: turn.workspace,
    steps: turn.steps,
    switches: turn.switches,
    usage: await usageSofar(trx, turn),
    acceptedAt,
  };
}

/**
 * What the steps before the pause have cost: the sums from the turn's row, what they consist of
 * from the step's message.
 */
async function usageSofar(trx: Trx, turn: TurnRow): Promise<Usage | undefined> {
  const { id, input_tokens, output_tokens } = turn;
  if (input_tokens === null || output_tokens === null) return undefined;
  const steps = (await turnMessages(trx, id)).map((message) => metadataOf(message).usage);
  return { ...steps.findLast(Boolean), input_tokens, output_tokens };
}
