import { insertMessage } from "../../db/tables/messages.ts";
import { bodyOf, hasSteering, queueOf, removeQueued } from "../../db/tables/queue.ts";
import { setRequestTurn } from "../../db/tables/requests.ts";
import type { ClientMessage, MessageRequest } from "../../protocol/requests.ts";
import { omitUndefined } from "../../shared/json.ts";
import { type Run, writeStep } from "./run.ts";

type UserMessage = Extract<ClientMessage, { type: "user_message" }>;

/**
 * What a person wants the model to read now, before it is asked again: after all results of its
 * calls, never between a call and its result, nor before an answer that is gone on with.
 */
export async function readSteering(run: Run): Promise<void> {
  const { sessionId, turnId, model } = run.turn;
  if (run.steps === 0 || run.goesOn) return;
  if (!(await hasSteering(run.deps.reader, sessionId))) return;
  await writeStep(run, "steer_turn", async (trx, append) => {
    const queue = await queueOf(trx, sessionId);
    for (const row of queue.filter(({ steers, held }) => steers === 1 && held === null)) {
      const { request, message, attachments: refs } = bodyOf(row);
      const attached = refs.length === 0 ? {} : { attachments: refs };
      const said = userChunk(request, message, { model, agentType: run.agentType });
      const { chunks } = await append([{ ...said, metadata: { ...said.metadata, ...attached } }]);
      const place = { session_id: sessionId, turn_id: turnId, position: chunks[0]?.seq ?? 0 };
      await insertMessage(trx, userMessage(place, message, attached));
      await setRequestTurn(trx, row.id, turnId);
      await removeQueued(trx, row);
    }
  });
}

/** As the model is told it later; `userChunk` is what clients see of it. */
export function userMessage(
  place: { session_id: string; turn_id: string; position: number },
  { content, context }: Pick<UserMessage, "content" | "context">,
  carried: object,
) {
  const metadata = { ...omitUndefined({ context }), ...carried };
  return { ...place, role: "user", content, status: "complete", metadata } as const;
}

export function userChunk(
  request: Pick<MessageRequest, "request_id">,
  message: Omit<UserMessage, "attachments">,
  { model, agentType }: { model: string; agentType: string },
) {
  return {
    type: "user_message",
    content: message.content,
    metadata: omitUndefined({
      model: model,
      agent_type: agentType,
      request_id: request.request_id,
      replaces_turn_id: message.replaces_turn_id,
      resume_plan_id: message.resume_plan_id,
      context: message.context?.map(({ type, label }) => ({ type, label })),
    }),
  } as const;
}
