// A chat that was deleted can be brought back for some days; then it is removed for good.
import { setTimeout as delay } from "node:timers/promises";
import {
  deletedBefore,
  giveUpSession,
  hideSession,
  isDeleted,
  listDeleted,
  removeSession,
  showSession,
} from "../../db/tables/deleted-sessions.ts";
import { appendsEnded } from "../../db/tables/epochs.ts";
import { findSession } from "../../db/tables/sessions.ts";
import { ChatError } from "../../errors.ts";
import type { DeletedSessionList, Session } from "../../protocol/responses.ts";
import { every, type Repeating } from "../../shared/every.ts";
import type { ChatDeps } from "../deps.ts";

const DAY_MS = 86_400_000;
const LOOK_MS = 600_000;
const FIRST_LOOK_MS = 60_000;
const REMOVED_AT_ONCE = 100;
/** Between two of them, so that streams go first. */
const REST_MS = 20;
const LISTED = 200;
/** Of who waits for a chat to be removed. */
const PATIENCE_MS = 2_000;

/**
 * `forGood`: it cannot be brought back, also if it was deleted before. Where an append hangs
 * (`appendsEnded`), its rows are removed in the background, later.
 */
export async function deleteSession(
  deps: ChatDeps,
  sessionId: string,
  forGood: boolean,
): Promise<void> {
  await deps.turns.cancel(sessionId);
  const keeps = deps.keepDeletedDays > 0 && !forGood;
  const uow = deps.newUnitOfWork({ sessionId });
  await uow.commit("delete_session", async (trx, afterCommit) => {
    if (keeps || !(await isDeleted(trx, sessionId))) await hideSession(trx, sessionId);
    if (!keeps) await giveUpSession(trx, sessionId);
    afterCommit(() => {
      deps.hub.announceGone(sessionId);
      deps.peers.look(sessionId);
    });
  });
  if (keeps) return;
  try {
    await appendsEnded(deps.reader, PATIENCE_MS);
  } catch (err) {
    if (!(err instanceof ChatError && err.code === "session_busy")) throw err;
    deps.log.warn({ err, session_id: sessionId }, "a deleted chat is removed later");
    return;
  }
  await purge(deps, sessionId, Number.MAX_SAFE_INTEGER);
}

/** Takes effect once; a chat that is not deleted stays as it is. Rejects with `not_found`. */
export async function restoreSession(
  { newUnitOfWork }: Pick<ChatDeps, "newUnitOfWork">,
  sessionId: string,
): Promise<Session> {
  return await newUnitOfWork({ sessionId }).commit("restore_session", async (trx) => {
    await showSession(trx, sessionId);
    return await findSession(trx, sessionId);
  });
}

export async function listDeletedSessions({
  reader,
  keepDeletedDays,
}: ChatDeps): Promise<DeletedSessionList> {
  return { sessions: await listDeleted(reader, LISTED), kept_days: keepDeletedDays };
}

type PurgeDeps = Pick<ChatDeps, "newUnitOfWork" | "reader" | "log" | "closing" | "keepDeletedDays">;

/** Removes for good what was deleted so many days ago, for as long as the companion lives. */
export function purgeInBackground(deps: PurgeDeps): Repeating {
  return every(
    LOOK_MS,
    () => purgeDeleted(deps, Date.now()),
    (err) => deps.log.warn({ err }, "chats that were deleted long ago could not be removed"),
    FIRST_LOOK_MS,
  );
}

/** Resolves with their number. */
export async function purgeDeleted(deps: PurgeDeps, now: number): Promise<number> {
  const { reader, closing, keepDeletedDays, log } = deps;
  const before = now - keepDeletedDays * DAY_MS;
  let removed = 0;
  while (!closing.aborted) {
    const ids = await deletedBefore(reader, before, REMOVED_AT_ONCE);
    if (ids.length > 0) await appendsEnded(reader);
    for (const id of ids) {
      if (closing.aborted) break;
      await purge(deps, id, before);
      removed++;
      await delay(REST_MS);
    }
    if (ids.length < REMOVED_AT_ONCE) break;
  }
  if (removed > 0) log.info({ chats: removed }, "chats that were deleted long ago are removed");
  return removed;
}

async function purge({ newUnitOfWork }: PurgeDeps, id: string, before: number): Promise<void> {
  try {
    await newUnitOfWork({ sessionId: id }).commit("purge_session", (trx) =>
      removeSession(trx, id, before),
    );
  } catch (thrown) {
    // Brought back, or removed by another companion, meanwhile.
    if (thrown instanceof ChatError && thrown.code === "not_found") return;
    throw thrown;
  }
}
