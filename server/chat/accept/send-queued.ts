import { v7 as uuid } from "uuid";
import { bodyOf, holdQueue, idleQueues, queueOf, removeQueued } from "../../db/tables/queue.ts";
import { findOpenTurn } from "../../db/tables/turns.ts";
import { ChatError } from "../../errors.ts";
import { withoutTrace } from "../../observe/trace-context.ts";
import type { ErrorCode } from "../../protocol/errors.ts";
import { every, type Repeating } from "../../shared/every.ts";
import type { ChatDeps, LeasedTurn } from "../deps.ts";
import type { Writing } from "../log/write-session.ts";
import { storeTurn } from "./store-turn.ts";

/** For what nobody could send at once: storing failed, a key was missing, a companion is gone. */
const LOOK_MS = 5_000;

/** Of the message itself: trying again would not help. */
const REFUSED: readonly ErrorCode[] = ["invalid_request", "model_unknown", "payload_too_large"];

/**
 * Sends the next message that waits, if nothing runs. Never rejects: what cannot be sent now stays
 * and is tried again, what never can waits for a person.
 */
export async function sendQueued(deps: ChatDeps, sessionId: string): Promise<void> {
  try {
    await withoutTrace(() => sendNext(deps, sessionId));
  } catch (err) {
    deps.log.info({ err, session_id: sessionId }, "a message that waits could not be sent yet");
  }
}

/** As `sendQueued`, for who is told why it cannot be sent. */
export async function sendNext(deps: ChatDeps, sessionId: string): Promise<void> {
  if (deps.turns.draining) return;
  const queue = await queueOf(deps.reader, sessionId);
  if (queue.every(({ held }) => held !== null)) return;
  const send = () =>
    deps.lock.with(sessionId, async () => {
      const turnId = uuid();
      const acceptedAt = performance.now();
      let leased: LeasedTurn | undefined;
      try {
        await deps.write({ operation: "send_queued", sessionId, turnId }, async (writing) => {
          leased = undefined;
          leased = await takeNext(deps, writing, turnId, acceptedAt);
        });
      } catch (thrown) {
        if (isRefusal(thrown)) await hold(deps, sessionId);
        throw thrown;
      }
      if (leased) deps.turns.launch(leased);
    });
  await deps.turns.begin(send);
}

/** The message leaves the queue in the transaction that stores its turn. */
async function takeNext(
  deps: ChatDeps,
  writing: Writing,
  turnId: string,
  acceptedAt: number,
): Promise<LeasedTurn | undefined> {
  const { trx, session } = writing;
  if (await findOpenTurn(trx, session.id)) return undefined;
  const row = (await queueOf(trx, session.id)).find(({ held }) => held === null);
  if (!row) return undefined;
  const { request, message, attachments: refs } = bodyOf(row);
  await removeQueued(trx, row);
  return await storeTurn(deps, writing, {
    turnId,
    after: session.last_seq,
    acceptedAt,
    request,
    message,
    attached: { refs, blobs: [] },
    sampling: null,
    asked: { request_id: row.id, body_hash: "", known: true },
  });
}

function isRefusal(thrown: unknown): boolean {
  return thrown instanceof ChatError && REFUSED.includes(thrown.code);
}

/** All of it, since those behind may build on the one that was refused. */
async function hold(deps: ChatDeps, sessionId: string): Promise<void> {
  await deps.write({ operation: "change_queue", sessionId }, async ({ trx, session }) => {
    await holdQueue(trx, session.id, "refused");
  });
  deps.hub.announceQueue(sessionId);
  deps.peers.look(sessionId);
}

/** In every session where something waits and nothing runs. */
export async function sendIdleQueues(deps: ChatDeps): Promise<void> {
  if (deps.turns.draining) return;
  for (const sessionId of await idleQueues(deps.reader)) await sendQueued(deps, sessionId);
}

/** At once what a companion that is gone has left, then from time to time. */
export function watchQueues(deps: ChatDeps): Repeating {
  const warn = (err: unknown): void => deps.log.warn({ err }, "the queues could not be looked at");
  return every(LOOK_MS, () => sendIdleQueues(deps), warn, 0);
}
