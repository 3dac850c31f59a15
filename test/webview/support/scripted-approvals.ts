// What the scripted companion knows of what is allowed.
import { ApprovalRule, LevelRequest, RuleText } from "../../../server/protocol/approvals.ts";
import type { ScriptedSession } from "./scripted-parts.ts";

export interface ScriptedApprovals {
  /** What could be made of any call. */
  choices: RuleText[];
  rules: ApprovalRule[];
}

export function ruleOf(text: RuleText, fields: Partial<ApprovalRule> = {}): ApprovalRule {
  return {
    ...text,
    id: text.pattern.replaceAll(/\W/g, "-"),
    tool_name: "execute_command",
    kind: "execute",
    arguments: {},
    workspace: "/home/me/project",
    created_at: new Date(0).toISOString(),
    ...fields,
  };
}

/** Undefined for what is none of its business. */
export function answerApprovals(
  approvals: ScriptedApprovals,
  { method, path, body }: { method: string; path: string; body: unknown },
  session: ScriptedSession | undefined,
): unknown {
  if (path === "/v1/approval_rules") return { rules: approvals.rules };
  const [, removed] = /^\/v1\/approval_rules\/(.+)$/.exec(path) ?? [];
  if (method === "DELETE" && removed !== undefined) {
    approvals.rules = approvals.rules.filter(({ id }) => id !== removed);
    return {};
  }
  if (session && /\/calls\/[^/]+\/rules$/.test(path)) return { choices: approvals.choices };
  if (session && path.endsWith("/approval_level")) {
    session.approval_level = LevelRequest.parse(body).level;
    return session;
  }
  return undefined;
}
