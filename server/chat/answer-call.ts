import { insertMessage, metadataOf, turnMessages } from "../db/messages.ts";
import { findOffer } from "../db/offers.ts";
import type { Trx } from "../db/schema.ts";
import { lockSession, takeLease } from "../db/sessions.ts";
import {
  findToolCall,
  moveToolCall,
  openToolCalls,
  type ToolCallChange,
  type ToolCallRow,
} from "../db/tool-calls.ts";
import { findTurn, setTurnStatus, type Turn } from "../db/turns.ts";
import { findTool } from "../domain/tools.ts";
import { ChatError } from "../errors.ts";
import type { NewChunk } from "../protocol/chunks.ts";
import type { ClientMessage } from "../protocol/requests.ts";
import type { AcceptedTurn } from "./chat.ts";
import { waitingChunk } from "./run-turn.ts";
import type { StartDeps } from "./start-turn.ts";
import type { LeasedTurn } from "./turn-deps.ts";
import { type Append, writeSession } from "./write-session.ts";

type ToolDecision = Extract<ClientMessage, { type: "tool_decision" }>;
type ToolResult = Extract<ClientMessage, { type: "tool_result" }>;

/** What becomes of a call: its row's next state and, if it is over, what the model gets to read. */
interface Answer {
  from: ToolCallRow["status"];
  change: ToolCallChange;
  /** Undefined while somebody still has to run it. */
  reply: { content: string; chunk: Pick<NewChunk, "content" | "error"> } | undefined;
}

/** A person's decision about a call. Decision, changed arguments, result and the next step of the turn commit together. */
export async function decideCall(
  deps: StartDeps,
  sessionId: string,
  message: ToolDecision,
): Promise<AcceptedTurn> {
  return await answerCall(deps, "tool_decision", sessionId, message.call_id, (call) => {
    if (call.status !== "waiting_decision") return undefined;
    const { decision, modified_arguments, feedback } = message;
    if (decision === "reject") {
      const content = `The user rejected this call${feedback ? `: ${feedback}` : "."}`;
      return {
        from: "waiting_decision",
        change: { status: "rejected", decision, error: content },
        reply: { content, chunk: { error: content } },
      };
    }
    if (decision === "edit" && !modified_arguments) {
      throw new ChatError("invalid_request", "message.modified_arguments: needed to edit a call.");
    }
    const stored = JSON.parse(call.arguments) as Record<string, unknown>;
    const args = decision === "edit" ? (modified_arguments ?? {}) : stored;
    const edited = decision === "edit" ? { arguments: args } : {};
    const tool = findTool(deps.allTools, call.tool_name);
    if (!tool || tool.run === "client") {
      const change: ToolCallChange = { status: "waiting_result", decision, ...edited };
      return { from: "waiting_decision", change, reply: undefined };
    }
    const ran = runHere(tool.run, args);
    return {
      from: "waiting_decision",
      change: { status: "done", decision, ...edited, ...ran.row },
      reply: ran.reply,
    };
  });
}

/** What a client's tool answered. Taken once; the same again gets the turn as it went on. */
export async function takeResult(
  deps: StartDeps,
  sessionId: string,
  message: ToolResult,
): Promise<AcceptedTurn> {
  return await answerCall(deps, "tool_result", sessionId, message.call_id, (call) => {
    if (call.status === "waiting_decision") {
      throw new ChatError("not_waiting", "This call waits for a decision, not for a result.", {
        hint: "Send a tool_decision first.",
      });
    }
    if (call.status !== "waiting_result") return undefined;
    if (message.error !== undefined) {
      return {
        from: "waiting_result",
        change: { status: "done", error: message.error },
        reply: { content: `Error: ${message.error}`, chunk: { error: message.error } },
      };
    }
    const { result } = message;
    const content = typeof result === "string" ? result : JSON.stringify(result ?? null);
    return {
      from: "waiting_result",
      change: { status: "done", result: content },
      reply: { content, chunk: { content } },
    };
  });
}

function runHere(run: (args: Record<string, unknown>) => string, args: Record<string, unknown>) {
  try {
    const content = run(args);
    return { row: { result: content }, reply: { content, chunk: { content } } };
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown.message : String(thrown);
    return { row: { error }, reply: { content: `Error: ${error}`, chunk: { error } } };
  }
}

async function answerCall(
  deps: StartDeps,
  operation: "tool_decision" | "tool_result",
  sessionId: string,
  callId: string,
  toAnswer: (call: ToolCallRow) => Answer | undefined,
): Promise<AcceptedTurn> {
  deps.turns.refuseWhenDraining();
  const acceptedAt = performance.now();
  return await deps.lock.with(sessionId, async () => {
    const found = await findToolCall(deps.reader, sessionId, callId);
    if (!found) throw new ChatError("not_found", "There is no such call in this session.");
    const uow = deps.newUnitOfWork({ sessionId, turnId: found.turn_id });
    let leased: LeasedTurn | undefined;
    const step = { operation, sessionId, turnId: found.turn_id };
    const accepted = await writeSession(deps.hub, uow, step, async (trx, append) => {
      leased = undefined;
      const session = await lockSession(trx, sessionId);
      const call = (await findToolCall(trx, sessionId, callId)) ?? found;
      const turn = await findTurn(trx, call.turn_id);
      const answer = toAnswer(call);
      if (!turn || !answer) return await asStored(trx, call);
      if (!(await moveToolCall(trx, call, answer.from, answer.change))) return asStored(trx, call);
      if (await recordAnswer(trx, append, call, answer)) {
        leased = await resume(trx, deps, turn, acceptedAt);
      }
      return { session_id: sessionId, turn_id: turn.id, after: session.last_seq };
    });
    uow.close();
    if (leased) deps.turns.launch(leased);
    return accepted;
  });
}

/** Writes chunk and message; true if the turn has nothing left to wait for. */
async function recordAnswer(
  trx: Trx,
  append: Append,
  call: ToolCallRow,
  answer: Answer,
): Promise<boolean> {
  const { session_id, turn_id, call_id, tool_name } = call;
  const open = await openToolCalls(trx, { sessionId: session_id, turnId: turn_id });
  const chunks: NewChunk[] = [];
  if (answer.reply) {
    chunks.push({ type: "tool_result", call_id, tool_name, ...answer.reply.chunk });
  }
  if (open.length > 0) chunks.push(waitingChunk(open));
  const appended = await append(chunks);
  if (answer.reply) {
    await insertMessage(trx, {
      session_id,
      turn_id,
      position: appended.chunks[0]?.seq ?? 0,
      role: "tool",
      content: answer.reply.content,
      status: "complete",
      metadata: { call_id, tool_name },
    });
  }
  return open.length === 0;
}

async function resume(
  trx: Trx,
  deps: StartDeps,
  turn: Turn,
  acceptedAt: number,
): Promise<LeasedTurn> {
  const fence = await takeLease(trx, turn.session_id, deps.owner);
  await setTurnStatus(trx, turn.id, "running");
  return {
    sessionId: turn.session_id,
    turnId: turn.id,
    fence,
    agentType: turn.agent_type,
    model: turn.model,
    offer: await findOffer(trx, turn),
    acceptedAt,
  };
}

/** The call was answered before: the stream from that answer on. */
async function asStored(trx: Trx, call: ToolCallRow): Promise<AcceptedTurn> {
  const answers = (await turnMessages(trx, call.turn_id)).filter(
    (message) => message.role === "tool" && metadataOf(message).call_id === call.call_id,
  );
  const turn = await findTurn(trx, call.turn_id);
  const after = answers[0] ? answers[0].position - 1 : (turn?.after_seq ?? 0);
  return { session_id: call.session_id, turn_id: call.turn_id, after };
}
