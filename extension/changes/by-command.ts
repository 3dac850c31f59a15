// What a command has changed in a file. There is no copy of it from before the turn: what it is
// looked at against is the last commit, where git has the file in one.
import { basename } from "node:path";
import * as vscode from "vscode";
import { resolveInside } from "../tools/paths.ts";
import type { ChangesApp } from "./turn-files.ts";

/** The part of the built-in extension's API that is used. */
interface GitApi {
  getAPI(version: 1): {
    getRepository(uri: vscode.Uri): { show(ref: string, path: string): Promise<string> } | null;
    toGitUri(uri: vscode.Uri, ref: string): vscode.Uri;
  };
}

const LAST = "HEAD";

export async function showByCommand({ tools }: ChangesApp, name: string): Promise<void> {
  const uri = vscode.Uri.file(await resolveInside(tools.roots(), name));
  const committed = await committedUri(uri).catch(() => undefined);
  const isThere = await vscode.workspace.fs.stat(uri).then(
    () => true,
    () => false,
  );
  if (committed && isThere) {
    const title = vscode.l10n.t("{0} (against the last commit)", basename(name));
    await vscode.commands.executeCommand("vscode.diff", committed, uri, title, { preview: true });
  } else if (committed || isThere) {
    await vscode.commands.executeCommand("vscode.open", committed ?? uri);
  } else {
    void vscode.window.showInformationMessage(vscode.l10n.t("{0} is not there any more.", name));
  }
}

/** Rejects where the last commit does not have it. */
async function committedUri(uri: vscode.Uri): Promise<vscode.Uri | undefined> {
  const extension = vscode.extensions.getExtension<GitApi>("vscode.git");
  const api = (await extension?.activate())?.getAPI(1);
  const repository = api?.getRepository(uri);
  if (!api || !repository) return undefined;
  await repository.show(LAST, uri.fsPath);
  return api.toGitUri(uri, LAST);
}
