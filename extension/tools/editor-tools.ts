// Tools that VS Code itself and its other extensions offer, MCP servers among them.
import * as vscode from "vscode";
import { OfferedTool, RESERVED_NAMES } from "../../server/protocol/offers.ts";
import { cut } from "./bounds.ts";
import { isEditorTool } from "./definitions.ts";

/** All that can be offered beside our own, each under its own name. */
export function foreignTools(log: { warn(message: string): void }): OfferedTool[] {
  const tools = new Map<string, OfferedTool>();
  for (const { name, description, inputSchema } of vscode.lm.tools) {
    if (isEditorTool(name) || RESERVED_NAMES.includes(name)) continue;
    const tool = OfferedTool.safeParse({
      name,
      description: description.slice(0, 10_000).toWellFormed(),
      parameters: isRecord(inputSchema) ? inputSchema : { type: "object", properties: {} },
      kind: "other",
    });
    // One that cannot be offered must not keep the others, and the message, back.
    if (tool.success) tools.set(name, tool.data);
    else log.warn(`${name} is not offered to models: ${tool.error.issues[0]?.message}`);
  }
  return [...tools.values()];
}

export async function invokeForeign(
  name: string,
  input: Record<string, unknown>,
  signal: AbortSignal,
): Promise<string> {
  const source = new vscode.CancellationTokenSource();
  const cancel = (): void => source.cancel();
  signal.addEventListener("abort", cancel);
  try {
    const { content } = await vscode.lm.invokeTool(
      name,
      { input, toolInvocationToken: undefined },
      source.token,
    );
    const texts = content.map((part) =>
      part instanceof vscode.LanguageModelTextPart ? part.value : "[a part that is not text]",
    );
    return cut(texts.join("\n") || "[The tool gave no text.]");
  } finally {
    signal.removeEventListener("abort", cancel);
    source.dispose();
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
