// Servers of MCP that are configured and do not run have no tools to offer. VS Code starts
// them for its own chat alone.
import * as vscode from "vscode";

/** A message waits no longer for them; what comes later is offered with the next. */
const WAIT_MS = 5_000;

/**
 * Starts them with the first message of a window, where VS Code does so, too
 * (`chat.mcp.autostart`): later what is stopped was stopped by somebody. Resolves when their tools
 * can be offered, or after some seconds.
 */
export function createMcpStart(log: { warn(message: string): void }): () => Promise<void> {
  let started: Promise<void> | undefined;
  return () => {
    const autostart = vscode.workspace.getConfiguration("chat.mcp").get("autostart");
    if (autostart === "never" || !vscode.workspace.isTrusted) return Promise.resolve();
    started ??= start(log);
    return Promise.race([started, new Promise<void>((resolve) => setTimeout(resolve, WAIT_MS))]);
  };
}

async function start(log: { warn(message: string): void }): Promise<void> {
  try {
    // Nobody is asked in the middle of a message: a server that needs a word is told of instead.
    const how = { waitForLiveTools: true, errorOnUserInteraction: true };
    await vscode.commands.executeCommand("workbench.mcp.startServer", "*", how);
  } catch (thrown) {
    log.warn(`Not all MCP servers were started: ${String(thrown)}`);
    if (/command '.*' not found/.test(String(thrown))) return;
    const show = vscode.l10n.t("Show MCP servers");
    const text = vscode.l10n.t(
      "An MCP server needs your consent before it starts. Until then its tools are not offered to models.",
    );
    void vscode.window.showInformationMessage(text, show).then((chosen) => {
      if (chosen === show) void vscode.commands.executeCommand("workbench.mcp.listServer");
    });
  }
}
