// What becomes of the calls of a turn, as its chunks tell.
import { ASK_REASONS, CALL_OUTCOMES, type CallOutcome } from "../../server/protocol/call-words.ts";
import type { ChunkOf, StreamChunk } from "../../server/protocol/chunks.ts";
import type { ToolPart, Turn } from "./model.ts";
import { NO_OUTPUT } from "./tool-output.ts";

export function addTool(turn: Turn, chunk: ChunkOf<"tool_call">): Turn {
  const part: ToolPart = {
    kind: "tool",
    from: chunk.seq,
    to: chunk.seq,
    callId: chunk.call_id ?? "",
    name: chunk.tool_name ?? "",
    arguments: chunk.arguments ?? {},
    waitsFor: null,
    does: chunk.metadata?.kind ?? null,
    // A newer companion may have others.
    because: ASK_REASONS.find((reason) => reason === chunk.metadata?.asks_because) ?? null,
    allowedBy: chunk.metadata?.allowed_by ?? null,
    plan: null,
    output: NO_OUTPUT,
    result: null,
    error: null,
    outcome: null,
  };
  return { ...turn, parts: [...turn.parts, part] };
}

export function endTool(turn: Turn, chunk: ChunkOf<"tool_result">): Turn {
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

function outcomeOf({ error, metadata }: ChunkOf<"tool_result">): CallOutcome | null {
  if (error === undefined) return null;
  const told = CALL_OUTCOMES.find((outcome) => outcome === metadata?.outcome);
  const worded = CALL_OUTCOMES.find((outcome) => error.startsWith(OUTCOME_WORDS[outcome] ?? "\0"));
  return told ?? worded ?? null;
}

export function changeTool(
  turn: Turn,
  { call_id }: StreamChunk,
  change: (part: ToolPart) => ToolPart,
): Turn {
  const parts = turn.parts.map((part) =>
    part.kind === "tool" && part.callId === call_id ? change(part) : part,
  );
  return { ...turn, parts };
}

export function wait(
  turn: Turn,
  waiting: readonly { kind: NonNullable<ToolPart["waitsFor"]>; call_id: string }[],
): Turn {
  const calls = new Map(waiting.map(({ kind, call_id }) => [call_id, kind]));
  const parts = turn.parts.map((part) =>
    part.kind === "tool" ? { ...part, waitsFor: calls.get(part.callId) ?? null } : part,
  );
  return { ...turn, parts, status: "waiting" };
}
