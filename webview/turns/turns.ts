// A session's chunks folded into what a reader sees. Pure: the same chunks give the same turns,
// however they were cut into batches and however often they came.

import type { ChunkOf, StreamChunk } from "../../server/protocol/chunks.ts";
import { continuity } from "../../server/shared/continuity.ts";
import { findTurn, withoutTurnsFrom, withVersion } from "../../server/shared/versions.ts";
import { withChange, withDecision } from "./changes.ts";
import { settled } from "./gone.ts";
import {
  type AgentPart,
  type Part,
  type Question,
  type SaidPart,
  type SessionLog,
  type StepPart,
  type TextPart,
  type Turn,
  type TurnEnd,
} from "./model.ts";
import { type Plan, paused, type Subtask, toPlan, withSubtask } from "./plans.ts";
import { withSummary } from "./summaries.ts";
import { addTool, changeTool, endTool, wait } from "./tool-calls.ts";
import { withOutput } from "./tool-output.ts";

/**
 * Takes chunks in order; what is known is skipped, and at a gap the rest is
 * left for a new subscription.
 */
export function takeChunks(log: SessionLog, chunks: readonly StreamChunk[]): SessionLog {
  let next = log;
  for (const chunk of chunks) {
    if (chunk.session_id !== log.id) continue;
    const place = continuity(next.cursor, chunk);
    if (place === "duplicate") continue;
    if (place === "gap") return next.gap ? next : { ...next, gap: true };
    next = settled({ ...takeChunk(next, chunk), cursor: chunk.seq, gap: false });
  }
  return next;
}

function takeChunk(log: SessionLog, chunk: StreamChunk): SessionLog {
  const { seq } = chunk;
  switch (chunk.type) {
    case "session_info": {
      const { title = null, model = null, agent_type: agent = null } = chunk.metadata ?? {};
      return { ...log, info: { seq, title, model, agent } };
    }
    case "user_message":
      return takeQuestion(log, chunk);
    case "assistant_message":
      return changeTurn(log, chunk, (turn) => addText(turn, "text", seq, chunk));
    case "reasoning":
      return changeTurn(log, chunk, (turn) => addText(turn, "reasoning", seq, chunk));
    case "snapshot":
      return changeTurn(log, chunk, (turn) => addSnapshot(turn, chunk));
    case "tool_call":
      // Its line says that the agent has changed; to a wider one it has to be asked for.
      if (chunk.tool_name === SWITCH && chunk.requires_approval !== true) return log;
      return changeTurn(log, chunk, (turn) => addTool(turn, chunk));
    case "tool_result":
      return changeTurn(log, chunk, (turn) => withChange(endTool(turn, chunk), chunk));
    case "agent_switched":
      return changeTurn(log, chunk, (turn) => {
        const { to_agent: agent = "", reason = "", stays = true } = chunk.metadata ?? {};
        const part: AgentPart = { kind: "agent", from: seq, to: seq, agent, reason };
        const nextAgent = stays ? agent : turn.nextAgent;
        const isAsked = (one: Part) => one.kind === "tool" && one.name === SWITCH && !one.error;
        const parts = [...turn.parts.filter((one) => !isAsked(one)), part];
        return { ...turn, agent, nextAgent, parts };
      });
    case "status":
      return takeStatus(log, chunk);
    case "done":
      // The end of a turn that nobody saw begin: of a rewind, or of the choice of a version.
      if (!findTurn(log, turnIdOf(chunk))) return log;
      return changeTurn(log, chunk, (turn) => endTurn(turn, chunk));
    case "error":
    case "interrupted":
      return changeTurn(changePlans(log, paused), chunk, (turn) => endTurn(turn, chunk));
    case "plan_created":
      return takePlan(log, chunk);
    case "subtask_completed":
      return changeSubtask(log, chunk, chunk.metadata?.subtask_id, "done");
    case "plan_rejected":
      return endPlan(log, chunk, "rejected");
    case "plan_modification_requested":
      return endPlan(log, chunk, "returned");
    case "execution_completed":
      return endPlan(log, chunk, "done");
    case "plan_approval_required":
      return log;
    default:
      chunk satisfies never;
      return log;
  }
}

function takeStatus(log: SessionLog, chunk: ChunkOf<"status">): SessionLog {
  const { seq, metadata, content = "", tool_name = "" } = chunk;
  switch (metadata?.state) {
    case "waiting":
      return changeTurn(log, chunk, (turn) => wait(turn, metadata.waiting_for ?? []));
    case "subtask":
      return changeTurn(
        changeSubtask(log, chunk, metadata.subtask_id, "running"),
        chunk,
        (turn) => {
          const title = `${metadata.number}/${metadata.of} · ${content}`;
          const part: StepPart = { kind: "step", from: seq, to: seq, title };
          return { ...turn, status: "running", parts: [...turn.parts, part] };
        },
      );
    case "summarised":
    case "summary_undone": {
      const summaries = withSummary(log.summaries, content, metadata);
      return withMeasure({ ...log, summaries }, metadata);
    }
    case "tool_allowed":
      return { ...log, granted: [...log.granted.filter((name) => name !== tool_name), tool_name] };
    case "tool_asks_again":
      return { ...log, granted: log.granted.filter((name) => name !== tool_name) };
    // Looked at where it is taken back; what the state knows of a level is in its facts.
    case "rule_allowed":
    case "approval_level":
      return log;
    case "rewound":
      return { ...log, ...withoutTurnsFrom(log, metadata.replaces_turn_id) };
    case "version_chosen":
      return withMeasure({ ...log, ...withVersion(log, metadata.chosen_turn_id ?? "") }, metadata);
    case "change_decided":
      return withDecision(log, metadata);
    case "continued":
      return changeTurn(log, chunk, (turn) => ({ ...turn, status: "running", isContinued: true }));
    case "tool_output":
      return changeTurn(log, chunk, (turn) =>
        changeTool(turn, chunk, (part) => withOutput(part, chunk, metadata)),
      );
    default:
      metadata satisfies undefined;
      return log;
  }
}

const MAX_ARRIVED = 20;
export const SWITCH = "switch_agent";

function takeQuestion(log: SessionLog, chunk: ChunkOf<"user_message">): SessionLog {
  const { seq, content: text = "", metadata = {} } = chunk;
  const {
    model = null,
    agent_type: agent = null,
    request_id,
    context = [],
    attachments = [],
    instructions,
  } = metadata;
  const question: Question = {
    text,
    context,
    attachments,
    instructions,
    resumesPlanId: metadata.resume_plan_id ?? null,
  };
  const arrived =
    request_id === undefined ? log.arrived : [...log.arrived, request_id].slice(-MAX_ARRIVED);
  // Read by the answer that runs; the messages of a conversation that was brought along
  // are one turn, too, and say who speaks.
  const isAdded = metadata.role === undefined && log.turns.at(-1)?.id === chunk.turn_id;
  if (isAdded) {
    const part: SaidPart = { kind: "said", from: seq, to: seq, question };
    const added = changeTurn(log, chunk, (turn) => {
      return { ...turn, status: "running", parts: [...turn.parts, part] };
    });
    return { ...added, arrived };
  }
  const turn: Turn = {
    ...emptyTurn(turnIdOf(chunk), seq),
    question,
    model,
    agent,
    nextAgent: agent,
  };
  const kept = withoutTurnsFrom(log, metadata.replaces_turn_id);
  return { ...log, turns: [...kept.turns, turn], others: kept.others, arrived };
}

/** What the whole conversation measures now. */
function withMeasure(
  log: SessionLog,
  { context_tokens }: { context_tokens?: number | undefined },
): SessionLog {
  const last = log.turns.at(-1);
  const contextTokens = context_tokens ?? null;
  return last ? { ...log, turns: [...log.turns.slice(0, -1), { ...last, contextTokens }] } : log;
}

function emptyTurn(id: string, seq: number): Turn {
  return {
    id,
    from: seq,
    question: null,
    model: null,
    agent: null,
    nextAgent: null,
    parts: [],
    status: "running",
    ending: null,
    contextTokens: null,
  };
}

/**
 * What happens outside a turn (an agent chosen by hand) stands as a turn of its own, over at once.
 */
function turnIdOf(chunk: StreamChunk): string {
  return chunk.turn_id ?? `seq-${chunk.seq}`;
}

function changeTurn(log: SessionLog, chunk: StreamChunk, change: (turn: Turn) => Turn): SessionLog {
  const id = turnIdOf(chunk);
  const at = log.turns.findLastIndex((turn) => turn.id === id);
  const found = log.turns[at];
  if (!found && findTurn(log, id)) {
    // Of a version that is not shown: an end that a repair has put there, say.
    const others = log.others.map((branch) => ({
      ...branch,
      turns: branch.turns.map((turn) => (turn.id === id ? change(turn) : turn)),
    }));
    return { ...log, others };
  }
  if (!found) {
    const made = change(emptyTurn(id, chunk.seq));
    const turn: Turn = chunk.turn_id === undefined ? { ...made, status: "done" } : made;
    return { ...log, turns: [...log.turns, turn] };
  }
  const turns = log.turns.slice();
  turns[at] = change(found);
  return { ...log, turns };
}

function addText(turn: Turn, kind: TextPart["kind"], seq: number, chunk: StreamChunk): Turn {
  const text = chunk.token ?? chunk.content ?? "";
  const last = turn.parts.at(-1);
  const part: TextPart =
    last?.kind === kind
      ? { ...last, to: seq, text: last.text + text }
      : { kind, from: seq, to: seq, text };
  const parts = last?.kind === kind ? turn.parts.slice(0, -1) : turn.parts;
  return { ...turn, status: "running", parts: [...parts, part] };
}

/** The text since `from_seq` as one; a reader who came later has a part of it already. */
function addSnapshot(turn: Turn, chunk: ChunkOf<"snapshot">): Turn {
  const { metadata = {} } = chunk;
  if (metadata.of === "tool_output") {
    return changeTool(turn, chunk, (part) => withOutput(part, chunk, metadata));
  }
  const from = metadata.from_seq ?? chunk.seq;
  const kind = metadata.of === "reasoning" ? "reasoning" : "text";
  const kept = turn.parts.filter((part) => part.kind !== kind || part.to < from);
  const part: TextPart = { kind, from, to: chunk.seq, text: chunk.content ?? "" };
  const parts = [...kept, part].toSorted((a, b) => a.from - b.from);
  return { ...turn, parts };
}

/** The plan of the call just before it, or a person's version of one that is there. */
function takePlan(log: SessionLog, chunk: ChunkOf<"plan_created">): SessionLog {
  const plan = toPlan(chunk);
  return changeTurn(log, chunk, (turn) => {
    const at = turn.parts.findLastIndex(
      (part) => part.kind === "tool" && (part.plan?.id ?? plan.id) === plan.id,
    );
    const parts = turn.parts.map((part, index) =>
      part.kind === "tool" && index === at ? { ...part, plan } : part,
    );
    return { ...turn, parts };
  });
}

/** Of whatever turn: a resumed plan goes on in a later one than that which shows it. */
function changePlans(log: SessionLog, change: (plan: Plan) => Plan): SessionLog {
  const turns = log.turns.map((turn) => {
    if (!turn.parts.some((part) => part.kind === "tool" && part.plan)) return turn;
    const parts = turn.parts.map((part) =>
      part.kind === "tool" && part.plan ? { ...part, plan: change(part.plan) } : part,
    );
    return { ...turn, parts };
  });
  return { ...log, turns };
}

function changeSubtask(
  log: SessionLog,
  { plan_id }: StreamChunk,
  id: string | undefined,
  state: Subtask["state"],
): SessionLog {
  return changePlans(log, (plan) => (plan.id === plan_id ? withSubtask(plan, id, state) : plan));
}

function endPlan(log: SessionLog, chunk: StreamChunk, state: Plan["state"]): SessionLog {
  return changePlans(log, (plan) => (plan.id === chunk.plan_id ? { ...plan, state } : plan));
}

function endTurn(turn: Turn, chunk: ChunkOf<"done" | "error" | "interrupted">): Turn {
  const { type: status } = chunk;
  const done = (chunk.type === "done" && chunk.metadata) || {};
  const failed = (chunk.type !== "done" && chunk.metadata) || {};
  const ending: TurnEnd = {
    seq: chunk.seq,
    code: failed.code ?? null,
    message: chunk.error ?? chunk.content ?? "",
    hint: failed.hint ?? null,
    retryable: failed.retryable !== false,
    retryAfterSeconds: failed.retry_after_seconds ?? null,
    elapsedMs: done.elapsed_ms ?? null,
    outputTokens: done.usage?.output_tokens ?? null,
  };
  const parts = turn.parts.map((part) =>
    part.kind === "tool" && part.waitsFor !== null ? { ...part, waitsFor: null } : part,
  );
  const { model = turn.model, context_tokens: contextTokens = turn.contextTokens } = done;
  return { ...turn, status, ending, parts, model, contextTokens };
}
