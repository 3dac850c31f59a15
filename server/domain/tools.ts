/** A tool that models may call. Which tools a model is told of is decided per provider and agent. */
export interface Tool {
  name: string;
  description: string;
  /** JSON Schema of the arguments. */
  parameters: Record<string, unknown>;
  /** A person decides before it runs. */
  requiresApproval: boolean;
  /** In the companion itself, or by the client that posts a `tool_result`. */
  run: ((args: Record<string, unknown>) => string) | "client";
}

/** Unknown tools are never run: they ask first, and then find nobody who would run them but the client. */
export function findTool(tools: readonly Tool[], name: string): Tool | undefined {
  return tools.find((tool) => tool.name === name);
}
