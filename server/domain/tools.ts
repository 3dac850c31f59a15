import type { ToolKind, ToolRule } from "../protocol/offers.ts";
import type { Offer } from "./offer.ts";

/**
 * A tool that models may call. Which tools a model is told of is decided per
 * provider, client and agent.
 */
export interface Tool {
  name: string;
  description: string;
  /** JSON Schema of the arguments. */
  parameters: Record<string, unknown>;
  kind: ToolKind;
  /**
   * What happens to a call of it unless the agent, the workspace or a person's word for
   * the session says otherwise.
   */
  rule: ToolRule;
  /**
   * In the companion itself: within the step, or beside it where it takes its time; by the
   * client that posts a `tool_result`; or as a step of the turn.
   */
  run: ((args: Record<string, unknown>) => string) | "companion" | "client" | "turn";
}

/** The model hands the turn over to another agent. */
export const SWITCH_TOOL = "switch_agent";

/** All that a model may call in a turn: the companion's own, then what the client brought along. */
export function toolsOf(own: readonly Tool[], offer: Offer): Tool[] {
  const names = new Set(own.map(({ name }) => name));
  const offered = offer.tools.filter(({ name }) => !names.has(name));
  return [
    ...own,
    ...offered.map(({ rule = "ask", ...tool }): Tool => ({ ...tool, rule, run: "client" })),
  ];
}

/** Undefined for a name that nobody knows: the model is told so, and no person is asked. */
export function findTool(tools: readonly Tool[], name: string): Tool | undefined {
  return tools.find((tool) => tool.name === name);
}
