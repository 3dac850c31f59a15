// The calls that a model makes in one step: judged, stored and, where nobody
// else has to act, answered.

import { levelIn, listRules } from "../../db/tables/calls/approval-rules.ts";
import { claimCall } from "../../db/tables/calls/claims.ts";
import { freeCallId, insertToolCall } from "../../db/tables/calls/tool-calls.ts";
import { grantedTools } from "../../db/tables/calls/tool-rules.ts";
import { insertMessage } from "../../db/tables/messages.ts";
import type { ToolCallStatus, Trx } from "../../db/tables/schema.ts";
import { changeSession, releaseLease } from "../../db/tables/sessions.ts";
import { setTurnProgress } from "../../db/tables/turns.ts";
import { type AgentDefinition, findAgent, mayMore } from "../../domain/agents.ts";
import { loadShellReader } from "../../domain/approvals/read-command.ts";
import { type Circumstances, judge } from "../../domain/permissions.ts";
import { findTool, SWITCH_TOOL, type Tool } from "../../domain/tools.ts";
import type { AllowedBy } from "../../protocol/approvals.ts";
import type { AskReason } from "../../protocol/call-words.ts";
import type { NewChunk } from "../../protocol/chunks.ts";
import type { FinishReason, ToolCall } from "../../providers/provider.ts";
import { omitUndefined } from "../../shared/json.ts";
import {
  cameOf,
  failed,
  type Reply,
  refused,
  resultChunk,
  runHere,
  succeeded,
  waitingChunk,
} from "./call-results.ts";
import { switchedChunk } from "./commit-answer.ts";
import { COMPANION } from "./companion-client.ts";
import { planChunks, proposePlan } from "./propose-plan.ts";
import { readCall } from "./read-call.ts";
import { endAnswer, progressOf, type Run, writeStep } from "./run.ts";
import { PLAN_TOOL, visibleTools } from "./step-tools.ts";

const MAX_SWITCHES = 50;

/** A call and what has become of it. */
interface Judged {
  call: ToolCall;
  status: ToolCallStatus;
  /** For the model; undefined while somebody has to act. */
  reply: Reply | undefined;
  /** What readers see of it beside its result. */
  chunks: NewChunk[];
}

/**
 * The calls, what was said before them, their answers as far as there are any, and the pause if
 * somebody has to act: one transaction, since none makes sense without the others. `waiting`:
 * the lease is given back.
 */
export async function commitCalls(
  run: Run,
  { calls, reason }: { calls: readonly ToolCall[]; reason: FinishReason },
  agent: AgentDefinition,
  tools: readonly Tool[],
): Promise<"waiting" | "answered"> {
  const { sessionId, turnId, workspace } = run.turn;
  const onlySwitch = calls.every(({ tool_name }) => tool_name === SWITCH_TOOL);
  const before = { agentType: run.agentType, switches: run.switches };
  const readCommand = await shellReaderFor(run, calls, tools);
  const waiting = await writeStep(
    run,
    onlySwitch ? "agent_switched" : "tool_call",
    async (trx, append) => {
      Object.assign(run, before);
      const said = {
        granted: await grantedTools(trx, { sessionId, workspace }),
        level: await levelIn(trx, sessionId, workspace),
        rules: workspace === null ? [] : await listRules(trx, workspace),
        readCommand,
      };
      const judged: Judged[] = [];
      for (const [position, asked] of calls.entries()) {
        const { tool_name } = asked;
        const call_id = await freeCallId(trx, sessionId, asked.call_id);
        const tool = findTool(tools, tool_name);
        const isLast = position === calls.length - 1;
        const { fault, ...args } = readCall(asked, tool, isLast ? reason : undefined);
        const call = { call_id, tool_name, ...args };
        const one = await settle(trx, run, { call, tool, agent, tools, said, fault });
        judged.push(one);
        await insertToolCall(trx, {
          session_id: sessionId,
          turn_id: turnId,
          ...call,
          position,
          kind: tool?.kind ?? null,
          status: one.status,
          ...(one.reply && cameOf(one.reply)),
        });
        if (tool?.run === "companion" && one.status === "waiting_result") {
          await claimCall(trx, { session_id: sessionId, call_id }, COMPANION);
        }
      }
      const open = judged.filter(({ status }) => isWaiting(status));
      const chunks = judged.flatMap((one) => one.chunks);
      const pause = waitingChunk(
        open.map(({ call, status }) => ({ call_id: call.call_id, status })),
      );
      const appended = await append(open.length > 0 ? [...chunks, pause] : chunks);
      const first = appended.chunks[0]?.seq ?? 0;
      await insertMessage(trx, {
        session_id: sessionId,
        turn_id: turnId,
        position: first,
        role: "assistant",
        content: run.text,
        status: "complete",
        metadata: omitUndefined({
          tool_calls: judged.map(({ call }) => call),
          agent_type: agent.type,
          thinking: run.thinking,
          usage: run.usage,
        }),
      });
      let seq = first;
      for (const { call, reply, chunks: shown } of judged) {
        seq += shown.length;
        if (!reply) continue;
        await insertMessage(trx, {
          session_id: sessionId,
          turn_id: turnId,
          // Of the last chunk that shows this call.
          position: seq - 1,
          role: "tool",
          content: reply.content,
          status: "complete",
          metadata: { call_id: call.call_id, tool_name: call.tool_name },
        });
      }
      await setTurnProgress(trx, turnId, {
        ...(open.length > 0 ? { status: "waiting" as const } : {}),
        agent_type: run.agentType,
        ...progressOf(run),
      });
      if (run.agentType !== agent.type) {
        await changeSession(trx, sessionId, { agent_type: run.agentType });
      }
      if (open.length > 0) await releaseLease(trx, sessionId);
      return open.length > 0;
    },
  );
  endAnswer(run);
  if (calls.some(({ tool_name }) => findTool(tools, tool_name)?.run === "companion")) {
    void run.deps.companionCalls.look(sessionId);
  }
  return waiting ? "waiting" : "answered";
}

interface Asked {
  call: ToolCall;
  tool: Tool | undefined;
  /** Who asks, and all the tools there are. */
  agent: AgentDefinition;
  tools: readonly Tool[];
  /** What a person has said about calls like this. */
  said: Pick<Circumstances, "granted" | "level" | "rules" | "readCommand">;
  /** Why its arguments are none. */
  fault: string | undefined;
}

async function settle(
  trx: Trx,
  run: Run,
  { call, tool, agent, tools, said, fault }: Asked,
): Promise<Judged> {
  const answered = (status: "done" | "rejected", reply: Reply, extra: NewChunk[] = []): Judged => {
    const chunks = [callChunk(run, call, tool), ...extra, resultChunk(call, reply)];
    return { call, status, reply, chunks };
  };
  const { trusted } = run.turn.offer;
  if (tool === undefined) {
    const told = visibleTools(tools, agent, { trusted, inPlan: false });
    return answered("done", failed(noSuchTool(call.tool_name, told)));
  }
  const verdict = judge(tool, call.arguments, { agent, trusted, ...said });
  if (verdict.rule === "deny") {
    return answered("rejected", refused("denied", verdict.reason, `Error: ${verdict.reason}`));
  }
  if (fault !== undefined) return answered("done", failed(fault));
  if (call.tool_name === SWITCH_TOOL && tool.run === "turn") {
    return settleSwitch(run, { call, tool, agent, tools }, answered);
  }
  if (call.tool_name === PLAN_TOOL && tool.run === "turn") {
    const { sessionId, turnId, offer } = run.turn;
    const plan = await proposePlan(trx, { sessionId, turnId, callId: call.call_id, offer }, call);
    if ("fault" in plan) return answered("done", failed(plan.fault));
    const chunks = [callChunk(run, call, tool, "plan"), ...planChunks(plan, call.call_id)];
    return { call, status: "waiting_decision", reply: undefined, chunks };
  }
  if (verdict.rule === "ask") {
    const chunks = [callChunk(run, call, tool, verdict.because)];
    return { call, status: "waiting_decision", reply: undefined, chunks };
  }
  if (typeof tool.run === "function") return answered("done", runHere(tool.run, call.arguments));
  const chunks = [callChunk(run, call, tool, undefined, verdict.by)];
  return { call, status: "waiting_result", reply: undefined, chunks };
}

/**
 * A switch is seen as such, without a result; one that is refused is told to the model. An agent
 * that may do more than the one a person has chosen needs that person's word.
 */
function settleSwitch(
  run: Run,
  { call, tool, agent, tools }: Pick<Asked, "call" | "tool" | "agent" | "tools">,
  answered: (status: "done", reply: Reply) => Judged,
): Judged {
  const next = findAgent(String(call.arguments["agent_type"] ?? ""), run.turn.offer.agents);
  const fault = switchFault(run, next);
  if (!next || fault !== undefined) return answered("done", failed(fault ?? ""));
  if (mayMore(agent, next, tools)) {
    const chunks = [callChunk(run, call, tool, "wider_agent")];
    return { call, status: "waiting_decision", reply: undefined, chunks };
  }
  const change = { to: next.type, reason: reasonOf(call.arguments), stays: true };
  const chunks = [callChunk(run, call, tool), switchedChunk(run.agentType, change)];
  run.agentType = next.type;
  run.switches += 1;
  return { call, status: "done", reply: switched(next.type), chunks };
}

function noSuchTool(name: string, told: readonly Tool[]): string {
  const names = told.map((tool) => tool.name).join(", ");
  const others = names === "" ? "You have none." : `Your tools: ${names}.`;
  return `There is no tool ${JSON.stringify(name)}. ${others}`;
}

function switchFault(run: Run, next: AgentDefinition | undefined): string | undefined {
  if (!next) return "There is no such agent.";
  if (next.type === run.agentType) return `You are the agent ${next.type} already.`;
  if (run.switches < MAX_SWITCHES) return undefined;
  return `The agent has changed ${MAX_SWITCHES} times in this turn; no more. Answer the user now.`;
}

export const switched = (to: string): Reply =>
  succeeded(`You are now the agent ${to}. Go on with the task.`);

export function reasonOf(args: Record<string, unknown>): string {
  return String(args["reason"] ?? "").slice(0, 500);
}

function isWaiting(status: ToolCallStatus): boolean {
  return status === "waiting_decision" || status === "waiting_result";
}

/** Loaded before the step, in which nothing may wait for a file; undefined if nobody needs it. */
async function shellReaderFor(
  run: Run,
  calls: readonly ToolCall[],
  tools: readonly Tool[],
): Promise<Circumstances["readCommand"]> {
  const kinds = calls.map(({ tool_name }) => findTool(tools, tool_name)?.kind);
  if (!kinds.some((kind) => kind === "execute" || kind === "other")) return undefined;
  const read = await loadShellReader();
  const shell = run.turn.offer.environment?.shell;
  return (command) => read(command, shell);
}

/** `asks`: it waits for a person, for this reason; `by`: why it need not. */
function callChunk(
  run: Run,
  call: ToolCall,
  tool: Tool | undefined,
  asks?: AskReason | "plan",
  by?: AllowedBy,
): NewChunk {
  const { clientId, workspace } = run.turn;
  return {
    type: "tool_call",
    ...call,
    requires_approval: asks !== undefined,
    ...(asks && { approval_request_id: call.call_id }),
    metadata: omitUndefined({
      agent_type: run.agentType,
      kind: tool?.kind,
      asks_because: asks === "plan" ? undefined : asks,
      allowed_by: by,
      client_id: clientId ?? undefined,
      workspace: workspace ?? undefined,
    }),
  };
}
