import { stat } from "node:fs/promises";
import * as vscode from "vscode";
import { resolveInside, ToolError, type WorkspaceRoots } from "../tools/paths.ts";

export interface FilePlace {
  path: string;
  /** From 1. */
  line: number;
  column?: number | undefined;
}

/**
 * Opens a place that an answer names: a file of the workspace, or nothing, since
 * anything may be named there.
 */
export async function openFile(
  roots: WorkspaceRoots,
  { path, line, column }: FilePlace,
): Promise<void> {
  const named = path.replaceAll("\\", "/");
  const file = (await inWorkspace(roots, named)) ?? (await byItsEnd(roots, named));
  if (file === undefined) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t("{0} is not a file of this workspace.", path),
    );
    return;
  }
  const at = new vscode.Position(Math.max(0, line - 1), Math.max(0, (column ?? 1) - 1));
  await vscode.window.showTextDocument(vscode.Uri.file(file), {
    selection: new vscode.Range(at, at),
  });
}

async function inWorkspace(roots: WorkspaceRoots, named: string): Promise<string | undefined> {
  try {
    const file = await resolveInside(roots, named);
    return (await stat(file)).isFile() ? file : undefined;
  } catch (thrown) {
    if (thrown instanceof ToolError || (thrown as NodeJS.ErrnoException).code !== undefined) return;
    throw thrown;
  }
}

/** Models often name a file without its folders; where only one is meant, that is it. */
async function byItsEnd(roots: WorkspaceRoots, named: string): Promise<string | undefined> {
  if (!/^[^*?{}[\]!]+$/.test(named) || named.startsWith("/") || named.includes("..")) return;
  const found = await vscode.workspace.findFiles(`**/${named.replace(/^\.\//, "")}`, undefined, 2);
  const [only, other] = found;
  return only && !other ? inWorkspace(roots, only.fsPath) : undefined;
}
