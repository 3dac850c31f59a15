import { setTimeout as delay } from "node:timers/promises";
import { conversation } from "../../db/tables/messages.ts";
import { type AgentDefinition, agentsOf, findAgent, ROUTING_AGENT } from "../../domain/agents.ts";
import { withEnvironment } from "../../domain/environment.ts";
import { toHistory } from "../../domain/history.ts";
import { withInstructions } from "../../domain/instructions.ts";
import type { Tool } from "../../domain/tools.ts";
import { ChatError } from "../../errors.ts";
import { forEachBatch } from "../../providers/batches.ts";
import type { ResolvedModel } from "../../providers/catalog.ts";
import type {
  FinishReason,
  ProviderEvent,
  ProviderRequest,
  ToolCall,
  Usage,
} from "../../providers/provider.ts";
import { estimateTokens } from "../../shared/tokens.ts";
import { withAttachmentData } from "../attachments/attachment-data.ts";
import type { ChatDeps, LeasedTurn } from "../deps.ts";
import { writeSession } from "../log/write-session.ts";
import { closeTurn, type Ending, endingOf } from "./close-turn.ts";
import { commitAgentSwitch, commitDone, commitTokens } from "./commit-answer.ts";
import { commitCalls } from "./commit-calls.ts";
import {
  beginAnswer,
  cancelHeld,
  endingOfHeld,
  leaveHeld,
  noteHeld,
  resolveHolder,
} from "./held-answer.ts";
import { promptMessages, type Told, toldAtFirst } from "./prompt-messages.ts";
import { routeTurn } from "./route-turn.ts";
import { addUsage, newRun, type Run, StopTurn } from "./run.ts";
import { endSubtask, nextSubtask } from "./run-plan.ts";
import { readSteering } from "./steer.ts";
import { allTools, visibleTools } from "./step-tools.ts";
import { measure, summariseIfFull } from "./summarise.ts";
import { TokenBatch } from "./token-batch.ts";

/** A model that asks for tools without end is stopped after so many answers in one turn. */
const MAX_STEPS = 200;

/**
 * Lets the model answer, each step committed before it is shown, until the turn is done,
 * waits for its client, or has failed; then that is committed, too. Never rejects. The caller
 * holds the session's lease.
 */
export async function runTurn(
  deps: ChatDeps,
  turn: LeasedTurn,
  controller: AbortController,
): Promise<"done" | "waiting" | "error" | "interrupted"> {
  const run = newRun(deps, turn, deps.newUnitOfWork(turn), controller);
  try {
    return await answer(run);
  } catch (thrown) {
    // What had arrived is kept, if it can be; why it cannot is told below.
    await run.batch?.flush().catch(() => {});
    const { reason } = controller.signal;
    const error = controller.signal.aborted ? reason : thrown;
    const ending = endingOfHeld(run, error instanceof StopTurn ? error.ending : endingOf(error));
    if (run.held && ending.code === "server_stopped" && (await isLeft(run))) return "interrupted";
    reportFailure(deps, turn, error, ending);
    if (ending.code !== "lease_lost") void cancelHeld(run, modelOf(run));
    return (await closeForGood(deps, turn, ending)) ? ending.status : "interrupted";
  }
}

/** Step after step: the model speaks, its calls are answered, its plan goes on. */
async function answer(run: Run): Promise<"done" | "waiting"> {
  if (run.agentType === ROUTING_AGENT && run.steps === 0) await route(run);
  let place = run.turn.begins ? "none" : await nextSubtask(run);
  for (;;) {
    run.controller.signal.throwIfAborted();
    await readSteering(run);
    const agent = agentOf(run);
    const resolved = await resolveHolder(run, modelOf(run));
    const tools = allTools(resolved.provider.tools ?? [], run.turn.offer);
    const step = await askModel(run, resolved, agent, tools, place === "subtask");
    if (step.calls.length > 0) {
      const outcome = await commitCalls(run, step, agent, tools);
      if (outcome === "waiting") return "waiting";
      continue;
    }
    if (place === "subtask") {
      await endSubtask(run, resolved.id);
      place = await nextSubtask(run);
      if (place === "subtask") continue;
    }
    await commitDone(run, { reason: step.reason, modelId: resolved.id });
    return "done";
  }
}

function agentOf(run: Run): AgentDefinition {
  const agent = findAgent(run.agentType, run.turn.offer.agents);
  if (agent) return agent;
  throw new ChatError("invalid_request", `There is no agent ${run.agentType} any more.`, {
    hint: "Choose another agent, then send again.",
  });
}

function modelOf({ agentType, turn }: Run): string {
  return findAgent(agentType, turn.offer.agents)?.model ?? turn.model;
}

/** False: it cannot be stored that this companion has left it, and its end may be. */
async function isLeft(run: Run): Promise<boolean> {
  try {
    await leaveHeld(run);
    return true;
  } catch (err) {
    run.deps.log.info({ err, turn_id: run.turn.turnId }, "an answer could not be left to the next");
    return false;
  }
}

async function route(run: Run): Promise<void> {
  const { deps, turn, controller } = run;
  const stored = await conversation(deps.reader, turn.sessionId);
  const message = stored.findLast(({ role }) => role === "user")?.content ?? "";
  const resolved = deps.resolveModel(turn.model);
  const agents = agentsOf(turn.offer);
  const chosen = await routeTurn(resolved, agents, message, controller.signal);
  // The orchestrator stays the session's choice: it decides for each message.
  await commitAgentSwitch(run, { ...chosen, stays: false });
}

interface Answered {
  calls: ToolCall[];
  reason: FinishReason;
}

/** One answer of the model, its words committed as they come. */
async function askModel(
  run: Run,
  resolved: ResolvedModel,
  agent: AgentDefinition,
  tools: readonly Tool[],
  inPlan: boolean,
): Promise<Answered> {
  const { deps, turn, controller } = run;
  if (run.steps >= MAX_STEPS) {
    throw new ChatError(
      "step_limit",
      `The model has answered ${MAX_STEPS} times in this turn without coming to an end.`,
      { hint: "What it did is kept. Look at it, then send a message to go on." },
    );
  }
  run.steps += 1;
  const told = visibleTools(tools, agent, { trusted: turn.offer.trusted, inPlan });
  const ask = async (known?: Told): Promise<ProviderRequest> => ({
    model: resolved.model,
    system: withInstructions(
      withEnvironment(agent.prompt, turn.offer.environment),
      turn.instructions,
    ),
    messages: await withAttachmentData(
      deps.reader,
      turn.sessionId,
      toHistory((known ?? (await promptMessages(deps.reader, turn.sessionId))).stored),
      resolved.inputs,
    ),
    tools: told.map(({ name, description, parameters }) => ({ name, description, parameters })),
    sampling: turn.sampling ?? undefined,
  });
  const { begins } = run.steps === 1 ? turn : {};
  let request = await ask(begins && toldAtFirst(begins));
  if (!run.goesOn && (await summariseIfFull(run, resolved, request))) request = await ask();
  const batch = new TokenBatch(
    (gathered, settle) => commitTokens(run, gathered, settle),
    (error) => controller.abort(error),
  );
  run.batch = batch;
  const { batches, stored } = await beginAnswer(run, resolved, request);
  const calls: ToolCall[] = [];
  let end: { reason: FinishReason; usage: Usage | undefined } = {
    reason: "other",
    usage: undefined,
  };
  /** A promise only if it must be: this happens for each word of each stream. */
  const take = (event: ProviderEvent): Promise<void> | undefined => {
    switch (event.type) {
      case "held":
        return noteHeld(run, event.answer);
      case "text":
        return batch.add("assistant_message", stored?.rest("text", event.text) ?? event.text);
      case "reasoning":
        return batch.add("reasoning", stored?.rest("reasoning", event.text) ?? event.text);
      case "thinking":
        // Their places are those of an answer that has come as a whole.
        if (!run.begun) run.thinking = { model: resolved.id, parts: event.parts };
        return undefined;
      case "switch_agent":
        return switchAgent(run, batch, event);
      case "tool_call":
        calls.push(event);
        return undefined;
      case "finish":
        stored?.end();
        end = event;
        return undefined;
      default:
        return event satisfies never;
    }
  };
  const takeFrom = (events: readonly ProviderEvent[], from: number): Promise<void> | undefined => {
    for (let at = from; at < events.length; at += 1) {
      const event = events[at];
      const room = event && take(event);
      if (room) return room.then(() => takeFrom(events, at + 1));
    }
    return undefined;
  };
  await forEachBatch(batches, (events) => takeFrom(events, 0));
  await batch.flush();
  controller.signal.throwIfAborted();
  addUsage(run, end.usage);
  run.contextTokens = end.usage
    ? end.usage.input_tokens + end.usage.output_tokens
    : measure(request) + estimateTokens(run.text);
  return { calls, reason: end.reason };
}

async function switchAgent(
  run: Run,
  batch: TokenBatch,
  { to_agent, reason }: { to_agent: string; reason: string },
): Promise<void> {
  await batch.flush();
  if (!findAgent(to_agent, run.turn.offer.agents)) return;
  await commitAgentSwitch(run, { to: to_agent, reason, stays: true });
}

/**
 * How long a turn that cannot commit its own end goes on trying; after that the next start
 * of a companion closes it.
 */
const MAX_CLOSING_MS = 24 * 60 * 60 * 1000;

/**
 * Commits the end of a turn as soon as that is possible: while the disk is full or the database
 * away it waits and tries again. False if the turn is not ours any more.
 */
async function closeForGood(deps: ChatDeps, turn: LeasedTurn, ending: Ending): Promise<boolean> {
  if (ending.code === "lease_lost" || ending.code === "not_found") return false;
  const { sessionId, turnId, fence } = turn;
  const operation = ending.status === "error" ? "fail_turn" : "interrupt_turn";
  const uow = deps.newUnitOfWork(turn);
  const deadline = performance.now() + MAX_CLOSING_MS;
  for (let wait = 100; performance.now() < deadline; wait = Math.min(wait * 2, 2_000)) {
    try {
      await writeSession(deps.hub, uow, { operation, sessionId, turnId, fence }, (trx, append) =>
        closeTurn(trx, append, turn, ending),
      );
      return true;
    } catch (err) {
      const code = err instanceof ChatError ? err.code : undefined;
      if (code === "lease_lost" || code === "not_found") return false;
      deps.log.error({ err, turn_id: turnId }, "the end of a turn could not be saved yet");
      if (deps.closing.aborted) return false;
      await delay(wait, undefined, { ref: false });
    }
  }
  return false;
}

function reportFailure(deps: ChatDeps, turn: LeasedTurn, err: unknown, ending: Ending): void {
  if (ending.status === "interrupted") return;
  deps.log.warn({ err, turn_id: turn.turnId, code: ending.code }, "a turn failed");
  if (!ending.code.startsWith("upstream_")) return;
  const provider = turn.model.split("/", 1)[0] ?? "";
  deps.metrics.upstreamErrors.inc({ provider, code: ending.code });
}
