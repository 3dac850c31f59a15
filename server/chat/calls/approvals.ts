// What a person lets run without asking: rules made of calls, levels of chats.
import {
  insertRule,
  listRules,
  removeRule,
  setLevel,
  toRule,
} from "../../db/tables/calls/approval-rules.ts";
import { findToolCall, type ToolCallRow } from "../../db/tables/calls/tool-calls.ts";
import { findOffer } from "../../db/tables/offers.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { findSession } from "../../db/tables/sessions.ts";
import { findOpenTurn, findTurn, lastWorkspace, type TurnRow } from "../../db/tables/turns.ts";
import { loadShellReader, type ShellReader } from "../../domain/approvals/read-command.ts";
import { choicesFor, coveringRules, type RuledCall, restOf } from "../../domain/approvals/rules.ts";
import type { Offer } from "../../domain/offer.ts";
import { delicacy } from "../../domain/permissions.ts";
import { ChatError } from "../../errors.ts";
import type {
  ApprovalRuleList,
  LevelRequest,
  RuleChoices,
  RuleText,
} from "../../protocol/approvals.ts";
import type { NewChunk } from "../../protocol/chunks.ts";
import type { Session } from "../../protocol/responses.ts";
import type { ChatDeps } from "../deps.ts";

/** What a person could make of a call that waits; nothing where no rule would count. */
export async function ruleChoices(
  deps: ChatDeps,
  sessionId: string,
  callId: string,
): Promise<RuleChoices> {
  const call = await findToolCall(deps.reader, sessionId, callId);
  const turn = call && (await findTurn(deps.reader, call.turn_id));
  if (!call || !turn) throw new ChatError("not_found", "There is no such call in this session.");
  const offer = await findOffer(deps.reader, turn);
  const args = JSON.parse(call.arguments) as Record<string, unknown>;
  const ruled = toRuled(await loadShellReader(), call, args, offer);
  if (!ruled || turn.workspace === null || !offer.trusted) return { choices: [] };
  return { choices: choicesFor(ruled) };
}

/** Undefined for a call that asks whatever a rule says. */
function toRuled(
  read: ShellReader,
  { tool_name, kind }: ToolCallRow,
  args: Record<string, unknown>,
  { environment }: Offer,
): RuledCall | undefined {
  if (kind === null || delicacy({ kind }, args) !== undefined) return undefined;
  const { command } = args;
  const reading = typeof command === "string" ? read(command, environment?.shell) : undefined;
  return { tool: { name: tool_name, kind }, args, reading };
}

/** A rule that comes with the approval of a call, and what the chat says of it. */
export async function storeRule(
  trx: Trx,
  {
    read,
    call,
    turn,
    offer,
  }: { read: ShellReader; call: ToolCallRow; turn: TurnRow; offer: Offer },
  args: Record<string, unknown>,
  rule: RuleText,
): Promise<NewChunk[]> {
  const { workspace } = turn;
  const { tool_name, kind } = call;
  if (workspace === null || !offer.trusted || kind === null) {
    throw noSuchRule("Rules belong to a workspace that is trusted; this call has none.");
  }
  const ruled = toRuled(read, call, args, offer);
  if (!ruled) throw noSuchRule("A call like this asks whatever a rule says.");
  const isAlone = rule.type === "path" || rule.type === "host";
  const bound = { tool_name, kind, ...rule, arguments: isAlone ? "{}" : restOf(args) };
  const covers = coveringRules([bound], ruled);
  if (!covers) throw noSuchRule(`${JSON.stringify(rule.pattern)} does not cover this call.`);
  if (!(await insertRule(trx, { ...bound, workspace }))) return [];
  const metadata = { state: "rule_allowed", rule_type: rule.type, pattern: rule.pattern } as const;
  return [{ type: "status", tool_name, metadata }];
}

function noSuchRule(why: string): ChatError {
  return new ChatError("invalid_request", `message.remember: ${why}`, {
    hint: "The call still waits for your decision.",
  });
}

export async function approvalRules(
  deps: ChatDeps,
  workspace: string | undefined,
): Promise<ApprovalRuleList> {
  return { rules: (await listRules(deps.reader, workspace)).map(toRule) };
}

/** Calls ask again from the next one on. Takes effect once, however often it is said. */
export async function removeApprovalRule(deps: ChatDeps, id: string): Promise<void> {
  await deps.newUnitOfWork().commit("remove_approval_rule", (trx) => removeRule(trx, id));
}

/**
 * Counts from the next call on, also under a running answer, whose log nobody else may write: then
 * its calls alone say so.
 */
export async function setApprovalLevel(
  deps: ChatDeps,
  sessionId: string,
  { level, workspace }: LevelRequest,
): Promise<Session> {
  const step = { operation: "set_approval_level", sessionId } as const;
  return await deps.write(step, async ({ trx, append }) => {
    const before = await findSession(trx, sessionId);
    const where = workspace ?? (await lastWorkspace(trx, sessionId)) ?? null;
    await setLevel(trx, sessionId, level, where);
    const isRunning = (await findOpenTurn(trx, sessionId))?.status === "running";
    if (!isRunning && before.approval_level !== level) {
      await append([{ type: "status", metadata: { state: "approval_level", level } }]);
    }
    return await findSession(trx, sessionId);
  });
}
