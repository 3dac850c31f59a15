import { v7 as uuid } from "uuid";
import { changeSession, findSession, lockSession } from "../../db/tables/sessions.ts";
import { endTurn, insertTurn, replaceTurnsFrom } from "../../db/tables/turns.ts";
import type { Session } from "../../protocol/responses.ts";
import { writeSession } from "../log/write-session.ts";
import { makeRoom, type StartDeps } from "./start-turn.ts";

/**
 * The conversation is again what it was before `from` began: that turn and all after it leave it, and stay in the log.
 * Like a switch of the agent this is a turn of its own, over at once. Rejects with `session_busy` or `invalid_request`.
 */
export async function rewindSession(
  deps: StartDeps,
  sessionId: string,
  from: string,
): Promise<Session> {
  deps.turns.refuseWhenDraining();
  return await deps.lock.with(sessionId, async () => {
    const turnId = uuid();
    const uow = deps.newUnitOfWork({ sessionId, turnId });
    const step = { operation: "rewind_session", sessionId, turnId } as const;
    const session = await writeSession(deps.hub, uow, step, async (trx, append) => {
      const before = await lockSession(trx, sessionId);
      await makeRoom(deps, trx, append, before);
      const { last_seq } = await lockSession(trx, sessionId);
      await insertTurn(trx, {
        id: turnId,
        session_id: sessionId,
        agent_type: before.agent_type,
        model: before.model ?? deps.resolveModel(null).id,
        after_seq: last_seq,
      });
      await replaceTurnsFrom(trx, sessionId, from, turnId);
      await changeSession(trx, sessionId, {});
      await append([
        { type: "status", metadata: { state: "rewound", replaces_turn_id: from } },
        { type: "done", metadata: { finish_reason: "stop" } },
      ]);
      await endTurn(trx, turnId, { status: "done" });
      return await findSession(trx, sessionId);
    });
    uow.close();
    return session;
  });
}
