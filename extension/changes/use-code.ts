// What a person does with a block of code of an answer.
import * as vscode from "vscode";

/**
 * Puts `text` where the cursor of the editor last used is; into a new document when there is none.
 */
export async function insertAtCursor(text: string): Promise<void> {
  const editor = vscode.window.activeTextEditor ?? vscode.window.visibleTextEditors[0];
  if (!editor) {
    const document = await vscode.workspace.openTextDocument({ content: text });
    await vscode.window.showTextDocument(document);
    return;
  }
  await vscode.window.showTextDocument(editor.document, editor.viewColumn);
  const done = await editor.edit((edit) => {
    for (const selection of editor.selections) edit.replace(selection, text);
  });
  if (!done) throw new Error("The editor did not take the text");
}
