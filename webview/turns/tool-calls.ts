// What becomes of the calls of a turn, as its chunks tell.
import { ASK_REASONS } from "../../server/protocol/ask-reasons.ts";
import { CALL_OUTCOMES, type CallOutcome } from "../../server/protocol/call-outcomes.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { NO_OUTPUT } from "./tool-output.ts";
import type { ToolPart, Turn } from "./turns.ts";
import { textOf } from "./values.ts";

export function addTool(turn: Turn, chunk: StreamChunk): Turn {
  const part: ToolPart = {
    kind: "tool",
    from: chunk.seq,
    to: chunk.seq,
    callId: chunk.call_id ?? "",
    name: chunk.tool_name ?? "",
    arguments: chunk.arguments ?? {},
    waitsFor: null,
    does: textOf(chunk.metadata?.["kind"]),
    because: ASK_REASONS.find((reason) => reason === chunk.metadata?.["asks_because"]) ?? null,
    plan: null,
    output: NO_OUTPUT,
    result: null,
    error: null,
    outcome: null,
  };
  return { ...turn, parts: [...turn.parts, part] };
}

export function endTool(turn: Turn, chunk: StreamChunk): Turn {
  const ended = changeTool(turn, chunk, (part) => ({
    ...part,
    to: chunk.seq,
    waitsFor: null,
    // An approved plan begins.
    plan: part.plan && chunk.error === undefined ? { ...part.plan, state: "runs" } : part.plan,
    result: chunk.content ?? null,
    error: chunk.error ?? null,
    outcome: outcomeOf(chunk),
  }));
  const waits = ended.parts.some((part) => part.kind === "tool" && part.waitsFor !== null);
  return { ...ended, status: waits ? "waiting" : "running" };
}

/** What was stored before results said so has its words only. */
const OUTCOME_WORDS: Partial<Record<CallOutcome, string>> = {
  rejected: "The user rejected this call",
  stopped: "The call was closed before it had a result.",
};

function outcomeOf({ error, metadata }: StreamChunk): CallOutcome | null {
  if (error === undefined) return null;
  const told = CALL_OUTCOMES.find((outcome) => outcome === metadata?.["outcome"]);
  const worded = CALL_OUTCOMES.find((outcome) => error.startsWith(OUTCOME_WORDS[outcome] ?? "\0"));
  return told ?? worded ?? null;
}

export function changeTool(
  turn: Turn,
  chunk: StreamChunk,
  change: (part: ToolPart, chunk: StreamChunk) => ToolPart,
): Turn {
  const parts = turn.parts.map((part) =>
    part.kind === "tool" && part.callId === chunk.call_id ? change(part, chunk) : part,
  );
  return { ...turn, parts };
}

export function wait(turn: Turn, raw: unknown): Turn {
  const calls = new Map<string, ToolPart["waitsFor"]>();
  for (const item of Array.isArray(raw) ? raw : []) {
    const { kind, call_id } = item as Record<string, unknown>;
    if (typeof call_id !== "string") continue;
    if (kind === "tool_decision" || kind === "tool_result") calls.set(call_id, kind);
  }
  const parts = turn.parts.map((part) =>
    part.kind === "tool" ? { ...part, waitsFor: calls.get(part.callId) ?? null } : part,
  );
  return { ...turn, parts, status: "waiting" };
}
