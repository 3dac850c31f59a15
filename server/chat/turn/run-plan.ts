// An approved plan is carried out subtask by subtask; each beginning and each end is a committed
// step, so a restart finds where it was.
import { insertMessage } from "../../db/tables/messages.ts";
import { runningPlan, setPlan, setSubtask, subtasksOf } from "../../db/tables/plans.ts";
import { setTurnProgress } from "../../db/tables/turns.ts";
import { subtaskMessage } from "../../domain/plans.ts";
import type { NewChunk } from "../../protocol/chunks.ts";
import { switchedChunk } from "./commit-answer.ts";
import { endAnswer, progressOf, type Run, writeStep } from "./run.ts";

/**
 * Before the model is asked: begins the next subtask of the turn's plan if none has begun. `none`:
 * the turn carries out no plan, or all of it is done.
 */
export async function nextSubtask(run: Run): Promise<"subtask" | "none"> {
  const plan = await runningPlan(run.deps.reader, run.turn.turnId);
  if (!plan) return "none";
  const subtasks = await subtasksOf(run.deps.reader, plan.id);
  if (subtasks.some(({ status }) => status === "running")) return "subtask";
  const next = subtasks.find(({ status }) => status === "pending");
  if (!next) return "none";
  const { sessionId, turnId } = run.turn;
  const from = run.agentType;
  run.agentType = next.agent_type;
  const number = subtasks.indexOf(next) + 1;
  const of = subtasks.length;
  await writeStep(run, "plan_step", async (trx, append) => {
    await setSubtask(trx, next, "running");
    await setTurnProgress(trx, turnId, { agent_type: next.agent_type, ...progressOf(run) });
    const change = { to: next.agent_type, reason: "", stays: false };
    const { chunks } = await append([
      ...(from === next.agent_type ? [] : [switchedChunk(from, change)]),
      {
        type: "status",
        plan_id: plan.id,
        content: next.title,
        metadata: { state: "subtask", subtask_id: next.id, number, of },
      },
    ]);
    await insertMessage(trx, {
      session_id: sessionId,
      turn_id: turnId,
      position: chunks.at(-1)?.seq ?? 0,
      role: "user",
      content: subtaskMessage({ summary: plan.summary, subtask: next, number, of }),
      status: "complete",
      metadata: { subtask_id: next.id, plan_id: plan.id },
    });
  });
  return "subtask";
}

/**
 * The model has said its last word to a subtask: that, the subtask's end and, after the last
 * one, the plan's, together.
 */
export async function endSubtask(run: Run, modelId: string): Promise<void> {
  const plan = await runningPlan(run.deps.reader, run.turn.turnId);
  const subtasks = plan ? await subtasksOf(run.deps.reader, plan.id) : [];
  const ended = subtasks.find(({ status }) => status === "running");
  if (!plan || !ended) return;
  const { sessionId, turnId } = run.turn;
  const left = subtasks.filter(({ status }) => status === "pending").length;
  const done: NewChunk = {
    type: "subtask_completed",
    plan_id: plan.id,
    content: ended.title,
    metadata: { subtask_id: ended.id, number: subtasks.indexOf(ended) + 1, of: subtasks.length },
  };
  const last: NewChunk = {
    type: "execution_completed",
    plan_id: plan.id,
    plan_summary: plan.summary,
    metadata: { subtasks: subtasks.length },
  };
  await writeStep(run, "plan_step", async (trx, append) => {
    const { chunks } = await append(left === 0 ? [done, last] : [done]);
    await insertMessage(trx, {
      session_id: sessionId,
      turn_id: turnId,
      position: chunks[0]?.seq ?? 0,
      role: "assistant",
      content: run.text === "" ? "Done." : run.text,
      status: "complete",
      metadata: {
        agent_type: run.agentType,
        model: modelId,
        ...(run.text !== "" && run.thinking && { thinking: run.thinking }),
      },
    });
    await setSubtask(trx, ended, "done");
    if (left === 0) await setPlan(trx, plan.id, { status: "done" });
    await setTurnProgress(trx, turnId, progressOf(run));
  });
  endAnswer(run);
}
