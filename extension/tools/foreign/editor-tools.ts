// Tools that VS Code itself and its other extensions offer, MCP servers among them.
import * as vscode from "vscode";
import { ToolError } from "../paths.ts";
import { nameForModels } from "./foreign-tools.ts";

export async function invokeForeign(
  name: string,
  input: Record<string, unknown>,
  signal: AbortSignal,
): Promise<string> {
  const tool = vscode.lm.tools.find((one) => nameForModels(one.name) === name);
  if (!tool) throw new ToolError(`There is no tool ${name} any more.`);
  const { invoke } = await import("./invoke-foreign.ts");
  return await invoke(tool.name, input, signal);
}
