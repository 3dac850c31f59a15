import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as vscode from "vscode";
import type { App } from "../app.ts";

export async function copyMetricsUrl(app: App): Promise<void> {
  const companion = await app.companion.ensure();
  await vscode.env.clipboard.writeText(`${companion.url}/metrics`);
  void vscode.window.showInformationMessage(
    vscode.l10n.t(
      "The metrics URL is in the clipboard. Prometheus reads its token from {0}.",
      join(app.dataDir, "metrics_token"),
    ),
  );
}

/**
 * Opens the same chat in the user's browser. A browser gets its URL as an argument,
 * which every user of the machine can read, so it is given a private file that leads on
 * to the URL with the token.
 */
export async function openInBrowser(app: App): Promise<void> {
  const companion = await app.companion.ensure();
  const url = `${companion.url}/#token=${encodeURIComponent(companion.token)}`;
  if (vscode.env.remoteName === undefined && vscode.env.uiKind === vscode.UIKind.Desktop) {
    const file = join(companion.dataDir, "open.html");
    const page = `<!DOCTYPE html><meta charset="utf-8"><title>Streamkeeper</title><script>location.replace(${JSON.stringify(url)})</script>`;
    await writeFile(file, page, { mode: 0o600 });
    await vscode.env.openExternal(vscode.Uri.file(file));
    return;
  }
  await vscode.env.clipboard.writeText(url);
  void vscode.window.showInformationMessage(
    vscode.l10n.t(
      "The link to the chat is in the clipboard. It works on the machine that runs the companion server; whoever has it can read your chats.",
    ),
  );
}

export async function openDataDirectory({ dataDir }: App): Promise<void> {
  await vscode.commands.executeCommand("revealFileInOS", vscode.Uri.file(dataDir));
}
