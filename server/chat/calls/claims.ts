// Calls that clients run: what waits, who has taken it, and what becomes of it
// when that client is gone.

import { CLAIM_MS, claimCall, expiredClaims } from "../../db/tables/calls/claims.ts";
import { findToolCall, openToolCalls, type ToolCallRow } from "../../db/tables/calls/tool-calls.ts";
import type { Reader } from "../../db/tables/schema.ts";
import { findSession } from "../../db/tables/sessions.ts";
import { findTurn, type TurnRow } from "../../db/tables/turns.ts";
import { ChatError } from "../../errors.ts";
import type { Claim, PendingCall, PendingList } from "../../protocol/responses.ts";
import { every, type Repeating } from "../../shared/every.ts";
import { omitUndefined } from "../../shared/json.ts";
import type { ChatDeps } from "../deps.ts";
import { COMPANION } from "../turn/companion-client.ts";
import { giveUpCall, notOurs } from "./answer-call.ts";

const LOOK_MS = 5_000;

export async function listPending(reader: Reader, sessionId: string): Promise<PendingList> {
  await findSession(reader, sessionId);
  const calls = await openToolCalls(reader, { sessionId });
  const turn = calls[0] && (await findTurn(reader, calls[0].turn_id));
  return { pending: calls.map((call) => toPending(call, turn)) };
}

function toPending(call: ToolCallRow, turn: TurnRow | undefined): PendingCall {
  const { call_id, turn_id, tool_name, kind, claimed_by } = call;
  const waits_for: PendingCall["waits_for"] =
    call.status === "waiting_decision" ? "tool_decision" : "tool_result";
  return omitUndefined({
    call_id,
    turn_id,
    tool_name,
    arguments: JSON.parse(call.arguments) as Record<string, unknown>,
    waits_for,
    kind: kind ?? undefined,
    client_id: turn?.client_id ?? undefined,
    workspace: turn?.workspace ?? undefined,
    claimed_by: claimed_by ?? undefined,
  });
}

/**
 * Of several clients that want to run a call, one gets it; the same client again gets more time.
 */
export async function claim(
  deps: ChatDeps,
  sessionId: string,
  callId: string,
  clientId: string,
): Promise<Claim> {
  const found = await findToolCall(deps.reader, sessionId, callId);
  if (!found) throw new ChatError("not_found", "There is no such call in this session.");
  const uow = deps.newUnitOfWork({ sessionId, turnId: found.turn_id });
  const { ours, call, turn } = await uow.commit("claim_call", async (trx) => {
    const ours = await claimCall(trx, { session_id: sessionId, call_id: callId }, clientId);
    const call = (await findToolCall(trx, sessionId, callId)) ?? found;
    return { ours, call, turn: await findTurn(trx, call.turn_id) };
  });
  if (ours) return { call: toPending(call, turn), expires_in_ms: CLAIM_MS };
  throw notOurs(call);
}

/**
 * Answers the calls whose client has given no heartbeat for so long that it must be gone, so that
 * no turn waits for ever. After a sleep of the machine every claim looks old: then clients get one
 * more round to say that they are there.
 */
export function giveUpClaims(deps: ChatDeps): Repeating {
  let last = Date.now();
  const look = async (): Promise<void> => {
    const slept = Date.now() - last > 2 * LOOK_MS;
    try {
      if (!slept && !deps.turns.draining) await giveUpOld(deps);
    } finally {
      last = Date.now();
    }
  };
  return every(LOOK_MS, look, (err) => deps.log.warn({ err }, "old claims could not be given up"));
}

/** One look. */
export async function giveUpOld(deps: ChatDeps): Promise<void> {
  for (const { session_id, call_id, claimed_by } of await expiredClaims(deps.reader)) {
    // Nothing happens by it that must not happen twice.
    if (claimed_by === COMPANION) await deps.companionCalls.again(session_id, call_id);
    else await giveUpCall(deps, session_id, call_id);
  }
}
