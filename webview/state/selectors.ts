// What components ask of the state.
import type { Model } from "../../server/protocol/responses.ts";
import {
  attachmentTokens,
  DEFAULT_CONTEXT_WINDOW,
  estimateTokens,
} from "../../server/shared/tokens.ts";
import { isOpen, type Part, type Turn } from "../turns/model.ts";
import type { Plan } from "../turns/plans.ts";
import type { Summary } from "../turns/summaries.ts";
import { isAttached } from "./attached.ts";
import type { AppState } from "./model.ts";

export function lastTurn(state: AppState): Turn | undefined {
  return state.log?.turns.at(-1);
}

/** The last turn that asked something, which is the one that can be asked again or rewritten. */
export function lastQuestion(state: AppState): Turn | undefined {
  return state.log?.turns.findLast(({ question }) => question !== null);
}

/** An answer is being written, or its question is on the way. */
export function isBusy(state: AppState): boolean {
  const { outgoing } = state;
  if (outgoing !== null && outgoing.state !== "refused") return true;
  return lastTurn(state)?.status === "running";
}

export function isSendable({ draft, context }: AppState): boolean {
  return draft.trim() !== "" || context.some(isAttached);
}

/** The page was opened without its key, which no waiting mends. */
export function isLockedOut({ connection }: AppState): boolean {
  return connection.state === "away" && connection.reason === "unauthorized";
}

/**
 * There is something before the newest question that no summary tells yet, and
 * a model that can tell it.
 */
export function canSummarise(state: AppState): boolean {
  const turns = state.log?.turns ?? [];
  const until = activeSummary(state)?.untilTurnId;
  const fresh = turns.slice(turns.findIndex(({ id }) => id === until) + 1);
  const isDemo = findModel(state, chosenModel(state))?.demo === true;
  return !isDemo && fresh.filter(({ question }) => question !== null).length > 1;
}

/** A tool is being run for the answer. */
export function runsTool(state: AppState): boolean {
  const turn = lastTurn(state);
  const isRun = (part: Part): boolean => part.kind === "tool" && part.waitsFor === "tool_result";
  return turn?.status === "waiting" && turn.parts.some(isRun);
}

/** A message of now is queued: an answer is being written, or a tool is being run for it. */
export function mustWait(state: AppState): boolean {
  const { outgoing, connection, editing } = state;
  if (editing !== null || connection.state !== "ready") return false;
  if (outgoing !== null && outgoing.state !== "refused") return false;
  return lastTurn(state)?.status === "running" || runsTool(state);
}

/** Also before the answer has begun: then it is stopped as soon as there is something to stop. */
export function canStop(state: AppState): boolean {
  return (isOpen(lastTurn(state)) || state.outgoing?.state === "sending") && !state.stopping;
}

/** The history is still coming; until it is there, showing its beginning would only flicker. */
export function isLoading(state: AppState): boolean {
  const { log, facts, streamError } = state;
  if (!log || streamError) return false;
  return facts === null ? log.cursor === 0 : log.cursor < facts.lastSeq;
}

/**
 * Where the turn is that the reader is led to: its index, -1 if it is not in the chat, undefined
 * while it may still come.
 */
export function soughtIndex(state: AppState): number | undefined {
  const { log, facts, sought } = state;
  if (!log || !facts || !sought || isLoading(state)) return undefined;
  const index = log.turns.findIndex(({ id }) => id === sought.turnId);
  const mayCome = sought.until === null || log.cursor < sought.until;
  return index < 0 && mayCome ? undefined : index;
}

/** Nothing stands in the composer that could be lost or mixed up. */
export function isUnwritten({ draft, context, editing }: AppState): boolean {
  return draft.trim() === "" && context.length === 0 && editing === null;
}

export function chosenModel(state: AppState): string | null {
  return state.chosen.model ?? state.facts?.model ?? state.models?.default ?? null;
}

/** An answer may have gone over to another agent, which then answers the next message, too. */
export function chosenAgent(state: AppState): string | null {
  const { chosen, facts, agents } = state;
  return chosen.agent ?? lastTurn(state)?.nextAgent ?? facts?.agent ?? agents?.default ?? null;
}

export function findModel(state: AppState, id: string | null): Model | undefined {
  return state.models?.data.find((model) => model.id === id);
}

/**
 * What the next message would make the model read, in tokens: what the last answer measured, and
 * an estimate of the rest.
 */
export function contextUse(state: AppState): { tokens: number; window: number } {
  const { log, editing, draft, context, queue } = state;
  const all = log?.turns ?? [];
  const end = all.findIndex(({ id }) => id === editing);
  const turns = end < 0 ? all : all.slice(0, end);
  const known = turns.findLastIndex(({ contextTokens }) => contextTokens !== null);
  const texts = [draft, ...[...context, ...queue].map(({ content }) => content)];
  const attached: { type: string; bytes: number }[] = context.filter(isAttached);
  for (const { attachments = [] } of queue) attached.push(...attachments);
  for (const { question, parts } of turns.slice(known + 1)) {
    texts.push(question?.text ?? "");
    attached.push(...(question?.attachments ?? []));
    for (const part of parts) {
      if (part.kind === "text") texts.push(part.text);
      if (part.kind === "tool") texts.push(part.result ?? "");
    }
  }
  const before = turns[known]?.contextTokens ?? 0;
  const model = findModel(state, chosenModel(state));
  return {
    tokens: before + estimateTokens(texts.join("\n")) + attachmentTokens(attached),
    window: model?.context_window ?? DEFAULT_CONTEXT_WINDOW,
  };
}

export function activeSummary({ log }: AppState): Summary | undefined {
  return log?.summaries.findLast(({ untilTurnId }) =>
    log.turns.some(({ id }) => id === untilTurnId),
  );
}

export function agentName(state: AppState, type: string): string {
  return state.agents?.agents.find((agent) => agent.type === type)?.name ?? type;
}

/** The newest plan that was begun and is not done. */
export function unfinishedPlan(turns: readonly Turn[]): Plan | undefined {
  const plans = turns.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.kind === "tool" && part.plan && part.result ? [part.plan] : [])),
  );
  const plan = plans.at(-1);
  return plan?.subtasks.some(({ state }) => state !== "done") ? plan : undefined;
}
