import { insertInstructions, toldOf } from "../../db/tables/instructions.ts";
import { insertMessage } from "../../db/tables/messages.ts";
import { insertOffer } from "../../db/tables/offers.ts";
import { findPlan, setPlan } from "../../db/tables/plans.ts";
import { insertRequest, setRequestTurn } from "../../db/tables/requests.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { changeSession, type SessionState, takeLease } from "../../db/tables/sessions.ts";
import { insertTurn, replaceTurnsFrom } from "../../db/tables/turns.ts";
import { DEFAULT_AGENT, findAgent } from "../../domain/agents.ts";
import type { Offer } from "../../domain/offer.ts";
import { titleFrom, UNTITLED } from "../../domain/titles.ts";
import { ChatError } from "../../errors.ts";
import type { ClientMessage, MessageRequest } from "../../protocol/requests.ts";
import type { Sampling } from "../../protocol/sampling.ts";
import { refuseWhatIsNotTaken, storeAttachments } from "../attachments/attachment-data.ts";
import type { ReadAttachments } from "../attachments/read-attachments.ts";
import type { ChatDeps, LeasedTurn } from "../deps.ts";
import type { Writing } from "../log/write-session.ts";
import { userChunk } from "../turn/steer.ts";
import { knownAgent } from "./create-session.ts";

type UserMessage = Extract<ClientMessage, { type: "user_message" }>;

export interface NewTurn {
  turnId: string;
  /** Cursor just before its first chunk. */
  after: number;
  /** `performance.now()`. */
  acceptedAt: number;
  request: Omit<MessageRequest, "message">;
  message: UserMessage;
  attached: ReadAttachments;
  sampling: Sampling | null;
  /** `known`: the row of this request is there already. */
  asked: { request_id: string; body_hash: string; known: boolean } | undefined;
}

/**
 * A turn with its message, in the caller's transaction, and the lease under which it runs. Whatever
 * is refused throws, and nothing is stored.
 */
export async function storeTurn(
  deps: Pick<ChatDeps, "resolveModel" | "owner">,
  { trx, append, session }: Writing,
  turn: NewTurn,
): Promise<LeasedTurn> {
  const { turnId, after, acceptedAt, request, message, attached, sampling, asked } = turn;
  const sessionId = session.id;
  const offer = offerOf(request);
  const resolved = deps.resolveModel(request.model ?? session.model);
  refuseWhatIsNotTaken(resolved, attached.refs);
  const model = resolved.id;
  const agentType = agentFor(request.agent_type, session, offer);
  await insertTurn(trx, {
    id: turnId,
    session_id: sessionId,
    agent_type: agentType,
    model,
    after_seq: after,
    offer_id: await insertOffer(trx, sessionId, offer),
    client_id: request.client_id ?? null,
    workspace: request.workspace ?? null,
    sampling: sampling && JSON.stringify(sampling),
  });
  if (asked?.known) await setRequestTurn(trx, asked.request_id, turnId);
  else if (asked) {
    const { request_id, body_hash } = asked;
    await insertRequest(trx, { request_id, body_hash, session_id: sessionId, turn_id: turnId });
  }
  if (message.resume_plan_id !== undefined) {
    await resumePlan(trx, sessionId, message.resume_plan_id, turnId);
  }
  if (message.replaces_turn_id !== undefined) {
    await replaceTurnsFrom(trx, sessionId, message.replaces_turn_id, turnId);
  }
  await changeSession(trx, sessionId, {
    agent_type: agentType,
    model: request.model && model,
    title:
      session.title === UNTITLED
        ? titleFrom(message.content || (attached.refs[0]?.name ?? ""))
        : undefined,
  });
  const offered = request.instructions ?? [];
  const sent = await insertInstructions(trx, sessionId, offered);
  const instructions = sent.length === 0 ? {} : { instructions: sent };
  await storeAttachments(trx, sessionId, attached.blobs);
  const attachments = attached.refs.length === 0 ? {} : { attachments: attached.refs };
  const said = userChunk(request, message, { model, agentType });
  const { chunks } = await append([
    { ...said, metadata: { ...said.metadata, ...instructions, ...attachments } },
  ]);
  await insertMessage(trx, {
    session_id: sessionId,
    turn_id: turnId,
    position: chunks[0]?.seq ?? 0,
    role: "user",
    content: message.content,
    status: "complete",
    metadata: {
      ...(message.context && { context: message.context }),
      ...instructions,
      ...attachments,
    },
  });
  const fence = await takeLease(trx, sessionId, deps.owner);
  return {
    sessionId,
    turnId,
    fence,
    lastSeq: chunks[0]?.seq ?? 0,
    agentType,
    model,
    offer,
    instructions: toldOf(offered),
    sampling,
    clientId: request.client_id ?? null,
    workspace: request.workspace ?? null,
    steps: 0,
    switches: 0,
    usage: undefined,
    acceptedAt,
  };
}

function offerOf(request: NewTurn["request"]): Offer {
  const { tools = [], agents = [], environment, workspace_trusted } = request;
  return { tools, agents, environment, trusted: workspace_trusted !== false };
}

/** The plan goes on in this turn, with the first subtask that is not done. */
async function resumePlan(
  trx: Trx,
  sessionId: string,
  planId: string,
  turnId: string,
): Promise<void> {
  const plan = await findPlan(trx, planId);
  if (plan?.session_id !== sessionId || plan.status !== "paused") {
    throw new ChatError(
      "invalid_request",
      "message.resume_plan_id: no plan of this session that was interrupted.",
    );
  }
  await setPlan(trx, planId, { status: "running", turn_id: turnId });
}

/** An agent of the user's own may be gone since the session had it; the default then answers. */
function agentFor(wanted: string | undefined, session: SessionState, offer: Offer): string {
  if (wanted !== undefined) return knownAgent(wanted, offer.agents);
  return findAgent(session.agent_type, offer.agents) ? session.agent_type : DEFAULT_AGENT;
}
