import { createHash } from "node:crypto";
import { v7 as uuid } from "uuid";
import { insertInstructions, toldOf } from "../../db/tables/instructions.ts";
import { insertMessage } from "../../db/tables/messages.ts";
import { insertOffer } from "../../db/tables/offers.ts";
import { findPlan, setPlan } from "../../db/tables/plans.ts";
import { findRequest, insertRequest, setRequestTurn } from "../../db/tables/requests.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { changeSession, type SessionState, takeLease } from "../../db/tables/sessions.ts";
import {
  endTurn,
  findOpenTurn,
  findTurn,
  insertTurn,
  replaceTurnsFrom,
} from "../../db/tables/turns.ts";
import { DEFAULT_AGENT, findAgent } from "../../domain/agents.ts";
import type { Offer } from "../../domain/offer.ts";
import { titleFrom, UNTITLED } from "../../domain/titles.ts";
import { ChatError } from "../../errors.ts";
import type { AttachmentRef } from "../../protocol/attachments.ts";
import type { ClientMessage, MessageRequest } from "../../protocol/requests.ts";
import type { Sampling } from "../../protocol/sampling.ts";
import { omitUndefined } from "../../shared/json.ts";
import { refuseWhatIsNotTaken, storeAttachments, withStoredData } from "../attachments/data.ts";
import { type ReadAttachments, readAttachments } from "../attachments/read.ts";
import type { AcceptedTurn } from "../chat.ts";
import type { ChatDeps, LeasedTurn } from "../deps.ts";
import { describeOwner, isAbandoned } from "../log/lease-owner.ts";
import type { Writing } from "../log/write-session.ts";
import { closeTurn, ENDINGS } from "./close-turn.ts";
import { switchedChunk } from "./commit-answer.ts";
import { createSession, idOf, knownAgent } from "./create-session.ts";
import { doneUnasked } from "./prompt-messages.ts";

type UserMessage = Extract<ClientMessage, { type: "user_message" }>;
type SwitchAgent = Extract<ClientMessage, { type: "switch_agent" }>;

/**
 * Stores a user's message with its turn and lets the model answer it; a repeated
 * `request_id` gets the turn it made.
 */
export async function startUserTurn(
  deps: ChatDeps,
  request: MessageRequest,
  message: UserMessage,
  sampling: Sampling | null = null,
): Promise<AcceptedTurn> {
  deps.turns.refuseWhenDraining();
  const { attachments = [] } = message;
  const attached = readAttachments(
    await withStoredData(deps.reader, request.session_id, attachments),
  );
  const asked = askedBy(request, attached.refs);
  const known = asked && (await repeatOf(deps, asked));
  if (known?.turn) return known.turn;

  let sessionId = request.session_id ?? known?.sessionId;
  const isNew = sessionId === undefined;
  if (sessionId === undefined) {
    // Before anything is stored: what cannot be answered must not leave an empty session behind.
    refuseWhatIsNotTaken(deps.resolveModel(request.model ?? null), attached.refs);
    refuseEarlierOnes(message);
    try {
      sessionId = await createSession(deps, pick(request), idOf, asked);
    } catch (thrown) {
      // The same request came twice at once and the other was first.
      const other = asked && (await repeatOf(deps, asked));
      if (!other) throw thrown;
      sessionId = other.sessionId;
    }
  }
  const session = sessionId;
  return await deps.lock.with(session, () =>
    acceptMessage(deps, session, request, message, { asked, isNew, sampling, attached }),
  );
}

interface Accepting {
  asked: Asked | undefined;
  isNew: boolean;
  sampling: Sampling | null;
  attached: ReadAttachments;
}

async function acceptMessage(
  deps: ChatDeps,
  sessionId: string,
  request: MessageRequest,
  message: UserMessage,
  { asked, isNew, sampling, attached }: Accepting,
): Promise<AcceptedTurn> {
  const turnId = uuid();
  const offer = offerOf(request);
  const acceptedAt = performance.now();
  let leased: LeasedTurn | undefined;
  const accepted = await deps.write(
    { operation: "add_user_message", sessionId, turnId },
    async (writing): Promise<AcceptedTurn> => {
      leased = undefined;
      const { trx, append, session } = writing;
      const repeat = asked && (await storedRepeat(trx, asked));
      if (repeat?.turn) return repeat.turn;
      if (asked && repeat && repeat.sessionId !== sessionId) throw requestConflict();
      await makeRoom(deps, writing);

      const resolved = deps.resolveModel(request.model ?? session.model);
      refuseWhatIsNotTaken(resolved, attached.refs);
      const model = resolved.id;
      const agentType = agentFor(request.agent_type, session, offer);
      // Made by an earlier try of the same request: nobody has seen its first chunk.
      const after = isNew || repeat ? 0 : session.last_seq;
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
      if (asked && repeat) await setRequestTurn(trx, asked.request_id, turnId);
      else if (asked) {
        await insertRequest(trx, { ...asked, session_id: sessionId, turn_id: turnId });
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
      leased = {
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
      return { session_id: sessionId, turn_id: turnId, after };
    },
  );
  if (leased) deps.turns.launch(leased);
  return accepted;
}

/** A session that is yet to be made has no earlier turns. */
function refuseEarlierOnes({ replaces_turn_id, resume_plan_id }: UserMessage): void {
  if (replaces_turn_id === undefined && resume_plan_id === undefined) return;
  const field = replaces_turn_id === undefined ? "resume_plan_id" : "replaces_turn_id";
  throw new ChatError("invalid_request", `message.${field}: goes with a session_id.`);
}

function offerOf(request: MessageRequest): Offer {
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

function userChunk(
  request: MessageRequest,
  message: UserMessage,
  { model, agentType }: { model: string; agentType: string },
) {
  return {
    type: "user_message",
    content: message.content,
    metadata: omitUndefined({
      model: model,
      agent_type: agentType,
      request_id: request.request_id,
      replaces_turn_id: message.replaces_turn_id,
      resume_plan_id: message.resume_plan_id,
      context: message.context?.map(({ type, label }) => ({ type, label })),
    }),
  } as const;
}

/**
 * A session has one open turn. One that runs keeps its place (`session_busy`), unless its companion
 * is gone; one that waits for the client is closed, since the person went on.
 */
export async function makeRoom(deps: ChatDeps, { trx, append, session }: Writing): Promise<void> {
  const open = await findOpenTurn(trx, session.id);
  if (!open) return;
  const turn = { sessionId: session.id, turnId: open.id };
  if (open.status === "waiting") {
    await closeTurn(trx, append, turn, ENDINGS.superseded);
    return;
  }
  if (!isAbandoned(deps, session)) {
    const ours = session.lease_owner === deps.owner;
    throw new ChatError(
      "session_busy",
      `This session is answering another message (turn ${open.id}, ${ours ? "in this companion" : `in ${describeOwner(session.lease_owner ?? "")}`}, since ${new Date(open.started_at).toISOString()}).`,
      { hint: "Wait for its end or stop it, then send again.", retryAfterSeconds: 1 },
    );
  }
  await closeTurn(trx, append, turn, ENDINGS.server_restarted);
}

/** The switch itself is the whole turn: one committed step that starts and ends it. */
export async function switchAgent(
  deps: ChatDeps,
  request: MessageRequest,
  message: SwitchAgent,
): Promise<AcceptedTurn> {
  deps.turns.refuseWhenDraining();
  const since = performance.now();
  const to = knownAgent(message.agent_type);
  const asked = askedBy(request);
  const known = asked && (await repeatOf(deps, asked));
  if (known?.turn) return known.turn;
  const isNew = request.session_id === undefined;
  const sessionId =
    request.session_id ??
    known?.sessionId ??
    (await createSession(deps, pick(request), idOf, asked));
  return await deps.lock.with(sessionId, async () => {
    const turnId = uuid();
    return await deps.write(
      { operation: "agent_switched", sessionId, turnId },
      async (writing): Promise<AcceptedTurn> => {
        const { trx, append, session } = writing;
        const repeat = asked && (await storedRepeat(trx, asked));
        if (repeat?.turn) return repeat.turn;
        await makeRoom(deps, writing);
        const after = isNew || repeat ? 0 : session.last_seq;
        const model = session.model ?? deps.resolveModel(null).id;
        await insertTurn(trx, {
          id: turnId,
          session_id: sessionId,
          agent_type: to,
          model,
          after_seq: after,
        });
        if (asked && repeat) await setRequestTurn(trx, asked.request_id, turnId);
        else if (asked) {
          await insertRequest(trx, { ...asked, session_id: sessionId, turn_id: turnId });
        }
        await changeSession(trx, sessionId, { agent_type: to });
        const reason = message.reason ?? "chosen by the user";
        await append([
          switchedChunk(session.agent_type, { to, reason, stays: true }),
          await doneUnasked(trx, sessionId, { model, agent_type: to, since }),
        ]);
        await endTurn(trx, turnId, { status: "done" });
        return { session_id: sessionId, turn_id: turnId, after };
      },
    );
  });
}

interface Asked {
  request_id: string;
  body_hash: string;
}

function askedBy(
  request: MessageRequest,
  attachments: readonly AttachmentRef[] = [],
): Asked | undefined {
  if (request.request_id === undefined) return undefined;
  const { agent_type, model } = request;
  const message = { ...request.message, ...(attachments.length > 0 && { attachments }) };
  const body = JSON.stringify([message, agent_type ?? null, model ?? null]);
  return {
    request_id: request.request_id,
    body_hash: createHash("sha256").update(body).digest("hex"),
  };
}

async function repeatOf(deps: ChatDeps, asked: Asked) {
  return await storedRepeat(deps.reader, asked);
}

async function storedRepeat(
  reader: Parameters<typeof findRequest>[0],
  asked: Asked,
): Promise<{ sessionId: string; turn: AcceptedTurn | undefined } | undefined> {
  const stored = await findRequest(reader, asked.request_id);
  if (!stored) return undefined;
  if (stored.body_hash !== asked.body_hash) throw requestConflict();
  const turn = stored.turn_id === null ? undefined : await findTurn(reader, stored.turn_id);
  return {
    sessionId: stored.session_id,
    turn: turn && { session_id: turn.session_id, turn_id: turn.id, after: turn.after_seq },
  };
}

function requestConflict(): ChatError {
  return new ChatError(
    "request_conflict",
    "This request_id was used before, for another message. Nothing was stored.",
    { hint: "Use a new request_id for a new message." },
  );
}

/** An agent of the user's own may be gone since the session had it; the default then answers. */
function agentFor(wanted: string | undefined, session: SessionState, offer: Offer): string {
  if (wanted !== undefined) return knownAgent(wanted, offer.agents);
  return findAgent(session.agent_type, offer.agents) ? session.agent_type : DEFAULT_AGENT;
}

function pick({ agent_type, model, agents }: MessageRequest) {
  return { agent_type, model, agents };
}
