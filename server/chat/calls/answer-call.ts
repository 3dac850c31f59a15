import { claimCall, isClaimOver } from "../../db/tables/calls/claims.ts";
import {
  findToolCall,
  moveToolCall,
  openToolCalls,
  type ToolCallChange,
  type ToolCallRow,
} from "../../db/tables/calls/tool-calls.ts";
import { withLastWords } from "../../db/tables/calls/tool-output.ts";
import { grantTool } from "../../db/tables/calls/tool-rules.ts";
import { insertMessage, metadataOf, turnMessages } from "../../db/tables/messages.ts";
import { findOffer } from "../../db/tables/offers.ts";
import { planOfCall } from "../../db/tables/plans.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { changeSession } from "../../db/tables/sessions.ts";
import { findTurn, setTurnProgress, type TurnRow } from "../../db/tables/turns.ts";
import { findAgent } from "../../domain/agents.ts";
import { loadShellReader } from "../../domain/approvals/read-command.ts";
import type { Offer } from "../../domain/offer.ts";
import { refusedPath } from "../../domain/permissions.ts";
import { findTool, SWITCH_TOOL } from "../../domain/tools.ts";
import { ChatError } from "../../errors.ts";
import type { NewChunk } from "../../protocol/chunks.ts";
import type { ClientMessage } from "../../protocol/requests.ts";
import { omitUndefined } from "../../shared/json.ts";
import type { AcceptedTurn } from "../chat.ts";
import type { ChatDeps, LeasedTurn } from "../deps.ts";
import { leaseTurn } from "../log/lease-turn.ts";
import type { Append, Writing } from "../log/write-session.ts";
import {
  type CallAnswer,
  cameOf,
  failed,
  refused,
  resultChunk,
  runHere,
  waitingChunk,
} from "../turn/call-results.ts";
import { switchedChunk } from "../turn/commit-answer.ts";
import { reasonOf, switched } from "../turn/commit-calls.ts";
import { COMPANION } from "../turn/companion-client.ts";
import { decidePlan } from "../turn/propose-plan.ts";
import { storeRule } from "./approvals.ts";

type ToolDecision = Extract<ClientMessage, { type: "tool_decision" }>;
type ToolResult = Extract<ClientMessage, { type: "tool_result" }>;

type ToAnswer = (trx: Trx, call: ToolCallRow, turn: TurnRow) => Promise<CallAnswer | undefined>;

/**
 * A person's decision about a call. Decision, changed arguments, result and the next step of
 * the turn commit together.
 */
export async function decideCall(
  deps: ChatDeps,
  sessionId: string,
  message: ToolDecision,
  clientId?: string,
): Promise<AcceptedTurn> {
  const { decision, feedback, remember, call_id } = message;
  if (decision === "edit" && !message.modified_arguments) {
    throw new ChatError("invalid_request", "message.modified_arguments: needed to edit a call.");
  }
  const rule = typeof remember === "object" ? remember : undefined;
  const read = rule && (await loadShellReader());
  return await answerCall(deps, "tool_decision", sessionId, call_id, async (trx, call, turn) => {
    if (call.status !== "waiting_decision") return undefined;
    const plan = await planOfCall(trx, call);
    const decided = { decision, decided_by: clientId ?? null };
    const offer = await findOffer(trx, turn);
    if (plan) return await decidePlan(trx, plan, message, offer);
    if (decision === "reject") {
      const content = `The user rejected this call${feedback ? `: ${feedback}` : "."}`;
      return {
        change: { status: "rejected", ...decided, error: content },
        reply: refused("rejected", content),
      };
    }
    const stored = JSON.parse(call.arguments) as Record<string, unknown>;
    const args = decision === "edit" ? (message.modified_arguments ?? {}) : stored;
    if (decision === "edit") refuseOtherFiles(call, args, findAgent(turn.agent_type, offer.agents));
    const edited = decision === "edit" ? { arguments: args } : {};
    if (isSwitch(call)) {
      const answer = await approveSwitch(trx, turn, args, offer);
      return { ...answer, change: { ...answer.change, ...decided, ...edited } };
    }
    const chunks: NewChunk[] = [];
    if (remember === "session" && call.kind !== null) {
      const tool = { name: call.tool_name, kind: call.kind };
      await grantTool(trx, { sessionId, workspace: turn.workspace }, tool);
      chunks.push({
        type: "status",
        tool_name: tool.name,
        metadata: { state: "tool_allowed" },
      });
    }
    if (rule && read) {
      chunks.push(...(await storeRule(trx, { read, call, turn, offer }, args, rule)));
    }
    const own = deps.resolveModel(turn.model).provider.tools ?? [];
    const tool = findTool(own, call.tool_name);
    if (typeof tool?.run !== "function") {
      const change: ToolCallChange = { status: "waiting_result", ...decided, ...edited };
      const isCompanions = offer.companion?.some(({ name }) => name === call.tool_name) === true;
      return { change, reply: undefined, isCompanions, chunks };
    }
    const reply = runHere(tool.run, args);
    const change: ToolCallChange = { status: "done", ...decided, ...edited, ...cameOf(reply) };
    return { change, reply, chunks };
  });
}

/** A call of the companion's own tool; a client cannot offer one of that name. */
function isSwitch({ tool_name, kind }: ToolCallRow): boolean {
  return tool_name === SWITCH_TOOL && kind === "other";
}

/** A person lets the model hand over to an agent that may do more. */
async function approveSwitch(
  trx: Trx,
  turn: TurnRow,
  args: Record<string, unknown>,
  offer: Offer,
): Promise<CallAnswer> {
  const next = findAgent(String(args["agent_type"] ?? ""), offer.agents);
  if (!next) {
    throw new ChatError("invalid_request", "message.modified_arguments: there is no such agent.", {
      hint: "The call still waits for your decision.",
    });
  }
  const change = { to: next.type, reason: reasonOf(args), stays: true };
  await changeSession(trx, turn.session_id, { agent_type: next.type });
  const progress = { agent_type: next.type, switches: turn.switches + 1 };
  await setTurnProgress(trx, turn.id, progress);
  const reply = switched(next.type);
  return {
    change: { status: "done", result: reply.content },
    reply,
    chunks: [switchedChunk(turn.agent_type, change)],
  };
}

/** What is edited stays within what the agent may do. */
function refuseOtherFiles(
  { kind, tool_name }: ToolCallRow,
  args: Record<string, unknown>,
  agent: ReturnType<typeof findAgent>,
): void {
  if (kind === null || !agent) return;
  const refused = refusedPath(agent, { kind, name: tool_name }, args);
  if (refused === undefined) return;
  throw new ChatError("invalid_request", `message.modified_arguments: ${refused}`, {
    hint: "The call still waits for your decision.",
  });
}

/** What a client's tool answered. Taken once; the same again gets the turn as it went on. */
export async function takeResult(
  deps: ChatDeps,
  sessionId: string,
  message: ToolResult,
  clientId?: string,
): Promise<AcceptedTurn> {
  return await answerCall(
    deps,
    "tool_result",
    sessionId,
    message.call_id,
    async (_trx, call, turn) => {
      // Who would run it may say, before anyone is asked or while they are, that it cannot be run.
      const isRefused =
        message.error !== undefined && turn.client_id !== null && turn.client_id === clientId;
      const asks = call.status === "waiting_decision";
      if (asks && !isRefused) {
        throw new ChatError("not_waiting", "This call waits for a decision, not for a result.", {
          hint: "Send a tool_decision first.",
        });
      }
      if (!asks && call.status !== "waiting_result") return undefined;
      if (call.claimed_by !== null && call.claimed_by !== clientId) throw claimedByAnother();
      if (message.error !== undefined) {
        return {
          change: { status: "done", error: message.error },
          reply: { ...failed(message.error), content: `${editNote(call)}Error: ${message.error}` },
        };
      }
      const { result, changed, changed_by_command } = message;
      const metadata = omitUndefined({ changed, changed_by_command });
      const content = typeof result === "string" ? result : JSON.stringify(result ?? null);
      return {
        change: { status: "done", result: content },
        reply: {
          content: `${editNote(call)}${content}`,
          chunk: { content, ...(Object.keys(metadata).length > 0 && { metadata }) },
        },
      };
    },
  );
}

const MAX_NOTED = 4_000;

/**
 * The model only knows what it asked for. Without this it would take a person's change for its
 * own, and undo it next time.
 */
function editNote({ decision, arguments: ran }: ToolCallRow): string {
  if (decision !== "edit") return "";
  const whole = ran.length <= MAX_NOTED;
  const shown = whole ? ran : `${ran.slice(0, MAX_NOTED)} … (cut)`;
  return `[The user changed this call before it ran. What ran: ${shown}]\n`;
}

function claimedByAnother(): ChatError {
  return new ChatError("call_claimed", "Another client runs this call.", {
    hint: "Its result will appear in the session's stream.",
  });
}

/** Why a client may not run a call, or go on with it. */
export function notOurs({ status }: ToolCallRow): ChatError {
  if (status === "waiting_result") return claimedByAnother();
  return new ChatError("not_waiting", "This call waits for no result.", {
    hint: status === "waiting_decision" ? "Send a tool_decision first." : "It is over; stop it.",
  });
}

/** Nobody will give a result any more; the model is told, and decides what to do about it. */
export async function giveUpCall(deps: ChatDeps, sessionId: string, callId: string): Promise<void> {
  const error =
    "The window that ran this went away before it gave a result. Whether it had an effect is not known.";
  await answerCall(deps, "tool_result", sessionId, callId, async (trx, call) => {
    // Looked at again inside of the transaction: its client may have come back.
    if (call.status !== "waiting_result" || !(await isClaimOver(trx, call))) return undefined;
    const { chunk, content } = failed(error);
    // Readers have seen its words already.
    const told = await withLastWords(trx, call, content);
    return { change: { status: "done", error }, reply: { chunk, content: told } };
  });
}

async function answerCall(
  deps: ChatDeps,
  operation: "tool_decision" | "tool_result",
  sessionId: string,
  callId: string,
  toAnswer: ToAnswer,
): Promise<AcceptedTurn> {
  const acceptedAt = performance.now();
  const store = () =>
    deps.lock.with(sessionId, async () => {
      const found = await findToolCall(deps.reader, sessionId, callId);
      if (!found) throw new ChatError("not_found", "There is no such call in this session.");
      let leased: LeasedTurn | undefined;
      let isCompanions = false;
      const step = { operation, sessionId, turnId: found.turn_id };
      const accepted = await deps.write(step, async (writing) => {
        leased = undefined;
        isCompanions = false;
        const { trx, append, session } = writing;
        const after = session.last_seq;
        const call = (await findToolCall(trx, sessionId, callId)) ?? found;
        const turn = await findTurn(trx, call.turn_id);
        const answer = turn && (await toAnswer(trx, call, turn));
        if (!answer) return await asStored(trx, call);
        if (!(await moveToolCall(trx, call, call.status, answer.change)))
          return asStored(trx, call);
        if (answer.isCompanions) await claimCall(trx, call, COMPANION);
        isCompanions = answer.isCompanions === true;
        if (await recordAnswer(trx, append, call, answer)) {
          leased = await resume(deps, writing, turn.id, acceptedAt);
        }
        return { session_id: sessionId, turn_id: turn.id, after };
      });
      if (leased) deps.turns.launch(leased);
      if (isCompanions) void deps.companionCalls.look(sessionId);
      return accepted;
    });
  return await deps.turns.begin(store);
}

/** Writes chunk and message; true if the turn has nothing left to wait for. */
async function recordAnswer(
  trx: Trx,
  append: Append,
  call: ToolCallRow,
  answer: CallAnswer,
): Promise<boolean> {
  const { session_id, turn_id, call_id, tool_name } = call;
  const open = await openToolCalls(trx, { sessionId: session_id, turnId: turn_id });
  const chunks = [...(answer.chunks ?? [])];
  const shown = chunks.length;
  if (answer.reply) chunks.push(resultChunk(call, answer.reply));
  if (open.length > 0) chunks.push(waitingChunk(open));
  const appended = await append(chunks);
  if (answer.reply) {
    const { changed } = answer.reply.chunk.metadata ?? {};
    await insertMessage(trx, {
      session_id,
      turn_id,
      position: appended.chunks[shown]?.seq ?? 0,
      role: "tool",
      content: answer.reply.content,
      status: "complete",
      metadata: { call_id, tool_name, ...(changed && { changed }) },
    });
  }
  return open.length === 0;
}

async function resume(
  deps: ChatDeps,
  { trx, session }: Writing,
  turnId: string,
  acceptedAt: number,
): Promise<LeasedTurn> {
  // As it is now: the answer may have changed its agent.
  const turn = await findTurn(trx, turnId);
  if (!turn) throw new ChatError("not_found", "The turn of this call is not there any more.");
  await setTurnProgress(trx, turn.id, { status: "running" });
  return await leaseTurn(trx, deps.owner, { session, turn, acceptedAt });
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
