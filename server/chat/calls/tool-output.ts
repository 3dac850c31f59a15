import { CLAIM_MS, claimCall } from "../../db/tables/calls/claims.ts";
import { findToolCall, type ToolCallRow } from "../../db/tables/calls/tool-calls.ts";
import { setOutputLength } from "../../db/tables/calls/tool-output.ts";
import { ChatError } from "../../errors.ts";
import type { NewChunk } from "../../protocol/chunks.ts";
import type { OutputTaken } from "../../protocol/responses.ts";
import type { OutputRequest } from "../../protocol/served-requests.ts";
import { MAX_OUTPUT } from "../../protocol/tool-output.ts";
import type { ChatDeps } from "../deps.ts";
import { notOurs } from "./answer-call.ts";

/**
 * What a call says while it runs, from the client that runs it: committed, then seen by every
 * reader. `offset` makes a repeat take effect once; the call's row says how far its output has
 * come. A heartbeat of the client as well.
 */
export async function takeOutput(
  deps: ChatDeps,
  sessionId: string,
  callId: string,
  { client_id, offset, output }: OutputRequest,
): Promise<OutputTaken> {
  const found = await findToolCall(deps.reader, sessionId, callId);
  if (!found) throw new ChatError("not_found", "There is no such call in this session.");
  const step = { operation: "tool_output", sessionId, turnId: found.turn_id } as const;
  const { ours, call, taken } = await deps.write(step, async ({ trx, append }) => {
    const ours = await claimCall(trx, { session_id: sessionId, call_id: callId }, client_id);
    const call = (await findToolCall(trx, sessionId, callId)) ?? found;
    const said = call.output_length;
    const taken = Math.max(said, offset + output.length);
    if (!ours || offset > said || taken === said) return { ours, call, taken: said };
    const chunk = outputChunk(call, output.slice(said - offset));
    if (chunk) await append([chunk]);
    await setOutputLength(trx, call, taken);
    return { ours, call, taken };
  });
  if (!ours) throw notOurs(call);
  if (offset > taken) {
    throw new ChatError(
      "invalid_request",
      `offset: ${offset}, but only ${taken} characters of this call's output are known.`,
      { hint: `Send what is missing, from ${taken} on.` },
    );
  }
  return { taken, expires_in_ms: CLAIM_MS };
}

/** Undefined beyond the bound, which the last chunk before it says. */
function outputChunk(call: ToolCallRow, fresh: string): NewChunk | undefined {
  const room = MAX_OUTPUT - call.output_length;
  if (room < 0) return undefined;
  const isCut = fresh.length > room;
  // Neither a client's offset nor the bound may leave half a character.
  const token = fresh.slice(0, room).toWellFormed();
  const cut = isCut ? ({ cut: true } as const) : {};
  const metadata = { state: "tool_output", ...cut } as const;
  return { type: "status", call_id: call.call_id, token, metadata };
}
