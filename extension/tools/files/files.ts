// Tools that read and change files, through VS Code's own file system.
import * as vscode from "vscode";
import * as z from "zod/mini";
import type { ChangedFile } from "../../../server/protocol/changes.ts";
import { faultOf } from "../../../server/protocol/fields.ts";
import { countChanges } from "../../../server/shared/line-changes.ts";
import { MAX_RESULT } from "../bounds.ts";
import { type Folder, nameOf, ToolError, type WorkspaceRoots, withNames } from "../paths.ts";
import { applyEdits, linesOf, rewrite, shownText } from "./edits.ts";
import {
  type Encoding,
  encodingOfNew,
  openDocument,
  readText,
  textOf,
  toBytes,
  toText,
} from "./file-text.ts";
import { resolveNamed } from "./named-paths.ts";
import type { SeenFiles } from "./seen-files.ts";
import { withoutStrays } from "./utf8.ts";

const ReadArguments = z.object({
  path: z.string(),
  start_line: z.optional(z.int()),
  end_line: z.optional(z.int()),
});
const WriteArguments = z.object({ path: z.string(), content: z.string() });
/** As a model writes it, or, once a person has changed the proposal, the whole text. */
const DiffArguments = z.object({
  path: z.string(),
  content: z.optional(z.string()),
  edits: z.optional(z.array(z.object({ old_text: z.string(), new_text: z.string() }))),
});
const DirectoryArguments = z.object({ path: z.string() });

/** Each under a name that no other has. */
export function workspaceFolders(): Folder[] {
  const folders = (vscode.workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === "file")
    .map(({ name, uri }) => ({ name, path: uri.fsPath }));
  return withNames(folders);
}

/** Throws a `ToolError` that says which argument is wrong. */
export function parseArguments<T extends z.ZodMiniType>(schema: T, args: unknown): z.infer<T> {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed.data;
  throw new ToolError(faultOf(parsed.error, "arguments"));
}

export interface FileTools {
  roots: WorkspaceRoots;
  sessionId: string;
  seen: SeenFiles;
  /** Called before a file or folder is changed or made. */
  keepBefore(path: string): Promise<void>;
  /**
   * Called after a file was written; resolves with its bytes from before the turn, null if there
   * was no such file.
   */
  keepAfter(written: { path: string; name: string; bytes: Uint8Array }): Promise<Uint8Array | null>;
}

export async function readFile(
  { roots, sessionId, seen }: FileTools,
  args: unknown,
): Promise<string> {
  const { path, start_line = 1, end_line } = parseArguments(ReadArguments, args);
  const absolute = await resolveNamed(roots, path);
  const text = await textOf(absolute);
  if (text === undefined) throw new ToolError(`There is no file ${path}.`);
  seen.note(sessionId, absolute, text);
  if (text === "") return "[The file is empty.]";
  return linesOf(text, start_line, end_line, MAX_RESULT);
}

/** What a change would make of a file: `before` is undefined for a new one. */
export interface Change {
  path: string;
  before: string | undefined;
  /** As a person reads it. */
  after: string;
  encoding: Encoding;
  bytes: Uint8Array;
}

/**
 * Works out a call of `write_file` or `apply_diff` without doing it. Rejects with a `ToolError`
 * where it cannot be done.
 */
async function planChange(
  name: "write_file" | "apply_diff",
  { roots, sessionId, seen }: Pick<FileTools, "roots" | "sessionId" | "seen">,
  args: unknown,
): Promise<Change> {
  const given =
    name === "write_file"
      ? parseArguments(WriteArguments, args)
      : parseArguments(DiffArguments, args);
  const path = await resolveNamed(roots, given.path, "write");
  if (openDocument(path)?.isDirty) {
    throw new ToolError(
      `${given.path} has changes in the editor that are not saved. Ask the user to save or revert it.`,
    );
  }
  const file = await readText(path);
  const before = file && shownText(file.text);
  if (before !== undefined) {
    const refusal = seen.refusal(sessionId, path, before);
    if (refusal !== undefined) throw new ToolError(`${given.path}: ${refusal}`);
  }
  const edits = "edits" in given ? (given.edits ?? []) : [];
  if (!file) {
    if (given.content !== undefined) {
      return await changed(path, encodingOfNew(path), undefined, given.content);
    }
    throw new ToolError(`There is no file ${given.path}. Use write_file.`);
  }
  if (given.content === undefined && edits.length === 0) {
    throw new ToolError("edits: at least one is needed.");
  }
  const after =
    given.content === undefined
      ? asToolError(() => applyEdits(file.text, edits))
      : asToolError(() => rewrite(file.text, given.content ?? ""));
  return await changed(path, file.encoding, file.text, after);
}

/** The same for who only shows it: why it cannot be done is an answer, too. */
export async function tryChange(
  ...args: Parameters<typeof planChange>
): Promise<{ change: Change } | { refusal: string }> {
  try {
    return { change: await planChange(...args) };
  } catch (thrown) {
    if (thrown instanceof ToolError) return { refusal: thrown.message };
    throw thrown;
  }
}

async function changed(
  path: string,
  encoding: Encoding,
  before: string | undefined,
  after: string,
): Promise<Change> {
  const bytes = await toBytes(encoding, after, before ?? "");
  return { path, before, after: withoutStrays(after), encoding, bytes };
}

function asToolError<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw new ToolError(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

export async function changeFile(
  tools: FileTools,
  name: "write_file" | "apply_diff",
  args: unknown,
): Promise<{ result: string; changed?: ChangedFile }> {
  const { path, before, after, bytes } = await planChange(name, tools, args);
  await tools.keepBefore(path);
  await vscode.workspace.fs.writeFile(vscode.Uri.file(path), bytes);
  tools.seen.note(tools.sessionId, path, shownText(after));
  const shown = nameOf(tools.roots.folders, path);
  const lines = shownText(after).replace(/\n$/, "").split("\n").length;
  const result = before === undefined ? `Made ${shown} (${lines} lines).` : `Changed ${shown}.`;
  try {
    const first = await tools.keepAfter({ path, name: shown, bytes });
    return { result, changed: await toChangedFile(path, shown, first, after) };
  } catch {
    // It has been written all the same.
    return { result };
  }
}

async function toChangedFile(
  path: string,
  name: string,
  first: Uint8Array | null,
  after: string,
): Promise<ChangedFile> {
  const before = first === null ? "" : withoutStrays((await toText(path, first)).text);
  // The companion stores no text like that, and would refuse the result with it.
  if (!name.isWellFormed()) throw new ToolError("Its name is no text.");
  return { path: name, is_new: first === null, ...countChanges(before, after) };
}

export async function createDirectory(tools: FileTools, args: unknown): Promise<string> {
  const { path } = parseArguments(DirectoryArguments, args);
  const absolute = await resolveNamed(tools.roots, path, "write");
  await tools.keepBefore(absolute);
  await vscode.workspace.fs.createDirectory(vscode.Uri.file(absolute));
  return `Made the folder ${path}.`;
}
