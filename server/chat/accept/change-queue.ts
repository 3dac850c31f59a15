// What people do about messages that wait.
import {
  bodyOf,
  changeQueued,
  findQueued,
  holdQueue,
  type QueuedRow,
  queueOf,
  releaseQueue,
  removeQueued,
  toQueued,
} from "../../db/tables/queue.ts";
import { findRequest, takeRequestBack } from "../../db/tables/requests.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { ChatError } from "../../errors.ts";
import type { ChangeQueuedRequest, TakenBack } from "../../protocol/requests.ts";
import type { SentNow } from "../../protocol/responses.ts";
import type { QueuedMessage } from "../../protocol/stream-events.ts";
import type { ChatDeps } from "../deps.ts";
import { announceQueue } from "./queue-message.ts";
import { sendNext } from "./send-queued.ts";

const LOOK_AGAIN = "Look at the queue as it is now.";

/** Rejects with `queue_changed` where it was sent, taken back or changed in the meantime. */
export async function editQueued(
  deps: ChatDeps,
  sessionId: string,
  id: string,
  { version, content }: ChangeQueuedRequest,
): Promise<QueuedMessage> {
  return await change(deps, sessionId, async (trx) => {
    const row = (await findQueued(trx, sessionId, id)) ?? (await throwGone(trx, sessionId, id));
    const body = bodyOf(row);
    // Also the same again, whose answer was lost.
    if (body.message.content === content) return toQueued(row);
    if (row.version !== version) {
      throw new ChatError("queue_changed", "This message was changed elsewhere.", {
        hint: LOOK_AGAIN,
      });
    }
    if (content === "" && body.attachments.length === 0) {
      throw new ChatError("invalid_request", "content: needs text, or something attached.");
    }
    const next = JSON.stringify({ ...body, message: { ...body.message, content } });
    await changeQueued(trx, row, { body: next });
    return toQueued({ ...row, body: next, version: version + 1 });
  });
}

/**
 * Takes effect once; undefined where it was taken back before. Rejects with `queue_changed` where
 * it was sent in the meantime.
 */
export async function takeBack(
  deps: ChatDeps,
  sessionId: string,
  id: string,
): Promise<TakenBack | undefined> {
  return await change(deps, sessionId, async (trx) => {
    const row = await findQueued(trx, sessionId, id);
    const asked = await findRequest(trx, id);
    if (!row) {
      if (asked?.session_id !== sessionId || asked.turn_id !== null) {
        await throwGone(trx, sessionId, id);
      }
      return undefined;
    }
    await removeQueued(trx, row);
    // The same request, come late, must not bring it back.
    if (asked) await takeRequestBack(trx, asked);
    const { message, attachments } = bodyOf(row);
    const { content, context } = message;
    return { content, ...(context && { context }), ...(attachments.length > 0 && { attachments }) };
  });
}

/**
 * Now: the running turn reads it at its next step; without one it is sent. Rejects with what
 * it is refused for, and stays.
 */
export async function sendNow(deps: ChatDeps, sessionId: string, id: string): Promise<SentNow> {
  const isThere = await change(deps, sessionId, async (trx) => {
    const row = await findQueued(trx, sessionId, id);
    if (!row) {
      const asked = await findRequest(trx, id);
      if (asked?.session_id === sessionId && asked.turn_id !== null) return false;
      return await throwGone(trx, sessionId, id);
    }
    if (row.steers === 0 || row.held !== null) {
      await changeQueued(trx, row, { steers: 1, held: null });
    }
    return true;
  });
  if (!isThere) return { state: "sent" };
  await sendNext(deps, sessionId);
  const row = await findQueued(deps.reader, sessionId, id);
  return { state: row ? "queued" : "sent" };
}

/** What was held is sent again by itself. Rejects with what the first is refused for. */
export async function resumeQueue(deps: ChatDeps, sessionId: string): Promise<void> {
  await change(deps, sessionId, (trx) => releaseQueue(trx, sessionId));
  await sendNext(deps, sessionId);
}

/**
 * Who stops an answer stops what waits behind it, too: stored before the answer is told to stop,
 * so that nothing is sent in between.
 */
export async function stopQueue(deps: ChatDeps, sessionId: string): Promise<void> {
  const queue = await queueOf(deps.reader, sessionId);
  if (queue.every(({ held }) => held !== null)) return;
  await change(deps, sessionId, (trx) => holdQueue(trx, sessionId, "stopped"));
}

async function change<T>(
  deps: ChatDeps,
  sessionId: string,
  work: (trx: Trx) => Promise<T>,
): Promise<T> {
  const result = await deps.lock.with(sessionId, () =>
    deps.write({ operation: "change_queue", sessionId }, ({ trx }) => work(trx)),
  );
  announceQueue(deps, sessionId);
  return result;
}

async function throwGone(trx: Trx, sessionId: string, id: string): Promise<QueuedRow> {
  const asked = await findRequest(trx, id);
  if (asked?.session_id !== sessionId) {
    throw new ChatError("not_found", "There is nothing at this address.");
  }
  const said =
    asked.turn_id === null ? "This message was taken back." : "This message was sent already.";
  throw new ChatError("queue_changed", said, {
    hint: LOOK_AGAIN,
  });
}
