// What the model says, and the end of the turn, as committed steps.

import { insertsOf } from "../../db/commit/new-rows.ts";
import type { Numbered } from "../../db/tables/chunks.ts";
import { messageRow } from "../../db/tables/messages.ts";
import { changeSession, lockedUpdate, NO_LEASE } from "../../db/tables/sessions.ts";
import { together } from "../../db/tables/together.ts";
import { refuseEnded, setTurnProgress, turnEnding } from "../../db/tables/turns.ts";
import { within } from "../../observe/trace-context.ts";
import type { NewChunk } from "../../protocol/chunks.ts";
import type { FinishReason } from "../../providers/provider.ts";
import { omitUndefined } from "../../shared/json.ts";
import { appendToSession } from "../log/write-session.ts";
import { ENDINGS } from "./close-turn.ts";
import { endAnswer, progressOf, type Run, StopTurn, writeStep } from "./run.ts";
import type { Batch, Settle } from "./token-batch.ts";

export function commitTokens(run: Run, batch: Batch, settle: Settle): void {
  const { deps, uow, turn } = run;
  appendToSession(deps.hub, uow, turn, batch.chunks, (numbered, error) => {
    if (numbered) noteCommitted(run, batch, numbered);
    settle(numbered ? undefined : { error });
  });
}

function noteCommitted(
  run: Run,
  { chunks, receivedAt }: Batch,
  { cancelTurnId, lastSeq }: Numbered,
): void {
  const { metrics } = run.deps;
  run.turn.lastSeq = lastSeq;
  if (cancelTurnId === run.turn.turnId) {
    within(run.uow.trace, () => run.controller.abort(new StopTurn(ENDINGS.cancelled)));
  }
  const now = performance.now();
  metrics.publishDelay.observe((now - receivedAt) / 1000);
  if (!run.published) {
    run.published = true;
    metrics.timeToFirstChunk.observe({
      value: (now - run.turn.acceptedAt) / 1000,
      exemplarLabels: run.uow.trace?.exemplar ?? {},
    });
  }
  for (const chunk of chunks) {
    if (chunk.type === "assistant_message") run.text += chunk.token ?? "";
  }
}

export interface AgentSwitch {
  to: string;
  reason: string;
  /** The session's next messages go to the new agent, too. */
  stays: boolean;
}

export async function commitAgentSwitch(run: Run, change: AgentSwitch): Promise<void> {
  const { sessionId, turnId } = run.turn;
  const from = run.agentType;
  run.agentType = change.to;
  run.switches += 1;
  await writeStep(run, "agent_switched", async (trx, append) => {
    if (change.stays) await changeSession(trx, sessionId, { agent_type: change.to });
    await setTurnProgress(trx, turnId, { agent_type: change.to, ...progressOf(run) });
    await append([switchedChunk(from, change)]);
  });
}

export function switchedChunk(from: string, { to, reason, stays }: AgentSwitch): NewChunk {
  return { type: "agent_switched", metadata: { from_agent: from, to_agent: to, reason, stays } };
}

/** The last step: the answer as a message, and the end. */
export async function commitDone(
  run: Run,
  end: { reason: FinishReason; modelId: string },
): Promise<void> {
  const { sessionId, turnId, acceptedAt } = run.turn;
  const metadata = omitUndefined({
    model: end.modelId,
    agent_type: run.agentType,
    finish_reason: end.reason,
    elapsed_ms: Math.round(performance.now() - acceptedAt),
    usage: run.usage,
    context_tokens: run.contextTokens,
  });
  await writeStep(run, "complete_turn", async (trx, _append, number, lastSeq) => {
    const done = number(lastSeq, [{ chunk: { type: "done", metadata }, turnId }]);
    const answer = messageRow({
      session_id: sessionId,
      turn_id: turnId,
      position: done.columns.last_seq,
      role: "assistant",
      content: run.text,
      status: "complete",
      metadata: omitUndefined({
        agent_type: run.agentType,
        model: end.modelId,
        thinking: run.thinking,
      }),
    });
    const { numAffectedRows } = await together(trx, [
      ...insertsOf(trx, { chunks: done.rows, messages: run.text === "" ? [] : [answer] }),
      lockedUpdate(trx, sessionId, { ...done.columns, ...NO_LEASE }),
      turnEnding(trx, turnId, { ...progressOf(run), status: "done" }),
    ]);
    refuseEnded(numAffectedRows);
  });
  endAnswer(run);
}
