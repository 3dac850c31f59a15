import { revokeTool } from "../../db/tables/calls/tool-rules.ts";
import { findOpenTurn } from "../../db/tables/turns.ts";
import type { ChatDeps } from "../deps.ts";
import { refuseWhileRunning } from "../log/refuse-while-running.ts";

/**
 * A tool that a person has allowed for the session asks again from its next call on, wherever it
 * works. Takes effect once, however often it is said. Rejects with `not_found`, and with
 * `session_busy` while an answer is written.
 */
export async function revokeToolRule(
  deps: ChatDeps,
  sessionId: string,
  toolName: string,
): Promise<void> {
  await deps.write({ operation: "ask_again", sessionId }, async ({ trx, append }) => {
    refuseWhileRunning((await findOpenTurn(trx, sessionId))?.status);
    if (!(await revokeTool(trx, sessionId, toolName))) return;
    await append([{ type: "status", tool_name: toolName, metadata: { state: "tool_asks_again" } }]);
  });
}
