import * as vscode from "vscode";

const TERMINAL = "workbench.action.terminal.";

/**
 * What the active terminal holds; undefined without one. VS Code lets nobody read it but through
 * the clipboard, whose text is put back.
 */
export async function terminalText(): Promise<string | undefined> {
  if (!vscode.window.activeTerminal) return undefined;
  const { clipboard } = vscode.env;
  const before = await clipboard.readText();
  try {
    await clipboard.writeText("");
    for (const step of ["selectAll", "copySelection", "clearSelection"]) {
      await vscode.commands.executeCommand(TERMINAL + step);
    }
    return (await clipboard.readText()).trimEnd();
  } finally {
    await clipboard.writeText(before);
  }
}
