// What a person lets run without being asked: levels for a chat, rules for a workspace.
import * as z from "zod/mini";
import { Text } from "./fields.ts";
import { TOOL_KINDS, Workspace } from "./offers.ts";

/**
 * How much of a chat runs without asking: nothing; reading, as for everybody who chose none;
 * changes of files as well; all. What is dangerous asks in each of them.
 */
export const APPROVAL_LEVELS = ["ask", "read", "edit", "all"] as const;
export type ApprovalLevel = (typeof APPROVAL_LEVELS)[number];
export const DEFAULT_LEVEL: ApprovalLevel = "read";

/**
 * `command`: this text and no other; `command_prefix`: these words, and harmless ones after them;
 * `path`: files that fit this glob; `host`: pages of this host.
 */
export const RULE_TYPES = ["command", "command_prefix", "path", "host"] as const;

/** What a rule allows, as a person reads it. */
export const RuleText = z.strictObject({
  type: z.enum(RULE_TYPES),
  pattern: Text.check(z.minLength(1), z.maxLength(4_000)),
});
export type RuleText = z.infer<typeof RuleText>;

export const ApprovalRule = z.object({
  id: z.string(),
  type: z.enum(RULE_TYPES),
  pattern: z.string(),
  tool_name: z.string(),
  kind: z.enum(TOOL_KINDS),
  /** What else the call has to say word for word: the folder of a command, for one. */
  arguments: z.record(z.string(), z.unknown()),
  workspace: z.string(),
  created_at: z.string(),
});
export type ApprovalRule = z.infer<typeof ApprovalRule>;
export const ApprovalRuleList = z.object({ rules: z.array(ApprovalRule) });
export type ApprovalRuleList = z.infer<typeof ApprovalRuleList>;

/** Rules that a person could make of a call, the narrowest first; none for what always asks. */
export const RuleChoices = z.object({ choices: z.array(RuleText) });
export type RuleChoices = z.infer<typeof RuleChoices>;

export const RulesQuery = z.object({ workspace: z.optional(Workspace) });

export const LevelRequest = z.strictObject({
  level: z.enum(APPROVAL_LEVELS),
  /** Where it counts; without it, where the chat worked last. */
  workspace: z.optional(Workspace),
});
export type LevelRequest = z.infer<typeof LevelRequest>;

/** By what a call runs that nobody was asked about, in `metadata.allowed_by`. */
export const AllowedBy = z.object({
  by: z.enum(["rule", "level", "tool"]),
  rules: z.optional(z.array(z.object({ type: z.enum(RULE_TYPES), pattern: z.string() }))),
  level: z.optional(z.enum(APPROVAL_LEVELS)),
});
export type AllowedBy = z.infer<typeof AllowedBy>;
