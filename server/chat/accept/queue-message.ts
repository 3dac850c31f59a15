// A message that comes while an answer runs is stored at once, and sent when that has ended.
import {
  findQueued,
  insertQueued,
  type QueuedRow,
  queueOf,
  toQueued,
} from "../../db/tables/queue.ts";
import { insertRequest } from "../../db/tables/requests.ts";
import { ChatError } from "../../errors.ts";
import type { ClientMessage, MessageRequest } from "../../protocol/requests.ts";
import { MAX_QUEUED } from "../../protocol/requests.ts";
import { type Queued } from "../../protocol/responses.ts";
import {
  refuseWhatIsNotTaken,
  storeAttachments,
  withStoredData,
} from "../attachments/attachment-data.ts";
import { readAttachments } from "../attachments/read-attachments.ts";
import type { ChatDeps } from "../deps.ts";
import { type Asked, askedBy, requestConflict, storedRepeat } from "../log/asked.ts";
import type { Writing } from "../log/write-session.ts";
import { knownAgent } from "./create-session.ts";
import { sendQueued } from "./send-queued.ts";
import { isBusy } from "./start-turn.ts";

type UserMessage = Extract<ClientMessage, { type: "user_message" }>;

/** A message, and what of it is known. */
interface ToQueue {
  request: MessageRequest;
  message: UserMessage;
  asked: Asked;
  attached: ReturnType<typeof readAttachments>;
}

/**
 * Stores a message that has to wait; the same again finds it there. Undefined, and nothing is
 * stored: it need not wait, or was sent before. Rejects with `queue_full` and with what the
 * message itself would be refused for.
 */
export async function queueMessage(
  deps: ChatDeps,
  request: MessageRequest,
  message: UserMessage,
): Promise<Queued | undefined> {
  deps.turns.refuseWhenDraining();
  const { session_id: sessionId } = request;
  if (sessionId === undefined) return undefined;
  const { attachments = [] } = message;
  const attached = readAttachments(await withStoredData(deps.reader, sessionId, attachments));
  const asked = askedBy(request, attached.refs);
  if (!asked) return undefined;
  const row = await deps.lock.with(sessionId, () =>
    deps.write({ operation: "queue_message", sessionId }, (writing) =>
      storeIfBusy(deps, writing, { request, message, asked, attached }),
    ),
  );
  if (!row) return undefined;
  announceQueue(deps, sessionId);
  // What it waits for may have ended in between.
  void sendQueued(deps, sessionId);
  return { type: "queued", session_id: sessionId, message: toQueued(row) };
}

async function storeIfBusy(
  deps: ChatDeps,
  { trx, session }: Writing,
  { request, message, asked, attached }: ToQueue,
): Promise<QueuedRow | undefined> {
  const { id: sessionId } = session;
  const repeat = await storedRepeat(trx, asked);
  if (repeat) {
    if (repeat.sessionId !== sessionId) throw requestConflict();
    return await findQueued(trx, sessionId, asked.request_id);
  }
  if (!(await isBusy(trx, sessionId))) return undefined;
  const queue = await queueOf(trx, sessionId);
  if (queue.length >= MAX_QUEUED) throw queueFull();
  refuseWhatIsNotTaken(deps.resolveModel(request.model ?? session.model), attached.refs);
  if (request.agent_type !== undefined) knownAgent(request.agent_type, request.agents);
  await storeAttachments(trx, sessionId, attached.blobs);
  await insertRequest(trx, { ...asked, session_id: sessionId, turn_id: null });
  const { message: _message, session_id: _session, when_busy, ...rest } = request;
  const { attachments: _attachments, ...said } = message;
  await insertQueued(trx, {
    session_id: sessionId,
    id: asked.request_id,
    position: Math.max(0, ...queue.map(({ position }) => position)) + 1,
    body: JSON.stringify({ request: rest, message: said, attachments: attached.refs }),
    steers: when_busy === "steer" ? 1 : 0,
  });
  return await findQueued(trx, sessionId, asked.request_id);
}

/** To who reads the session, here and elsewhere. */
export function announceQueue({ hub, peers }: ChatDeps, sessionId: string): void {
  hub.announceQueue(sessionId);
  peers.look(sessionId);
}

function queueFull(): ChatError {
  return new ChatError("queue_full", `${MAX_QUEUED} messages wait in this chat already.`, {
    hint: "Nothing was stored. Wait for some answers to end, then send again.",
  });
}
