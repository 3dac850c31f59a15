import { setTimeout as delay } from "node:timers/promises";
import { conversation, insertMessage, type MessageRow, metadataOf } from "../db/messages.ts";
import { changeSession, releaseLease } from "../db/sessions.ts";
import { freeCallId, insertToolCall } from "../db/tool-calls.ts";
import { endTurn, setTurnAgent, setTurnStatus } from "../db/turns.ts";
import type { SSEUnitOfWork } from "../db/unit-of-work.ts";
import { findAgent } from "../domain/agents.ts";
import { type StoredMessage, toHistory } from "../domain/history.ts";
import { findTool, type Tool } from "../domain/tools.ts";
import { ChatError } from "../errors.ts";
import type { NewChunk } from "../protocol/chunks.ts";
import type { FinishReason, ProviderEvent, ToolCall, Usage } from "../providers/provider.ts";
import { currentTrace } from "../trace-context.ts";
import { closeTurn, ENDINGS, type Ending, endingOf } from "./close-turn.ts";
import { type Batch, TokenBatch } from "./token-batch.ts";
import type { LeasedTurn, ResolvedModel, TurnDeps } from "./turn-deps.ts";
import { type Append, appendToSession, type Step, writeSession } from "./write-session.ts";

/** Why a running turn is told to stop; the reason of its AbortSignal. */
export class StopTurn extends Error {
  readonly ending: Ending;
  constructor(ending: Ending) {
    super(ending.message);
    this.ending = ending;
  }
}

/** The state of one run, from the model's first word to the next pause or the end. */
interface Run {
  deps: TurnDeps;
  turn: LeasedTurn;
  uow: SSEUnitOfWork;
  resolved: ResolvedModel;
  tools: readonly Tool[];
  controller: AbortController;
  agentType: string;
  /** What of this answer is committed. */
  text: string;
  published: boolean;
  batch: TokenBatch | undefined;
}

/**
 * Lets the model answer, each step committed before it is shown, until the turn is done, waits for its client,
 * or has failed; then that is committed, too. Never rejects. The caller holds the session's lease.
 */
export async function runTurn(
  deps: TurnDeps,
  turn: LeasedTurn,
  controller: AbortController,
): Promise<"done" | "waiting" | "error" | "interrupted"> {
  const uow = deps.newUnitOfWork(turn);
  let run: Run | undefined;
  try {
    const resolved = deps.resolveModel(turn.model);
    run = {
      deps,
      turn,
      uow,
      resolved,
      tools: deps.toolsFor(resolved.providerName),
      controller,
      agentType: turn.agentType,
      text: "",
      published: false,
      batch: undefined,
    };
    return await answer(run);
  } catch (thrown) {
    // What had arrived is kept, if it can be; why it cannot is told below.
    await run?.batch?.flush().catch(() => {});
    const { reason } = controller.signal;
    const error = controller.signal.aborted ? reason : thrown;
    const ending = error instanceof StopTurn ? error.ending : endingOf(error);
    reportFailure(deps, turn, error, ending);
    return (await closeForGood(deps, turn, ending)) ? ending.status : "interrupted";
  } finally {
    uow.close();
  }
}

async function answer(run: Run): Promise<"done" | "waiting"> {
  const { deps, turn, resolved, controller, tools } = run;
  const agent = findAgent(run.agentType);
  const stored = await conversation(deps.reader, turn.sessionId);
  const events = resolved.provider.stream(
    {
      model: resolved.model,
      system: agent?.prompt ?? "",
      messages: toHistory(stored.map(toStored)),
      tools: tools.map(({ name, description, parameters }) => ({ name, description, parameters })),
    },
    controller.signal,
  );
  const batch = new TokenBatch(
    (gathered) => commitTokens(run, gathered),
    (error) => controller.abort(error),
  );
  run.batch = batch;
  const calls: ToolCall[] = [];
  let end: { reason: FinishReason; usage: Usage | undefined } = {
    reason: "other",
    usage: undefined,
  };
  for await (const event of events) {
    switch (event.type) {
      case "text":
        await batch.add("assistant_message", event.text);
        break;
      case "reasoning":
        await batch.add("reasoning", event.text);
        break;
      case "switch_agent":
        await batch.flush();
        await commitAgentSwitch(run, event);
        break;
      case "tool_call":
        calls.push(event);
        break;
      case "finish":
        end = event;
        break;
      default:
        event satisfies never;
    }
  }
  await batch.flush();
  controller.signal.throwIfAborted();
  if (calls.length > 0) {
    await commitToolCalls(run, calls, end.usage);
    return "waiting";
  }
  await commitDone(run, end);
  return "done";
}

/** A step of this turn, under its lease; notices when somebody asked it to stop. */
async function write<T>(
  run: Run,
  operation: Step["operation"],
  work: (trx: Parameters<Parameters<typeof writeSession<T>>[3]>[0], append: Append) => Promise<T>,
): Promise<T> {
  const { deps, turn, uow, controller } = run;
  const { sessionId, turnId, fence } = turn;
  let cancelled = false;
  const result = await writeSession(
    deps.hub,
    uow,
    { operation, sessionId, turnId, fence },
    (trx, append) =>
      work(trx, async (chunks, ofTurnId) => {
        const appended = await append(chunks, ofTurnId);
        cancelled = appended.cancelTurnId === turnId;
        return appended;
      }),
  );
  if (cancelled) controller.abort(new StopTurn(ENDINGS.cancelled));
  return result;
}

async function commitTokens(run: Run, { chunks, receivedAt }: Batch): Promise<void> {
  const { metrics, hub } = run.deps;
  const { cancelTurnId } = await appendToSession(hub, run.uow, run.turn, chunks);
  if (cancelTurnId === run.turn.turnId) run.controller.abort(new StopTurn(ENDINGS.cancelled));
  const now = performance.now();
  metrics.publishDelay.observe((now - receivedAt) / 1000);
  if (!run.published) {
    run.published = true;
    metrics.timeToFirstChunk.observe({
      value: (now - run.turn.acceptedAt) / 1000,
      exemplarLabels: currentTrace()?.exemplar ?? {},
    });
  }
  for (const chunk of chunks) {
    if (chunk.type === "assistant_message") run.text += chunk.token ?? "";
  }
}

async function commitAgentSwitch(
  run: Run,
  event: Extract<ProviderEvent, { type: "switch_agent" }>,
): Promise<void> {
  if (!findAgent(event.to_agent)) return;
  const from = run.agentType;
  const { sessionId, turnId } = run.turn;
  await write(run, "agent_switched", async (trx, append) => {
    await changeSession(trx, sessionId, { agent_type: event.to_agent });
    await setTurnAgent(trx, turnId, event.to_agent);
    await append([
      {
        type: "agent_switched",
        metadata: { from_agent: from, to_agent: event.to_agent, reason: event.reason },
      },
    ]);
  });
  run.agentType = event.to_agent;
}

/** The calls, what was said before them, and the pause: one transaction, since none makes sense without the others. */
async function commitToolCalls(
  run: Run,
  calls: ToolCall[],
  usage: Usage | undefined,
): Promise<void> {
  const { sessionId, turnId } = run.turn;
  await write(run, "tool_call", async (trx, append) => {
    const asked: { call: ToolCall; status: "waiting_decision" | "waiting_result" }[] = [];
    for (const call of calls) {
      const tool = findTool(run.tools, call.tool_name);
      // Unknown means ask.
      const status =
        tool && !tool.requiresApproval && tool.run === "client"
          ? "waiting_result"
          : "waiting_decision";
      const call_id = await freeCallId(trx, sessionId, call.call_id);
      const named = { call_id, tool_name: call.tool_name, arguments: call.arguments };
      await insertToolCall(trx, { session_id: sessionId, turn_id: turnId, ...named, status });
      asked.push({ call: named, status });
    }
    const { chunks } = await append([
      ...asked.map(
        ({ call, status }): NewChunk => ({
          type: "tool_call",
          ...call,
          requires_approval: status === "waiting_decision",
        }),
      ),
      waitingChunk(asked.map(({ call, status }) => ({ call_id: call.call_id, status }))),
    ]);
    await insertMessage(trx, {
      session_id: sessionId,
      turn_id: turnId,
      position: chunks[0]?.seq ?? 0,
      role: "assistant",
      content: run.text,
      status: "complete",
      metadata: { tool_calls: asked.map(({ call }) => call), agent_type: run.agentType },
    });
    await setTurnStatus(trx, turnId, "waiting", usage);
    await releaseLease(trx, sessionId);
  });
  countTokens(run, usage);
}

export function waitingChunk(calls: { call_id: string; status: string }[]): NewChunk {
  return {
    type: "status",
    metadata: {
      state: "waiting",
      waiting_for: calls.map(({ call_id, status }) => ({
        kind: status === "waiting_decision" ? "tool_decision" : "tool_result",
        call_id,
      })),
    },
  };
}

async function commitDone(
  run: Run,
  end: { reason: FinishReason; usage: Usage | undefined },
): Promise<void> {
  const { sessionId, turnId, acceptedAt } = run.turn;
  await write(run, "complete_turn", async (trx, append) => {
    const { chunks } = await append([
      {
        type: "done",
        metadata: {
          model: run.resolved.id,
          agent_type: run.agentType,
          finish_reason: end.reason,
          elapsed_ms: Math.round(performance.now() - acceptedAt),
          ...(end.usage ? { usage: end.usage } : {}),
        },
      },
    ]);
    if (run.text !== "") {
      await insertMessage(trx, {
        session_id: sessionId,
        turn_id: turnId,
        position: chunks[0]?.seq ?? 0,
        role: "assistant",
        content: run.text,
        status: "complete",
        metadata: { agent_type: run.agentType, model: run.resolved.id },
      });
    }
    await endTurn(trx, turnId, { status: "done", ...end.usage });
    await releaseLease(trx, sessionId);
  });
  countTokens(run, end.usage);
}

/** How long a turn that cannot commit its own end goes on trying; after that the next start of a companion closes it. */
const MAX_CLOSING_MS = 24 * 60 * 60 * 1000;

/**
 * Commits the end of a turn as soon as that is possible: while the disk is full or the database away it waits
 * and tries again. False if the turn is not ours any more.
 */
async function closeForGood(deps: TurnDeps, turn: LeasedTurn, ending: Ending): Promise<boolean> {
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

function reportFailure(deps: TurnDeps, turn: LeasedTurn, err: unknown, ending: Ending): void {
  if (ending.status === "interrupted") return;
  deps.log.warn({ err, turn_id: turn.turnId, code: ending.code }, "a turn failed");
  if (!ending.code.startsWith("upstream_")) return;
  const provider = turn.model.split("/", 1)[0] ?? "";
  deps.metrics.upstreamErrors.inc({ provider, code: ending.code });
}

function countTokens(run: Run, usage: Usage | undefined): void {
  const { tokens } = run.deps.metrics;
  tokens.inc({ direction: "input" }, usage?.input_tokens ?? 0);
  tokens.inc({ direction: "output" }, usage?.output_tokens ?? 0);
}

export function toStored(row: MessageRow): StoredMessage {
  const metadata = metadataOf(row);
  return {
    role: row.role,
    content: row.content,
    status: row.status,
    context: metadata.context ?? [],
    tool_calls: metadata.tool_calls ?? [],
    call_id: metadata.call_id,
    tool_name: metadata.tool_name,
  };
}
