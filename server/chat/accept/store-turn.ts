import { insertsOf, type NewRows } from "../../db/commit/new-rows.ts";
import { instructionRows, sentInstructions, toldOf } from "../../db/tables/instructions.ts";
import { messageRow } from "../../db/tables/messages.ts";
import { offerRow } from "../../db/tables/offers.ts";
import { findPlan, setPlan } from "../../db/tables/plans.ts";
import { requestRow, requestTurnUpdate } from "../../db/tables/requests.ts";
import type { Trx } from "../../db/tables/schema.ts";
import {
  leaseOf,
  lockedUpdate,
  type NewSession,
  type SessionState,
  sessionRow,
} from "../../db/tables/sessions.ts";
import { together } from "../../db/tables/together.ts";
import { turnRow } from "../../db/tables/turns.ts";
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
import type { Asked } from "../log/asked.ts";
import type { NumberChunks, NumberedChunks, Writing } from "../log/write-session.ts";
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
  asked: (Asked & { known: boolean }) | undefined;
}

/**
 * A turn with its message, in the caller's transaction, and the lease under which it runs. Whatever
 * is refused throws, and nothing is stored. Rows that depend on nothing stored but the locked
 * session are one statement.
 */
export async function storeTurn(
  deps: TurnDeps,
  { trx, number, session }: Writing,
  turn: NewTurn,
): Promise<LeasedTurn> {
  const { turnId, message, attached, request } = turn;
  const sessionId = session.id;
  const { rows, columns, leased } = turnRows(deps, session, turn, (said) =>
    number(session.last_seq, said),
  );
  const update = lockedUpdate(trx, sessionId, {
    ...columns,
    // Whoever writes in it has it in the list again.
    archived_at: null,
    // Undefined leaves the column as it is.
    workspace: request.workspace,
  }).returning("lease_fence");
  const known = turn.asked?.known ? [requestTurnUpdate(trx, turn.asked.request_id, turnId)] : [];
  const inserts = insertsOf(trx, rows);
  const stored = await together<{ lease_fence: number }>(trx, [...inserts, ...known, update]);
  if (message.resume_plan_id !== undefined) {
    await resumePlan(trx, sessionId, message.resume_plan_id, turnId);
  }
  if (message.replaces_turn_id !== undefined) {
    await replaceTurnsFrom(trx, sessionId, message.replaces_turn_id, turnId);
  }
  await storeAttachments(trx, sessionId, attached.blobs);
  return { ...leased, fence: stored.rows[0]?.lease_fence ?? 0 };
}

/** The same of a chat that begins with it: all its rows are new. */
export function newChatRows(
  deps: TurnDeps,
  made: NewSession,
  turn: NewTurn,
  number: NumberSaid,
): { rows: NewRows; leased: LeasedTurn } {
  const { rows, columns, leased, question } = turnRows(
    deps,
    { ...made, last_seq: 0 },
    turn,
    (said) => number([{ chunk: sessionInfo(made) }, ...said]),
  );
  const session = sessionRow({
    ...columns,
    id: made.id,
    lease_fence: 1,
    title_tries: made.title_tries ?? 0,
    workspace: leased.workspace,
  });
  return {
    rows: { ...rows, sessions: [session] },
    leased: { ...leased, fence: session.lease_fence, begins: question },
  };
}

type TurnDeps = Pick<ChatDeps, "resolveModel" | "owner" | "reader">;
type Begun = Pick<SessionState, "id" | "title" | "agent_type" | "model" | "last_seq">;
type NumberSaid = (said: Parameters<NumberChunks>[1]) => NumberedChunks;

function turnRows(deps: TurnDeps, session: Begun, turn: NewTurn, number: NumberSaid) {
  const { turnId, after, acceptedAt, request, message, attached, sampling, asked } = turn;
  const sessionId = session.id;
  const offer = offerOf(request);
  const resolved = deps.resolveModel(request.model ?? session.model);
  refuseWhatIsNotTaken(resolved, attached.refs);
  const model = resolved.id;
  const agentType = agentFor(request.agent_type, session, offer);
  const offered = request.instructions ?? [];
  const carried = {
    ...(offered.length > 0 && { instructions: sentInstructions(offered) }),
    ...(attached.refs.length > 0 && { attachments: attached.refs }),
  };
  const said = userChunk(request, message, { model, agentType });
  const numbered = number([
    { chunk: { ...said, metadata: { ...said.metadata, ...carried } }, turnId },
  ]);
  const lastSeq = numbered.columns.last_seq;
  const place = { session_id: sessionId, turn_id: turnId, position: lastSeq };
  const question = messageRow(userMessage(place, message, carried));
  const clientId = request.client_id ?? null;
  const workspace = request.workspace ?? null;
  const offerOfTurn = offerRow(sessionId, offer);
  const rows: NewRows = {
    offers: offerOfTurn ? [offerOfTurn] : [],
    instructions: instructionRows(sessionId, offered),
    turns: [
      turnRow({
        id: turnId,
        session_id: sessionId,
        agent_type: agentType,
        model,
        after_seq: after,
        offer_id: offerOfTurn?.id ?? null,
        client_id: clientId,
        workspace,
        sampling: sampling && JSON.stringify(sampling),
      }),
    ],
    requests: asked && !asked.known ? [requestOf(asked, sessionId, turnId)] : [],
    chunks: numbered.rows,
    messages: [question],
  };
  const columns = {
    ...numbered.columns,
    ...leaseOf(deps.reader, deps.owner),
    agent_type: agentType,
    model: request.model === undefined ? session.model : model,
    title: titleOf(session, turn),
  };
  const leased = {
    sessionId,
    turnId,
    lastSeq,
    agentType,
    model,
    offer,
    instructions: toldOf(offered),
    sampling,
    clientId,
    workspace,
    steps: 0,
    switches: 0,
    usage: undefined,
    acceptedAt,
  };
  return { rows, columns, leased, question };
}

function requestOf({ request_id, body_hash }: Asked, session_id: string, turn_id: string) {
  return requestRow({ request_id, body_hash, session_id, turn_id });
}

function titleOf({ title }: Begun, { message, attached }: NewTurn): string {
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
function agentFor(wanted: string | undefined, session: Begun, offer: Offer): string {
  if (wanted !== undefined) return knownAgent(wanted, offer.agents);
  return findAgent(session.agent_type, offer.agents) ? session.agent_type : DEFAULT_AGENT;
}
