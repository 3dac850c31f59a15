import picomatch from "picomatch";
import type { AllowedBy, ApprovalLevel } from "../protocol/approvals.ts";
import type { AskReason } from "../protocol/call-words.ts";
import { commandOf, dangersOf } from "../shared/command-dangers.ts";
import { isConfigPath, isSecretPath } from "../shared/protected-paths.ts";
import { type AgentDefinition, mayUse } from "./agents.ts";
import type { CommandReading } from "./approvals/read-command.ts";
import { type BoundRule, coveringRules } from "./approvals/rules.ts";
import type { Tool } from "./tools.ts";

export type Verdict =
  /** `by`: what a person has said about calls like this; absent where its tool need not ask. */
  | { rule: "allow"; by?: AllowedBy }
  | { rule: "ask"; because: AskReason }
  /** The reason is for the model to read. */
  | { rule: "deny"; reason: string };

export interface Circumstances {
  agent: AgentDefinition;
  /** `false`: nothing is allowed without asking, and what writes or executes is denied. */
  trusted: boolean;
  /**
   * Tools that a person has allowed for the rest of the session in this workspace,
   * each with what it did then.
   */
  granted: ReadonlyMap<string, string>;
  /** What runs in this chat without asking, as far as no rule says so. */
  level: ApprovalLevel;
  /** Of this workspace. */
  rules: readonly BoundRule[];
  /** Undefined where no tool is called that could have one. */
  readCommand: ((command: string) => CommandReading) | undefined;
}

/**
 * What becomes of a call. Fails closed: what nobody has allowed asks, what is dangerous asks
 * whoever has allowed it, and what an agent may not do is denied.
 */
export function judge(
  tool: Tool,
  args: Record<string, unknown>,
  circumstances: Circumstances,
): Verdict {
  const { agent, trusted } = circumstances;
  if (!mayUse(agent, tool)) {
    return { rule: "deny", reason: `The agent ${agent.type} may not use ${tool.name}.` };
  }
  const refused = refusedPath(agent, tool, args);
  if (refused !== undefined) return { rule: "deny", reason: refused };
  if (tool.rule === "deny") {
    return { rule: "deny", reason: `${tool.name} is switched off by the user's rules.` };
  }
  if (!trusted && tool.run === "client" && tool.kind !== "read") {
    return {
      rule: "deny",
      reason: `${tool.name} is off, since the user has not trusted this workspace.`,
    };
  }
  // What a person has to know comes before who has allowed what.
  const because = delicacy(tool, args);
  if (because !== undefined) return { rule: "ask", because };
  const isForeign = tool.run === "client" || tool.run === "companion";
  if (!trusted && isForeign) return { rule: "ask", because: "untrusted_workspace" };
  return whoAllows(tool, args, circumstances);
}

function whoAllows(
  tool: Tool,
  args: Record<string, unknown>,
  { granted, level, rules, readCommand }: Circumstances,
): Verdict {
  const asks: Verdict = { rule: "ask", because: "not_allowed" };
  const isOurs = tool.run !== "client" && tool.run !== "companion";
  if (level === "ask" && !isOurs) return asks;
  if (tool.rule === "allow") return { rule: "allow" };
  if (granted.get(tool.name) === tool.kind) return { rule: "allow", by: { by: "tool" } };
  if (isOurs) return asks;
  const command = commandOf(args);
  const reading = command === undefined ? undefined : readCommand?.(command);
  const covering = coveringRules(rules, { tool, args, reading });
  if (covering) {
    const told = covering.map(({ type, pattern }) => ({ type, pattern }));
    return { rule: "allow", by: { by: "rule", rules: told } };
  }
  const isFree = level === "all" || (level === "edit" && tool.kind === "write");
  if (!isFree) return asks;
  const isOther = tool.kind === "other" && command !== undefined;
  const hasCommand = tool.kind === "execute" || isOther;
  if (hasCommand && reading?.isUnderstood !== true) {
    return { rule: "ask", because: "unclear_command" };
  }
  return { rule: "allow", by: { by: "level", level } };
}

/**
 * Why it asks even where it is allowed: it reads what may be a secret, writes what other programs
 * obey, or runs what its card warns of.
 */
export function delicacy(
  { kind }: Pick<Tool, "kind">,
  args: Record<string, unknown>,
): AskReason | undefined {
  // `include` is what a search looks into.
  const named = [args["path"], args["include"]].filter((path) => typeof path === "string");
  if (kind !== "read" && kind !== "write") {
    const command = commandOf(args);
    return command !== undefined && dangersOf(command).length > 0 ? "dangerous" : undefined;
  }
  if (named.some(isSecretPath)) return "secret_path";
  return kind === "write" && named.some(isConfigPath) ? "steering_path" : undefined;
}

/**
 * Why these arguments are not for this agent; undefined if they are. An agent with a `file_pattern`
 * writes only files whose `path` matches it; a writing tool without a `path` is none for it.
 */
export function refusedPath(
  agent: AgentDefinition,
  tool: Pick<Tool, "kind" | "name">,
  args: Record<string, unknown>,
): string | undefined {
  if (tool.kind !== "write" || agent.file_pattern === undefined) return undefined;
  const path = args["path"];
  if (typeof path === "string" && matches(path, agent.file_pattern)) return undefined;
  return `The agent ${agent.type} may write only files that match ${agent.file_pattern}.`;
}

function matches(path: string, pattern: string): boolean {
  const slashed = path.replaceAll("\\", "/").replace(/^(?:\.\/)+/, "");
  const basename = !pattern.includes("/");
  return picomatch(pattern, { dot: true, basename })(slashed);
}
