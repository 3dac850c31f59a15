import { instructionsInsert, toldOf } from "../../db/tables/instructions.ts";
import { messageInsert, messageRow } from "../../db/tables/messages.ts";
import { offerInsert } from "../../db/tables/offers.ts";
import { findPlan, setPlan } from "../../db/tables/plans.ts";
import { requestInsert, requestTurnUpdate } from "../../db/tables/requests.ts";
import type { Trx } from "../../db/tables/schema.ts";
import {
  leaseOf,
  lockedUpdate,
  type NewSession,
  type SessionState,
  sessionInsert,
} from "../../db/tables/sessions.ts";
import { type Statement, together } from "../../db/tables/together.ts";
import { turnInsert } from "../../db/tables/turns.ts";
import { replaceTurnsFrom } from "../../db/tables/versions.ts";
import { DEFAULT_AGENT, findAgent } from "../../domain/agents.ts";
import type { Offer } from "../../domain/offer.ts";
import { titleFrom, UNTITLED } from "../../domain/titles.ts";
import { ChatError } from "../../errors.ts";
import type { ClientMessage, MessageRequest } from "../../protocol/requests.ts";
import type { Sampling } from "../../protocol/sampling.ts";
import { refuseWhatIsNotTaken, storeAttachments } from "../attachments/attachment-data.ts";
import type { ReadAttachments } from "../attachments/read-attachments.ts";
import type { ChatDeps, LeasedTurn } from "../deps.ts";
import type { NumberedChunks, Writing } from "../log/write-session.ts";
import { userChunk, userMessage } from "../turn/steer.ts";
import { knownAgent, sessionInfo } from "./create-session.ts";

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
  /** The session that begins with it. */
  made?: NewSession;
}

/**
 * A turn with its message, in the caller's transaction, and the lease under which it runs; of a new
 * chat the session, too. Whatever is refused throws, and nothing is stored. Rows that depend on
 * nothing stored but the locked session are one statement.
 */
export async function storeTurn(
  deps: Pick<ChatDeps, "resolveModel" | "owner">,
  { trx, number, session }: Writing,
  turn: NewTurn,
): Promise<LeasedTurn> {
  const { turnId, after, acceptedAt, request, message, attached, sampling, made } = turn;
  const sessionId = session.id;
  const offer = offerOf(request);
  const resolved = deps.resolveModel(request.model ?? session.model);
  refuseWhatIsNotTaken(resolved, attached.refs);
  const model = resolved.id;
  const agentType = agentFor(request.agent_type, session, offer);
  const offers = offerInsert(trx, sessionId, offer);
  const offered = request.instructions ?? [];
  const instructions = instructionsInsert(trx, sessionId, offered);
  const carried = {
    ...(instructions.sent.length > 0 && { instructions: instructions.sent }),
    ...(attached.refs.length > 0 && { attachments: attached.refs }),
  };
  const said = userChunk(request, message, { model, agentType });
  const numbered = number(session.last_seq, [
    ...(made ? [{ chunk: sessionInfo(made) }] : []),
    { chunk: { ...said, metadata: { ...said.metadata, ...carried } }, turnId },
  ]);
  const lastSeq = numbered.columns.last_seq;
  const place = { session_id: sessionId, turn_id: turnId, position: lastSeq };
  const question = messageRow(userMessage(place, message, carried));
  const rows = [
    ...offers.statements,
    ...instructions.statements,
    turnInsert(trx, {
      id: turnId,
      session_id: sessionId,
      agent_type: agentType,
      model,
      after_seq: after,
      offer_id: offers.id,
      client_id: request.client_id ?? null,
      workspace: request.workspace ?? null,
      sampling: sampling && JSON.stringify(sampling),
    }),
    ...requestRow(trx, turn, sessionId),
    numbered.insert,
    ...messageInsert(trx, question),
  ];
  const columns = {
    ...numbered.columns,
    ...leaseOf(trx, deps.owner),
    agent_type: agentType,
    model: request.model === undefined ? session.model : model,
    title: titleOf(session, turn),
    // Whoever writes in it has it in the list again.
    archived_at: null,
    // Undefined leaves the column as it is.
    workspace: request.workspace,
  };
  const fence = await storeRows(trx, rows, { id: sessionId, made, columns });
  if (message.resume_plan_id !== undefined) {
    await resumePlan(trx, sessionId, message.resume_plan_id, turnId);
  }
  if (message.replaces_turn_id !== undefined) {
    await replaceTurnsFrom(trx, sessionId, message.replaces_turn_id, turnId);
  }
  await storeAttachments(trx, sessionId, attached.blobs);
  return {
    sessionId,
    turnId,
    fence,
    lastSeq,
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
    ...(made && { begins: question }),
  };
}

type SessionColumns = NumberedChunks["columns"] &
  ReturnType<typeof leaseOf> &
  Pick<SessionState, "agent_type" | "model" | "title"> & {
    archived_at: null;
    workspace: string | undefined;
  };

/** Resolves with the fencing number of the lease. */
async function storeRows(
  trx: Trx,
  rows: readonly Statement[],
  { id, made, columns }: { id: string; made: NewSession | undefined; columns: SessionColumns },
): Promise<number> {
  if (made) {
    const { title_tries = 0 } = made;
    const lease_fence = 1;
    await together(trx, [
      sessionInsert(trx, { ...columns, id, lease_fence, title_tries }),
      ...rows,
    ]);
    return lease_fence;
  }
  const update = lockedUpdate(trx, id, columns).returning("lease_fence");
  const stored = await together<{ lease_fence: number }>(trx, [...rows, update]);
  return stored.rows[0]?.lease_fence ?? 0;
}

function requestRow(trx: Trx, { asked, turnId }: NewTurn, session_id: string): Statement[] {
  if (!asked) return [];
  const { request_id, body_hash, known } = asked;
  if (known) return [requestTurnUpdate(trx, request_id, turnId)];
  return [requestInsert(trx, { request_id, body_hash, session_id, turn_id: turnId })];
}

function titleOf({ title }: SessionState, { message, attached }: NewTurn): string {
  if (title !== UNTITLED) return title;
  return titleFrom(message.content || (attached.refs[0]?.name ?? ""));
}

function offerOf(request: NewTurn["request"]): Offer {
  const { tools = [], agents = [], companion_tools, environment, workspace_trusted } = request;
  const companion = companion_tools?.length ? { companion: companion_tools } : {};
  return { tools, agents, ...companion, environment, trusted: workspace_trusted !== false };
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
