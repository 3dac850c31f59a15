// Which files *Add file to chat* is about.
import * as vscode from "vscode";
import type { Mention } from "../../webview/messages.ts";
import { EMPTY, PROPOSED } from "../tools/proposed.ts";

/** What was chosen in the explorer or in a tab, else what the editor shows. */
export function chosenFiles(uri: unknown, selected: unknown): Mention[] {
  const many = Array.isArray(selected) ? selected : [];
  const chosen = (many.length > 0 ? many : [uri]).filter((one) => one instanceof vscode.Uri);
  const shown = shownUri();
  const uris = chosen.length > 0 || shown === undefined ? chosen : [shown];
  return uris.map((one) => ({ kind: "file", uri: fileOf(one).toString() }));
}

/**
 * Pictures, notebooks and comparisons are in no text editor, so the tab is asked; behind a
 * chat, what is beside it.
 */
function shownUri(): vscode.Uri | undefined {
  const { tabGroups, visibleTextEditors } = vscode.window;
  const groups = [tabGroups.activeTabGroup, ...tabGroups.all];
  const inTabs = groups.flatMap(({ activeTab }) => uriOf(activeTab?.input) ?? []);
  return inTabs[0] ?? visibleTextEditors[0]?.document.uri;
}

function uriOf(input: unknown): vscode.Uri | undefined {
  if (
    input instanceof vscode.TabInputText ||
    input instanceof vscode.TabInputCustom ||
    input instanceof vscode.TabInputNotebook
  ) {
    return input.uri;
  }
  if (
    !(input instanceof vscode.TabInputTextDiff) &&
    !(input instanceof vscode.TabInputNotebookDiff)
  ) {
    return undefined;
  }
  // What was deleted is on the left alone.
  const sides = [input.modified, input.original];
  return sides.find(({ scheme }) => scheme === "file") ?? input.modified;
}

/** The file whose state of another time, part or proposal it is: each has the file's own path. */
function fileOf(uri: vscode.Uri): vscode.Uri {
  const isOfFile = ["git", "vscode-notebook-cell", PROPOSED, EMPTY].includes(uri.scheme);
  return isOfFile ? vscode.Uri.file(uri.path) : uri;
}
