import { createHash } from "node:crypto";
import type { Selectable } from "kysely";
import {
  type ApprovalLevel,
  type ApprovalRule,
  DEFAULT_LEVEL,
} from "../../../protocol/approvals.ts";
import type { ApprovalRulesTable, Reader, Trx } from "../schema.ts";

export type ApprovalRuleRow = Selectable<ApprovalRulesTable>;

/** From now on it counts in its workspace; once, however often it is said. */
export async function insertRule(
  trx: Trx,
  rule: Omit<ApprovalRuleRow, "id" | "created_at">,
): Promise<boolean> {
  const { workspace, tool_name, type, pattern } = rule;
  const same = JSON.stringify([workspace, tool_name, type, pattern, rule.arguments]);
  const result = await trx
    .insertInto("approval_rules")
    .values({
      ...rule,
      id: createHash("sha256").update(same).digest("hex"),
      created_at: Date.now(),
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

export async function removeRule(trx: Trx, id: string): Promise<void> {
  await trx.deleteFrom("approval_rules").where("id", "=", id).execute();
}

/** Newest first; of all workspaces without one. */
export async function listRules(reader: Reader, workspace?: string): Promise<ApprovalRuleRow[]> {
  return await reader
    .selectFrom("approval_rules")
    .selectAll()
    .$if(workspace !== undefined, (query) => query.where("workspace", "=", workspace ?? ""))
    .orderBy("created_at", "desc")
    .orderBy("id")
    .execute();
}

export function toRule(row: ApprovalRuleRow): ApprovalRule {
  const args = JSON.parse(row.arguments) as Record<string, unknown>;
  return { ...row, arguments: args, created_at: new Date(row.created_at).toISOString() };
}

/** What runs without asking in this session, where it works in this workspace. */
export async function levelIn(
  reader: Reader,
  sessionId: string,
  workspace: string | null,
): Promise<ApprovalLevel> {
  const row = await reader
    .selectFrom("sessions")
    .select(["approval_level", "approval_workspace"])
    .where("id", "=", sessionId)
    .executeTakeFirst();
  const level = row?.approval_level ?? DEFAULT_LEVEL;
  // More than usual counts only where it was said; less counts everywhere.
  return level === "ask" || row?.approval_workspace === workspace ? level : DEFAULT_LEVEL;
}

export async function setLevel(
  trx: Trx,
  sessionId: string,
  level: ApprovalLevel,
  workspace: string | null,
): Promise<void> {
  await trx
    .updateTable("sessions")
    .set({ approval_level: level, approval_workspace: workspace })
    .where("id", "=", sessionId)
    .execute();
}
