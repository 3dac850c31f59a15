// Undoing what a turn has made of a file. The file is changed first and the decision stored then:
// if something breaks in between, undoing again finds it done and stores it.
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import * as vscode from "vscode";
import { openDocument, readText, toBytes } from "../tools/files/file-text.ts";
import { resolveInside } from "../tools/paths.ts";
import { type Hunk, undoHunks } from "./hunks.ts";
import { type ChangesApp, hunksDecided, storeDecision, type TurnFile } from "./turn-files.ts";

export interface Outcome {
  file: TurnFile;
  undone: readonly Hunk[];
  /** Left as they are, since somebody has changed them since, or did not want it. */
  left: readonly Hunk[];
  /** For putting it back: what stood in the file, and what stands there now; null: no file. */
  was: Uint8Array | null;
  is: Uint8Array | null;
}

/** Rejects if the file cannot be read or written; then nothing was changed or stored. */
export async function undoChanges(
  app: ChangesApp,
  file: TurnFile,
  hunks: readonly Hunk[],
): Promise<Outcome> {
  const { path } = file;
  await resolveInside(app.tools.roots(), path, "write");
  const was = await readNow(path);
  const nothing = { file, undone: [], left: hunks, was, is: was };
  if (hunks.length === 0 || !(await isSaved(file))) return nothing;
  const outcome = await undoIn(file, hunks, was);
  if (!outcome) return nothing;
  await storeDecision(app, file, "undo", outcome.undone);
  return { file, was, ...outcome };
}

type Undone = Pick<Outcome, "undone" | "left" | "is">;

/** Undefined where a person has said no. */
async function undoIn(
  file: TurnFile,
  hunks: readonly Hunk[],
  now: Uint8Array | null,
): Promise<Undone | undefined> {
  const { path, before, after } = file;
  const all = { undone: hunks, left: [], is: before };
  if (before === null) {
    if (now === null) return all;
    if (Buffer.compare(now, after) !== 0 && !(await mayDelete(file))) return undefined;
    await remove(path);
    return all;
  }
  const gone = hunksDecided(file, "undo");
  const isWhole = gone.length + hunks.length === file.hunks.length;
  if (now === null) {
    if (!isWhole || !(await mayBringBack(file))) return undefined;
    await write(path, before);
    return all;
  }
  // To the last byte, also of what is no text.
  if (isWhole && gone.length === 0 && Buffer.compare(now, after) === 0) {
    await write(path, before);
    return all;
  }
  return await undoParts(file, hunks, new Set(gone.map(({ id }) => id)));
}

async function undoParts(
  { path, texts }: TurnFile,
  hunks: readonly Hunk[],
  gone: ReadonlySet<string>,
): Promise<Undone> {
  const read = await readText(path);
  if (!read) throw vscode.FileSystemError.FileNotFound(vscode.Uri.file(path));
  const { text, undone, stuck } = undoHunks({ ...texts, now: read.text }, hunks, gone);
  const is = await toBytes(read.encoding, text, read.text + texts.before);
  if (text !== read.text) await write(path, is);
  return { undone, left: stuck, is };
}

/** Whether the file still stood as it was left, and what was undone is there again. */
export async function putBack(
  app: ChangesApp,
  { file, undone, was, is }: Outcome,
): Promise<boolean> {
  const now = await readNow(file.path);
  const isSame = now && is ? Buffer.compare(now, is) === 0 : now === is;
  if (!isSame || openDocument(file.path)?.isDirty) return false;
  if (was === null) await remove(file.path);
  else await write(file.path, was);
  await storeDecision(app, file, "open", undone);
  return true;
}

export async function readNow(path: string): Promise<Uint8Array | null> {
  const uri = vscode.Uri.file(path);
  try {
    return await vscode.workspace.fs.readFile(uri);
  } catch (thrown) {
    const isThere = await vscode.workspace.fs.stat(uri).then(
      () => true,
      () => false,
    );
    if (isThere) throw thrown;
    return null;
  }
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await vscode.workspace.fs.writeFile(vscode.Uri.file(path), bytes);
}

/** A copy is kept; where there is no trash the file goes without. */
async function remove(path: string): Promise<void> {
  const uri = vscode.Uri.file(path);
  try {
    await vscode.workspace.fs.delete(uri, { useTrash: true });
  } catch {
    await vscode.workspace.fs.delete(uri);
  }
}

async function isSaved({ path, name }: TurnFile): Promise<boolean> {
  const document = openDocument(path);
  if (!document?.isDirty) return true;
  const save = vscode.l10n.t("Save and go on");
  const question = vscode.l10n.t("{0} has changes that are not saved.", name);
  const detail = vscode.l10n.t(
    "What the turn changed is undone in the file; what you wrote stays.",
  );
  const answer = await vscode.window.showWarningMessage(question, { modal: true, detail }, save);
  return answer === save && (await document.save());
}

async function mayDelete({ name }: TurnFile): Promise<boolean> {
  const remove = vscode.l10n.t("Delete it");
  const question = vscode.l10n.t("{0} was made by the turn, and you have changed it since.", name);
  const detail = vscode.l10n.t("Undoing deletes the file, with what you have written in it.");
  const answer = await vscode.window.showWarningMessage(question, { modal: true, detail }, remove);
  return answer === remove;
}

async function mayBringBack({ name }: TurnFile): Promise<boolean> {
  const bring = vscode.l10n.t("Bring it back");
  const question = vscode.l10n.t("{0} was deleted after the turn.", name);
  const detail = vscode.l10n.t("Undoing brings it back as it was before the turn.");
  const answer = await vscode.window.showWarningMessage(question, { modal: true, detail }, bring);
  return answer === bring;
}
