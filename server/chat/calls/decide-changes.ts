import { metadataOf, setMetadata, turnMessages } from "../../db/tables/messages.ts";
import { findOpenTurn } from "../../db/tables/turns.ts";
import { ChatError } from "../../errors.ts";
import type { DecidedHunks } from "../../protocol/changes.ts";
import type { DecideChangesRequest } from "../../protocol/served-requests.ts";
import type { ChatDeps } from "../deps.ts";
import { refuseWhileRunning } from "../log/refuse-while-running.ts";

/**
 * A person's word on what a turn has changed in a file. Places that were decided so before stay
 * as they are: the same again changes nothing. Of what was undone the model is told from its next
 * step on. Rejects with `not_found`, and with `session_busy` while a turn is open.
 */
export async function decideChanges(
  deps: ChatDeps,
  sessionId: string,
  turnId: string,
  { path, decision, hunks, ...left }: DecideChangesRequest,
): Promise<void> {
  const step = { operation: "decide_changes", sessionId } as const;
  await deps.write(step, async ({ trx, append }) => {
    if (await findOpenTurn(trx, sessionId)) refuseWhileRunning("running");
    const message = (await turnMessages(trx, turnId)).findLast(
      (one) => one.session_id === sessionId && metadataOf(one).changed?.path === path,
    );
    if (!message) throw new ChatError("not_found", "This turn has changed no such file.");
    const metadata = metadataOf(message);
    const decided: DecidedHunks = { ...metadata.decided };
    const fresh = hunks.filter((hunk) => (decided[hunk] ?? "open") !== decision);
    if (fresh.length === 0) return;
    for (const hunk of fresh) {
      if (decision === "open") delete decided[hunk];
      else decided[hunk] = decision;
    }
    await setMetadata(trx, message.id, { ...metadata, decided });
    const count = (what: string): number =>
      Object.values(decided).filter((one) => one === what).length;
    const now = { kept: count("keep"), undone: count("undo"), ...left };
    const said = { changed_turn_id: turnId, path, decision, hunks: fresh, ...now };
    await append([{ type: "status", metadata: { state: "change_decided", ...said } }]);
  });
}
