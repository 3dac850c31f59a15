import { v7 as uuid } from "uuid";
import { findQueued, queueOf } from "../../db/tables/queue.ts";
import { insertRequest, setRequestTurn } from "../../db/tables/requests.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { changeSession, type NewSession } from "../../db/tables/sessions.ts";
import { endTurn, findOpenTurn, insertTurn } from "../../db/tables/turns.ts";
import { ChatError } from "../../errors.ts";
import type { ClientMessage, MessageRequest } from "../../protocol/requests.ts";
import type { Sampling } from "../../protocol/sampling.ts";
import {
  refuseWhatIsNotTaken,
  storeAttachments,
  withStoredData,
} from "../attachments/attachment-data.ts";
import { type ReadAttachments, readAttachments } from "../attachments/read-attachments.ts";
import type { AcceptedTurn } from "../chat.ts";
import type { ChatDeps, LeasedTurn } from "../deps.ts";
import { type Asked, askedBy, requestConflict, storedRepeat } from "../log/asked.ts";
import { describeOwner, isAbandoned } from "../log/lease-owner.ts";
import { beginSession, type Writing } from "../log/write-session.ts";
import { closeTurn, ENDINGS } from "../turn/close-turn.ts";
import { switchedChunk } from "../turn/commit-answer.ts";
import { doneUnasked } from "../turn/prompt-messages.ts";
import { createSession, idOf, knownAgent, newSession } from "./create-session.ts";
import { type NewTurn, newChatRows, storeTurn } from "./store-turn.ts";

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
  return await deps.turns.begin(() => startTurn(deps, request, message, sampling));
}

async function startTurn(
  deps: ChatDeps,
  request: MessageRequest,
  message: UserMessage,
  sampling: Sampling | null,
): Promise<AcceptedTurn> {
  const { attachments = [] } = message;
  const attached = readAttachments(
    await withStoredData(deps.reader, request.session_id, attachments),
  );
  const asked = askedBy(request, attached.refs);
  const known = asked && (await storedRepeat(deps.reader, asked));
  if (known?.turn) return known.turn;

  const accept = (place: Place) =>
    acceptMessage(deps, place, request, message, { asked, sampling, attached });
  const sessionId = request.session_id ?? known?.sessionId;
  if (sessionId !== undefined) {
    return await deps.lock.with(sessionId, () => accept({ sessionId, turnId: uuid() }));
  }
  // Before anything is stored: what cannot be answered must not leave an empty session behind.
  refuseWhatIsNotTaken(deps.resolveModel(request.model ?? null), attached.refs);
  refuseEarlierOnes(message);
  const made = newSession(pick(request));
  const place: Place = { sessionId: made.id, turnId: uuid(), made };
  try {
    return await accept(place);
  } catch (thrown) {
    // The same request came twice at once and the other was first.
    const other = asked && (await storedRepeat(deps.reader, asked));
    if (!other) throw thrown;
    if (!other.turn) {
      const { sessionId } = other;
      return await deps.lock.with(sessionId, () => accept({ sessionId, turnId: uuid() }));
    }
    // Nobody said that our own had been stored.
    if (place.leased && other.turn.turn_id === place.turnId) deps.turns.launch(place.leased);
    return other.turn;
  }
}

/** Where a message goes; `made`: the session that begins with it. */
interface Place {
  sessionId: string;
  turnId: string;
  made?: NewSession;
  /** Once it is stored: the turn, to be run. */
  leased?: LeasedTurn;
}

interface Accepting {
  asked: Asked | undefined;
  sampling: Sampling | null;
  attached: ReadAttachments;
}

async function acceptMessage(
  deps: ChatDeps,
  place: Place,
  request: MessageRequest,
  message: UserMessage,
  { asked, sampling, attached }: Accepting,
): Promise<AcceptedTurn> {
  const { sessionId, turnId, made } = place;
  const acceptedAt = performance.now();
  const begun = { turnId, acceptedAt, request, message, attached, sampling };
  if (made) {
    const turn = { ...begun, after: 0, asked: asked && { ...asked, known: false } };
    return await beginChat(deps, place, made, turn);
  }
  const accepted = await deps.write(
    { operation: "add_user_message", sessionId, turnId },
    async (writing): Promise<AcceptedTurn> => {
      delete place.leased;
      const { trx, session } = writing;
      const repeat = asked && (await storedRepeat(trx, asked));
      if (repeat?.turn) return repeat.turn;
      if (asked && repeat && repeat.sessionId !== sessionId) throw requestConflict();
      if (repeat && (await findQueued(trx, sessionId, asked.request_id))) throw canWait();
      if (request.when_busy !== undefined && (await isBusy(trx, sessionId))) throw canWait();
      await makeRoom(deps, writing);

      // Made by an earlier try of the same request: nobody has seen its first chunk.
      const after = repeat ? 0 : session.last_seq;
      const known = repeat !== undefined;
      const next = { ...begun, after, asked: asked && { ...asked, known } };
      place.leased = await storeTurn(deps, writing, next);
      return { session_id: sessionId, turn_id: turnId, after };
    },
  );
  if (place.leased) deps.turns.launch(place.leased);
  return accepted;
}

/** All rows of a new chat are new, so it is stored with those that begin at the same moment. */
async function beginChat(
  deps: ChatDeps,
  place: Place,
  made: NewSession,
  turn: NewTurn,
): Promise<AcceptedTurn> {
  const { sessionId, turnId } = place;
  const { blobs } = turn.attached;
  const begun = await beginSession(
    deps.hub,
    deps.newUnitOfWork({ sessionId, turnId }),
    { operation: "add_user_message", sessionId },
    (number) => {
      const { rows, leased } = newChatRows(deps, made, turn, number);
      place.leased = leased;
      return rows;
    },
    blobs.length > 0 ? (trx) => storeAttachments(trx, sessionId, blobs) : undefined,
  );
  if (place.leased) deps.turns.launch(place.leased);
  return { session_id: sessionId, turn_id: turnId, after: 0, begun };
}

/** Whether a message has to wait: for an answer, or for one that was there before it. */
export async function isBusy(trx: Trx, sessionId: string): Promise<boolean> {
  if (await findOpenTurn(trx, sessionId)) return true;
  return (await queueOf(trx, sessionId)).some(({ held }) => held === null);
}

/** It waits in the queue, or can: somebody else was first. */
function canWait(): ChatError {
  return new ChatError("session_busy", "This session is answering a message.", {
    hint: "Wait for its end or stop it, then send again.",
    retryAfterSeconds: 1,
  });
}

/** A session that is yet to be made has no earlier turns. */
function refuseEarlierOnes({ replaces_turn_id, resume_plan_id }: UserMessage): void {
  if (replaces_turn_id === undefined && resume_plan_id === undefined) return;
  const field = replaces_turn_id === undefined ? "resume_plan_id" : "replaces_turn_id";
  throw new ChatError("invalid_request", `message.${field}: goes with a session_id.`);
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
  const known = asked && (await storedRepeat(deps.reader, asked));
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

function pick({ agent_type, model, agents }: MessageRequest) {
  return { agent_type, model, agents };
}
