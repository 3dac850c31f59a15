import type { Session } from "../../server/protocol/responses.ts";
import { asFailure, type Transport } from "../transport/transport.ts";
import type { SessionLog } from "../turns/model.ts";

/** Copies of which nobody knows whether they were made. */
const unanswered = new Map<string, string>();

/**
 * A chat of its own that is the same up to `atSeq`. Asked for again after its answer was lost it
 * is the same copy.
 */
export async function forkChat(
  transport: Transport,
  { id: session_id }: SessionLog,
  at_seq: number,
): Promise<Session> {
  const place = `${session_id} ${at_seq}`;
  const request_id = unanswered.get(place) ?? crypto.randomUUID();
  unanswered.set(place, request_id);
  try {
    const copy = await transport.call("fork_session", { session_id, at_seq, request_id });
    unanswered.delete(place);
    return copy;
  } catch (thrown) {
    if (!asFailure(thrown).isConnection) unanswered.delete(place);
    throw thrown;
  }
}
