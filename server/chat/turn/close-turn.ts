import { moveToolCall, openToolCalls } from "../../db/tables/calls/tool-calls.ts";
import { withLastWords } from "../../db/tables/calls/tool-output.ts";
import { textBetween } from "../../db/tables/chunks.ts";
import { insertMessage, lastPosition } from "../../db/tables/messages.ts";
import { pausePlans } from "../../db/tables/plans.ts";
import { holdQueue } from "../../db/tables/queue.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { releaseLease } from "../../db/tables/sessions.ts";
import { endTurn } from "../../db/tables/turns.ts";
import { UNANSWERED } from "../../domain/history.ts";
import { ChatError } from "../../errors.ts";
import type { CallOutcome } from "../../protocol/call-words.ts";
import type { NewChunk } from "../../protocol/chunks.ts";
import type { ErrorCode } from "../../protocol/errors.ts";
import { omitUndefined } from "../../shared/json.ts";
import type { Append } from "../log/write-session.ts";

/** Why a turn ends without being done. */
export interface Ending {
  status: "error" | "interrupted";
  code: ErrorCode;
  /** For people: what happened. */
  message: string;
  hint?: string | undefined;
  retryAfterSeconds?: number | undefined;
}

/**
 * Ends a turn early, in the caller's transaction: what was shown of the answer becomes a
 * partial message, calls that wait are closed so that the conversation stays valid, and the
 * final chunk says why. Everything is read from the log, not from memory, so a crashed turn and
 * a running one end the same way.
 */
export async function closeTurn(
  trx: Trx,
  append: Append,
  turn: { sessionId: string; turnId: string },
  ending: Ending,
): Promise<void> {
  const { sessionId, turnId } = turn;
  const after = await lastPosition(trx, turnId);
  const text = await textBetween(trx, { sessionId, turnId, after });
  const calls = await openToolCalls(trx, { sessionId, turnId });
  for (const call of calls) {
    await moveToolCall(trx, call, call.status, { status: "cancelled", error: ending.message });
  }

  await pausePlans(trx, turnId);

  const cancelled: NewChunk[] = calls.map((call) => ({
    type: "tool_result",
    call_id: call.call_id,
    tool_name: call.tool_name,
    error: "The call was closed before it had a result.",
    metadata: { outcome: "stopped" satisfies CallOutcome },
  }));
  const { chunks } = await append([...cancelled, finalChunk(ending, text.length)], turnId);
  for (const [index, call] of calls.entries()) {
    // Without words of its own it needs none here: a call without a result is told as such.
    if (call.output_length === 0) continue;
    await insertMessage(trx, {
      session_id: sessionId,
      turn_id: turnId,
      position: chunks[index]?.seq ?? 0,
      role: "tool",
      content: await withLastWords(trx, call, UNANSWERED),
      status: "complete",
      metadata: { call_id: call.call_id, tool_name: call.tool_name },
    });
  }

  const position = chunks.at(-1)?.seq ?? 0;
  if (text !== "") {
    await insertMessage(trx, {
      session_id: sessionId,
      turn_id: turnId,
      position,
      role: "assistant",
      content: text,
      status: "partial",
      metadata: {},
    });
  }
  // What was to follow an answer may not make sense without it; a crash is nobody's answer.
  if (ending.status === "error") await holdQueue(trx, sessionId, "failed");
  await endTurn(trx, turnId, { status: ending.status, error_code: ending.code });
  await releaseLease(trx, sessionId);
}

function finalChunk(ending: Ending, keptCharacters: number): NewChunk {
  const { status, code, message, hint, retryAfterSeconds } = ending;
  const metadata = omitUndefined({
    code,
    hint,
    kept_chars: keptCharacters,
    retryable: code !== "key_missing" && code !== "upstream_unauthorized",
    retry_after_seconds: retryAfterSeconds,
  });
  return status === "error"
    ? { type: "error", error: message, metadata }
    : { type: "interrupted", content: message, metadata };
}

export const ENDINGS = {
  cancelled: {
    status: "interrupted",
    code: "cancelled",
    message: "Stopped. What had arrived is kept.",
  },
  superseded: {
    status: "interrupted",
    code: "cancelled",
    message: "A new message took over; the waiting calls were closed.",
  },
  server_stopped: {
    status: "interrupted",
    code: "server_stopped",
    message: "The companion was stopped in the middle of the answer. What had arrived is kept.",
  },
  server_restarted: {
    status: "interrupted",
    code: "server_restarted",
    message: "The companion went away in the middle of the answer. What had arrived is kept.",
  },
} as const satisfies Record<string, Ending>;

export function endingOf(error: unknown): Ending {
  if (error instanceof ChatError) {
    return {
      status: "error",
      code: error.code,
      message: error.message,
      hint: error.hint,
      retryAfterSeconds: error.retryAfterSeconds,
    };
  }
  return {
    status: "error",
    code: "internal",
    message: "Something went wrong inside the companion.",
    hint: "What had arrived is kept. The log has the details.",
  };
}
