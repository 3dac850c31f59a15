// Plans as a person meets them: proposed, changed, approved, rejected.
import { v7 as uuid } from "uuid";
import {
  insertPlan,
  type NewSubtask,
  type PlanRow,
  rewritePlan,
  setPlan,
} from "../../db/tables/plans.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { DEFAULT_AGENT, findAgent, ROUTING_AGENT } from "../../domain/agents.ts";
import type { Offer } from "../../domain/offer.ts";
import { inOrder, planFault } from "../../domain/plans.ts";
import { ChatError } from "../../errors.ts";
import type { NewChunk } from "../../protocol/chunks.ts";
import { faultOf } from "../../protocol/fields.ts";
import { PlanArguments, type SubtaskView } from "../../protocol/plans.ts";
import type { ClientMessage } from "../../protocol/requests.ts";
import type { ToolCall } from "../../providers/provider.ts";
import { type CallAnswer, refused, succeeded } from "./call-results.ts";

type ToolDecision = Extract<ClientMessage, { type: "tool_decision" }>;

interface Proposed {
  planId: string;
  summary: string;
  subtasks: NewSubtask[];
}

/** Stores the plan of a call of `create_plan`, or says what is wrong with it. */
export async function proposePlan(
  trx: Trx,
  of: { sessionId: string; turnId: string; callId: string; offer: Offer },
  call: Pick<ToolCall, "arguments">,
): Promise<Proposed | { fault: string }> {
  const read = readPlan(call.arguments, of.offer);
  if ("fault" in read) return read;
  const planId = uuid();
  const { sessionId, turnId, callId } = of;
  const row = { id: planId, session_id: sessionId, turn_id: turnId, call_id: callId };
  await insertPlan(trx, { ...row, summary: read.summary }, read.subtasks);
  return { planId, ...read };
}

/** Puts what a person made of the plan in its place, or says what is wrong with it. */
export async function changePlan(
  trx: Trx,
  planId: string,
  args: Record<string, unknown>,
  offer: Offer,
): Promise<Proposed | { fault: string }> {
  const read = readPlan(args, offer);
  if ("fault" in read) return read;
  await rewritePlan(trx, planId, read.summary, read.subtasks);
  return { planId, ...read };
}

function readPlan(
  args: Record<string, unknown>,
  offer: Offer,
): { summary: string; subtasks: NewSubtask[] } | { fault: string } {
  const parsed = PlanArguments.safeParse(args);
  if (!parsed.success) return { fault: faultOf(parsed.error, "arguments") };
  const { summary, subtasks } = parsed.data;
  const fault = planFault(subtasks);
  if (fault !== undefined) return { fault };
  const known = subtasks.map(({ id, title, description = "", agent_type, depends_on = [] }) => ({
    id,
    title,
    description,
    agent_type: agent_type ?? DEFAULT_AGENT,
    depends_on,
  }));
  const stranger = known.find(
    ({ agent_type }) => agent_type === ROUTING_AGENT || !findAgent(agent_type, offer.agents),
  );
  if (stranger)
    return { fault: `subtasks: there is no agent ${stranger.agent_type} for a subtask` };
  return { summary, subtasks: inOrder(known) ?? known };
}

/**
 * A person's word on a plan: with `approve` or `edit` the turn goes on with its first subtask, with
 * `reject` the model goes on, and with a word to it may propose another.
 */
export async function decidePlan(
  trx: Trx,
  plan: PlanRow,
  { decision, modified_arguments, feedback }: ToolDecision,
  offer: Offer,
): Promise<CallAnswer> {
  const of = { plan_id: plan.id, plan_summary: plan.summary };
  if (decision === "reject") {
    await setPlan(trx, plan.id, { status: "rejected" });
    const error = feedback
      ? `The user wants the plan changed: ${feedback}`
      : "The user rejected the plan.";
    return {
      change: { status: "rejected", decision, error },
      reply: refused("rejected", error),
      chunks: [
        feedback
          ? { type: "plan_modification_requested", ...of, content: feedback }
          : { type: "plan_rejected", ...of },
      ],
    };
  }
  const chunks: NewChunk[] = [];
  if (decision === "edit") {
    const changed = await changePlan(trx, plan.id, modified_arguments ?? {}, offer);
    if ("fault" in changed) {
      throw new ChatError("invalid_request", `message.modified_arguments: ${changed.fault}`, {
        hint: "The plan still waits for your decision.",
      });
    }
    chunks.push(planChunk(changed));
  }
  await setPlan(trx, plan.id, { status: "running" });
  const result =
    decision === "edit"
      ? `The user changed and approved the plan: ${JSON.stringify(modified_arguments)}`
      : "The user approved the plan.";
  return {
    change: {
      status: "done",
      decision,
      result,
      ...(decision === "edit" && modified_arguments ? { arguments: modified_arguments } : {}),
    },
    reply: succeeded(result),
    chunks,
  };
}

/** How a plan that waits for its approval is shown. */
export function planChunks(plan: Proposed, callId: string): NewChunk[] {
  return [
    planChunk(plan),
    {
      type: "plan_approval_required",
      plan_id: plan.planId,
      plan_summary: plan.summary,
      call_id: callId,
      approval_request_id: callId,
    },
  ];
}

export function planChunk({ planId, summary, subtasks }: Proposed): NewChunk {
  const views = subtasks.map((subtask): SubtaskView => ({ ...subtask, status: "pending" }));
  return {
    type: "plan_created",
    plan_id: planId,
    plan_summary: summary,
    metadata: { subtasks: views },
  };
}
