import { v7 as uuid } from "uuid";
import { appendChunks } from "../../db/tables/chunks.ts";
import { removeIfDeleted } from "../../db/tables/deleted-sessions.ts";
import { insertRequest } from "../../db/tables/requests.ts";
import { findSession } from "../../db/tables/sessions.ts";
import { idsInUse, insertWholeChat, sessionExists, setTimes } from "../../db/tables/whole-chat.ts";
import { ChatError } from "../../errors.ts";
import type { Session } from "../../protocol/responses.ts";
import type { WholeChat } from "../../protocol/stored/chat-file.ts";
import type { ChatDeps } from "../deps.ts";
import type { Asked } from "../log/asked.ts";
import { closeTurn, type Ending } from "../turn/close-turn.ts";
import { isOpen, problemOf } from "./check-chat.ts";

/**
 * A chat that is not here yet, or was deleted: then it takes that one's place. In one step.
 * Nothing of it runs: an answer that was open is closed with what it had, and with it every call
 * that waited for somebody. `asked` is remembered with it. Rejects with `invalid_request` if it
 * makes no sense, and with `request_conflict` if one of its ids is in use.
 */
export async function storeChat(
  deps: Pick<ChatDeps, "newUnitOfWork">,
  operation: "import_chat" | "fork_session",
  chat: WholeChat,
  ending: Ending,
  asked?: Asked,
): Promise<Session> {
  const problem = problemOf(chat);
  if (problem !== undefined) throw new ChatError("invalid_request", problem);
  const { id: sessionId } = chat.head;
  const open = chat.turns.find(isOpen);
  const commitId = uuid();
  const uow = deps.newUnitOfWork({ sessionId });
  return await uow.commit(
    operation,
    async (trx) => {
      await removeIfDeleted(trx, sessionId);
      const [used] = await idsInUse(trx, chat);
      if (used !== undefined) {
        throw new ChatError("request_conflict", `Another chat here uses the id ${used} of it.`);
      }
      await insertWholeChat(trx, withoutWaiting(chat));
      if (asked) await insertRequest(trx, { ...asked, session_id: sessionId, turn_id: null });
      if (open) {
        await closeTurn(
          trx,
          // Nobody reads it yet: there is nothing to publish.
          (chunks, turnId) =>
            appendChunks(trx, { sessionId, turnId, fence: undefined }, chunks, commitId),
          { sessionId, turnId: open.id },
          ending,
        );
        await setTimes(trx, chat.head);
      }
      return await findSession(trx, sessionId);
    },
    // None of its ids was in use: if it is here now, this step has stored it.
    (trx) => sessionExists(trx, sessionId),
  );
}

/**
 * A call or a plan that waits after the end of its turn would be taken up by
 * a client, or by a click.
 */
function withoutWaiting(chat: WholeChat): WholeChat {
  const open = chat.turns.find(isOpen)?.id;
  return {
    ...chat,
    tool_calls: chat.tool_calls.map((call) =>
      call.turn_id === open || !call.status.startsWith("waiting")
        ? call
        : { ...call, status: "cancelled" },
    ),
    plans: chat.plans.map((plan) =>
      plan.turn_id === open || (plan.status !== "waiting" && plan.status !== "running")
        ? plan
        : { ...plan, status: "cancelled" },
    ),
  };
}
