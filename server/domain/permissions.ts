import picomatch from "picomatch";
import type { AskReason } from "../protocol/call-words.ts";
import { isConfigPath, isSecretPath } from "../shared/protected-paths.ts";
import { type AgentDefinition, mayUse } from "./agents.ts";
import type { Tool } from "./tools.ts";

export type Verdict =
  | { rule: "allow" }
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
}

/**
 * What becomes of a call. Fails closed: what nobody has allowed asks, and what an
 * agent may not do is denied.
 */
export function judge(
  tool: Tool,
  args: Record<string, unknown>,
  { agent, trusted, granted }: Circumstances,
): Verdict {
  if (!mayUse(agent, tool)) {
    return { rule: "deny", reason: `The agent ${agent.type} may not use ${tool.name}.` };
  }
  const refused = refusedPath(agent, tool, args);
  if (refused !== undefined) return { rule: "deny", reason: refused };
  if (tool.rule === "deny") {
    return { rule: "deny", reason: `${tool.name} is switched off by the user's rules.` };
  }
  if (!trusted && tool.run === "client") {
    if (tool.kind === "read") {
      return { rule: "ask", because: delicacy(tool, args) ?? "untrusted_workspace" };
    }
    return {
      rule: "deny",
      reason: `${tool.name} is off, since the user has not trusted this workspace.`,
    };
  }
  const isAllowed = tool.rule === "allow" || granted.get(tool.name) === tool.kind;
  // What nobody has allowed asks for that reason, too; the path is what a person has to know.
  const because = delicacy(tool, args) ?? (isAllowed ? undefined : "not_allowed");
  return because === undefined ? { rule: "allow" } : { rule: "ask", because };
}

/**
 * Why it asks even where its tool is allowed: it reads what may be a secret, or writes
 * what other programs obey.
 */
function delicacy({ kind }: Tool, args: Record<string, unknown>): AskReason | undefined {
  // `include` is what a search looks into.
  const named = [args["path"], args["include"]].filter((path) => typeof path === "string");
  if (kind !== "read" && kind !== "write") return undefined;
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
