import * as vscode from "vscode";
import type { ContextItem } from "../../server/protocol/requests.ts";
import { cut, toStorable } from "../tools/bounds.ts";

/** The selection of the active editor as context for a message; undefined without one. */
export function selectionContext(): ContextItem | undefined {
  // In an editor that the chat itself covers, none is active.
  const { activeTextEditor, visibleTextEditors } = vscode.window;
  const editors = [...(activeTextEditor ? [activeTextEditor] : []), ...visibleTextEditors];
  const editor = editors.find(({ selection }) => !selection.isEmpty);
  if (!editor) return undefined;
  const { document, selection } = editor;
  const name = vscode.workspace.asRelativePath(document.uri, false);
  const { start, end } = selection;
  const first = start.line + 1;
  // A selection of whole lines ends before the first character of the next.
  const last = end.character === 0 ? end.line : end.line + 1;
  const lines = first === last ? `${first}` : `${first}-${last}`;
  return {
    type: "selection",
    label: `${name}:${lines}`.slice(0, 500),
    content: toStorable(cut(document.getText(selection))),
    uri: document.uri.toString().slice(0, 2000),
  };
}

/**
 * Opens a link that a model may have written: web pages, of which VS Code shows the host and asks,
 * and one address to write to.
 */
export async function openLink(url: string): Promise<void> {
  const protocol = URL.parse(url)?.protocol;
  const isMail = /^mailto:[\w.+-]+@[a-z\d.-]+$/i.test(url);
  if (protocol !== "http:" && protocol !== "https:" && !isMail) {
    void vscode.window.showWarningMessage(
      vscode.l10n.t("This link is not opened: it does not lead to a web page."),
    );
    return;
  }
  await vscode.env.openExternal(vscode.Uri.parse(url, true));
}
