import { v7 as uuid } from "uuid";
import { changeSession, findSession } from "../../db/tables/sessions.ts";
import { endTurn, insertTurn } from "../../db/tables/turns.ts";
import { hideTurnsFrom } from "../../db/tables/versions.ts";
import type { Session } from "../../protocol/responses.ts";
import type { ChatDeps } from "../deps.ts";
import { doneUnasked } from "../turn/prompt-messages.ts";
import { makeRoom } from "./start-turn.ts";

/**
 * The conversation is again what it was before `from` began: that turn and all after it leave it,
 * and stay in the log. Like a switch of the agent this is a turn of its own, over at once. Rejects
 * with `session_busy` or `invalid_request`.
 */
export async function rewindSession(
  deps: ChatDeps,
  sessionId: string,
  from: string,
): Promise<Session> {
  deps.turns.refuseWhenDraining();
  const since = performance.now();
  return await deps.lock.with(sessionId, async () => {
    const turnId = uuid();
    const step = { operation: "rewind_session", sessionId, turnId } as const;
    return await deps.write(step, async (writing) => {
      const { trx, append, session } = writing;
      await makeRoom(deps, writing);
      const { agent_type } = session;
      const model = session.model ?? deps.resolveModel(null).id;
      const turn = { id: turnId, session_id: sessionId, agent_type, model };
      await insertTurn(trx, { ...turn, after_seq: session.last_seq });
      await hideTurnsFrom(trx, sessionId, from, turnId);
      await changeSession(trx, sessionId, {});
      await append([
        { type: "status", metadata: { state: "rewound", replaces_turn_id: from } },
        await doneUnasked(trx, sessionId, { model, agent_type, since }),
      ]);
      await endTurn(trx, turnId, { status: "done" });
      return await findSession(trx, sessionId);
    });
  });
}
