// What a person does with a block of code of an answer. It was written by a model: nothing of it is
// written or run before they have seen it.
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import * as vscode from "vscode";
import { linesOf } from "../../server/shared/line-changes.ts";
import type { CodeUse } from "../../webview/messages.ts";
import { KEPT } from "../ids.ts";
import { resolveInside, ToolError, type WorkspaceRoots } from "../tools/paths.ts";
import { hunksOf } from "./hunks.ts";
import { leavesOut, pathsIn, placedIn } from "./place-code.ts";

export async function useCode(roots: WorkspaceRoots, use: CodeUse): Promise<void> {
  switch (use.how) {
    case "insert":
      return await insertAtCursor(use.text);
    case "apply":
      return await applyToFile(roots, use);
    case "new_file":
      return await openNew(roots, use);
    case "run":
      return await putIntoTerminal(use);
    default:
      use.how satisfies never;
  }
}

/**
 * Puts `text` where the cursor of the editor last used is; into a new document when there is none.
 */
async function insertAtCursor(text: string): Promise<void> {
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

/** Shown as a diff first. */
async function applyToFile(roots: WorkspaceRoots, use: CodeUse): Promise<void> {
  const document = await targetOf(roots, use);
  if (!document)
    return tell(
      vscode.l10n.t("It is not clear which file this is for. Open the file and try again."),
    );
  if (leavesOut(use.text)) {
    return tell(
      vscode.l10n.t(
        "This block leaves lines out (…), so it cannot be applied. Ask for the whole, or insert it.",
      ),
    );
  }
  const editor = vscode.window.visibleTextEditors.find((one) => one.document === document);
  const before = document.getText();
  const end = document.eol === vscode.EndOfLine.CRLF ? "\r\n" : "\n";
  const code = use.text.replaceAll(/\r\n?|\n/g, end);
  const selected = editor && !editor.selection.isEmpty ? editor.selection : undefined;
  const after = selected
    ? before.slice(0, document.offsetAt(selected.start)) +
      code.replace(/\r?\n$/, selected.end.character === 0 ? end : "") +
      before.slice(document.offsetAt(selected.end))
    : placedIn(before, code);
  if (after === undefined) {
    return tell(
      vscode.l10n.t(
        "It is not clear where in {0} this belongs. Select the lines that it replaces, and try again.",
        basename(document.fileName),
      ),
    );
  }
  if (after === before)
    return tell(vscode.l10n.t("{0} has this already.", basename(document.fileName)));
  await propose({ document, before, after });
}

interface Proposed {
  document: vscode.TextDocument;
  before: string;
  after: string;
}

/** By the query of their address. They are derived from an answer, and gone with the window. */
const proposed = new Map<string, Proposed>();

/** What a file would be with a block of code in it; undefined for other addresses. */
export function proposedText({ query }: vscode.Uri): string | undefined {
  return proposed.get(query)?.after;
}

/** VS Code's diff, with a question beside it; the buttons of the editor answer it, too. */
async function propose(one: Proposed): Promise<void> {
  const { document } = one;
  const query = `code=${proposed.size + 1}`;
  proposed.set(query, one);
  const right = document.uri.with({ scheme: KEPT, query });
  const name = basename(document.fileName);
  const title = vscode.l10n.t("{0} (code of the answer)", name);
  await vscode.commands.executeCommand("vscode.diff", document.uri, right, title);
  const apply = vscode.l10n.t("Apply");
  const question = vscode.l10n.t("Apply the code of the answer to {0}?", name);
  void vscode.window.showInformationMessage(question, apply).then(async (answer) => {
    if (answer === apply) await answerProposed(right, "keep");
  });
}

/** A person's word on the code that an editor shows; false where it shows none. */
export async function answerProposed(uri: vscode.Uri, decision: "keep" | "undo"): Promise<boolean> {
  const one = proposed.get(uri.query);
  if (!one) return false;
  proposed.delete(uri.query);
  const tabs = vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .filter(
      ({ input }) =>
        input instanceof vscode.TabInputTextDiff && input.modified.toString() === uri.toString(),
    );
  if (decision === "keep") await apply(one);
  await vscode.window.tabGroups.close(tabs);
  return true;
}

/** An edit like any other, to be undone in the editor; saved where nothing was unsaved before. */
async function apply({ document: { uri }, before, after }: Proposed): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  const name = basename(document.fileName);
  if (document.getText() !== before) {
    return tell(vscode.l10n.t("{0} has changed since, and was left as it is.", name));
  }
  const wasDirty = document.isDirty;
  const lines = linesOf(after);
  const edit = new vscode.WorkspaceEdit();
  for (const { before: was, after: will } of hunksOf(before, after)) {
    const range = new vscode.Range(was.from, 0, was.to, 0);
    const text = lines
      .slice(will.from, will.to)
      .map(({ text, end }) => text + end)
      .join("");
    edit.replace(uri, document.validateRange(range), text);
  }
  const isDone = (await vscode.workspace.applyEdit(edit)) && (wasDirty || (await document.save()));
  if (!isDone) throw new Error(vscode.l10n.t("{0} could not be changed.", name));
}

/** The file that the block names, or the one that the editor shows. */
async function targetOf(
  roots: WorkspaceRoots,
  use: CodeUse,
): Promise<vscode.TextDocument | undefined> {
  for (const named of pathsIn(use)) {
    const path = await fileOf(roots, named);
    if (path !== undefined) return await vscode.workspace.openTextDocument(vscode.Uri.file(path));
  }
  const [named] = pathsIn({ ...use, hint: "" });
  // It says of which file it is: another one is not meant.
  if (named !== undefined) return undefined;
  const { activeTextEditor, visibleTextEditors } = vscode.window;
  const shown =
    activeTextEditor ?? (visibleTextEditors.length === 1 ? visibleTextEditors[0] : undefined);
  return shown?.document.uri.scheme === "file" ? shown.document : undefined;
}

/** Its path, where it is one of the workspace; models often leave folders out. */
async function fileOf(roots: WorkspaceRoots, named: string): Promise<string | undefined> {
  const path = await inside(roots, named);
  if (path !== undefined && (await isFile(path))) return path;
  if (!/^[^*?{}[\]!]+$/.test(named) || named.startsWith("/") || named.includes("..")) return;
  const [only, other] = await vscode.workspace.findFiles(`**/${named}`, undefined, 2);
  return only && !other ? await inside(roots, only.fsPath) : undefined;
}

async function inside(roots: WorkspaceRoots, named: string): Promise<string | undefined> {
  try {
    return await resolveInside(roots, named, "write");
  } catch (thrown) {
    if (thrown instanceof ToolError) return undefined;
    throw thrown;
  }
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

/** Under the name that the block has for it, where there is no such file yet; not saved. */
async function openNew(roots: WorkspaceRoots, use: CodeUse): Promise<void> {
  const [named] = pathsIn(use);
  const path = named === undefined ? undefined : await inside(roots, named);
  const isFree =
    path !== undefined &&
    !(await stat(path).then(
      () => true,
      () => false,
    ));
  if (!isFree) {
    const language = (await vscode.languages.getLanguages()).find((id) => id === use.language);
    const content = { content: use.text, ...(language !== undefined && { language }) };
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(content));
    return;
  }
  const uri = vscode.Uri.file(path).with({ scheme: "untitled" });
  const editor = await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
  await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), use.text));
}

/** One line waits there for Enter; several are run at once, so that is asked about first. */
async function putIntoTerminal({ text }: CodeUse): Promise<void> {
  if (!vscode.workspace.isTrusted) {
    return tell(
      vscode.l10n.t("Nothing of a chat goes into a terminal in a workspace that is not trusted."),
    );
  }
  const command = withoutPrompts(text.replaceAll(/\r\n?/g, "\n")).trim();
  if (command === "") return;
  // A terminal would take them for keys, and a reader would not see them.
  if (/[^\P{Cc}\n\t]|[\p{Cf}\u2028\u2029]/u.test(command)) {
    return tell(
      vscode.l10n.t(
        "This block has characters that are not seen, so it does not go into a terminal.",
      ),
    );
  }
  const lines = command.split("\n").length;
  if (lines > 1) {
    const run = vscode.l10n.t("Run");
    const question = vscode.l10n.t("Run these {0} lines in the terminal?", lines);
    const options = { modal: true, detail: command.slice(0, 2_000) };
    if ((await vscode.window.showWarningMessage(question, options, run)) !== run) return;
  }
  const { activeTerminal } = vscode.window;
  // A terminal of an extension is no shell of the user's.
  const isShell = activeTerminal && !("pty" in activeTerminal.creationOptions);
  const terminal = isShell ? activeTerminal : vscode.window.createTerminal();
  terminal.show();
  terminal.sendText(command, lines > 1);
}

/** Where lines show a prompt, only these are commands; the others are what came of them. */
function withoutPrompts(text: string): string {
  const lines = text.split("\n");
  const typed = lines.filter((line) => /^\s*\$ /.test(line));
  if (typed.length === 0 || !/^\s*\$ /.test(lines[0] ?? "")) return text;
  return typed.map((line) => line.replace(/^\s*\$ /, "")).join("\n");
}

function tell(message: string): void {
  void vscode.window.showInformationMessage(message);
}
