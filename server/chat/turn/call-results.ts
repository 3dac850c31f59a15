// What a call came to, as its row, its chunk and the model have it.
import type { ToolCallChange } from "../../db/tables/calls/tool-calls.ts";
import type { CallOutcome } from "../../protocol/call-words.ts";
import type { CallResult, NewChunk } from "../../protocol/chunks.ts";
import type { ToolCall } from "../../providers/provider.ts";

export interface Reply {
  /** For the model. */
  content: string;
  /** For readers. */
  chunk: CallResult;
}

export const failed = (error: string): Reply => ({ content: `Error: ${error}`, chunk: { error } });
/** Not done, because somebody or something said no. */
export const refused = (outcome: CallOutcome, error: string, content = error): Reply => ({
  content,
  chunk: { error, metadata: { outcome } },
});
/** For its row. */
export const cameOf = ({ chunk }: Reply): { result: string } | { error: string } =>
  "error" in chunk ? { error: chunk.error } : { result: chunk.content };
export const succeeded = (content: string): Reply => ({ content, chunk: { content } });

/** What becomes of a call: its row's next state and, if it is over, what the model gets to read. */
export interface CallAnswer {
  change: ToolCallChange;
  /** Undefined while somebody still has to run it. */
  reply: Reply | undefined;
  /** A companion runs it from now on. */
  isCompanions?: boolean;
  /** What readers see before the result. */
  chunks?: NewChunk[];
}

export function resultChunk(
  { call_id, tool_name }: Pick<ToolCall, "call_id" | "tool_name">,
  { chunk }: Reply,
): NewChunk {
  return { type: "tool_result", call_id, tool_name, ...chunk };
}

export function runHere(
  run: (args: Record<string, unknown>) => string,
  args: Record<string, unknown>,
): Reply {
  try {
    return succeeded(run(args));
  } catch (thrown) {
    return failed(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

export function waitingChunk(calls: readonly { call_id: string; status: string }[]): NewChunk {
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
