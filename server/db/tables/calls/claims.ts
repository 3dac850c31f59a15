// Who runs a call: one client takes it, says that it is still at it, and gives the result. No
// result in time means that the client is gone.
import { sql } from "kysely";
import type { Reader, Trx } from "../schema.ts";
import { clock } from "../sessions.ts";

/** A claim lives this long without a heartbeat of its client. */
export const CLAIM_MS = 30_000;

interface CallOf {
  session_id: string;
  call_id: string;
}

/**
 * Takes or renews the call for `clientId`; false if another client has it, or
 * if it waits for no result.
 */
export async function claimCall(trx: Trx, call: CallOf, clientId: string): Promise<boolean> {
  const result = await trx
    .updateTable("tool_calls")
    .set({
      claimed_by: clientId,
      claim_expires_at: sql<number>`${clock(trx)} + ${sql.lit(CLAIM_MS)}`,
    })
    .where("session_id", "=", call.session_id)
    .where("call_id", "=", call.call_id)
    .where("status", "=", "waiting_result")
    .where((eb) => eb.or([eb("claimed_by", "is", null), eb("claimed_by", "=", clientId)]))
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Calls whose client has given no heartbeat for `CLAIM_MS`; oldest first. */
export async function expiredClaims(
  reader: Reader,
): Promise<(CallOf & { claimed_by: string | null })[]> {
  return await reader
    .selectFrom("tool_calls")
    .select(["session_id", "call_id", "claimed_by"])
    .where("claim_expires_at", "is not", null)
    .where("claim_expires_at", "<", clock(reader))
    .where("status", "=", "waiting_result")
    .orderBy("claim_expires_at")
    .limit(100)
    .execute();
}

export async function isClaimOver(reader: Reader, call: CallOf): Promise<boolean> {
  const row = await reader
    .selectFrom("tool_calls")
    .select("call_id")
    .where("session_id", "=", call.session_id)
    .where("call_id", "=", call.call_id)
    .where("claim_expires_at", "<", clock(reader))
    .executeTakeFirst();
  return row !== undefined;
}
