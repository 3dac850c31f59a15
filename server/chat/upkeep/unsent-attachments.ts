// What went only with messages that were taken back before they were sent. Whoever took one back
// has its attachments by their hash and may send them again, so they stay for some days.
import { setTimeout as delay } from "node:timers/promises";
import { removeUnsent, sessionsWithUnsent } from "../../db/tables/unsent-attachments.ts";
import { ChatError } from "../../errors.ts";
import { every, type Repeating } from "../../shared/every.ts";
import type { ChatDeps } from "../deps.ts";

const KEPT_MS = 7 * 86_400_000;
const LOOK_MS = 3_600_000;
const FIRST_LOOK_MS = 90_000;
const REMOVED_AT_ONCE = 100;
/** Between two of them, so that streams go first. */
const REST_MS = 20;

type UnsentDeps = Pick<ChatDeps, "database" | "write" | "log" | "closing">;

/** For as long as the companion lives. */
export function removeUnsentInBackground(deps: UnsentDeps): Repeating {
  return every(
    LOOK_MS,
    () => removeUnsentAttachments(deps, Date.now()),
    (err) => deps.log.warn({ err }, "attachments that were never sent could not be removed"),
    FIRST_LOOK_MS,
  );
}

export async function removeUnsentAttachments(deps: UnsentDeps, now: number): Promise<void> {
  const before = now - KEPT_MS;
  // Beside the event loop of SQLite: it looks at all attachments.
  const { slowReader } = deps.database;
  for (const sessionId of await sessionsWithUnsent(slowReader, before, REMOVED_AT_ONCE)) {
    if (deps.closing.aborted) return;
    try {
      // Who queues or sends one of them again waits for this, and stores it anew.
      await deps.write({ operation: "remove_unsent", sessionId }, ({ trx }) =>
        removeUnsent(trx, sessionId, before),
      );
    } catch (thrown) {
      // Deleted meanwhile: they go with the chat.
      if (!(thrown instanceof ChatError && thrown.code === "not_found")) throw thrown;
    }
    await delay(REST_MS);
  }
}
