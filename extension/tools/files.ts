// Tools that read and change files, through VS Code's own file system.
import * as vscode from "vscode";
import * as z from "zod/mini";
import { MAX_RESULT } from "./bounds.ts";
import { applyEdits, linesOf } from "./edits.ts";
import { type Folder, type Ground, resolveInside, ToolError } from "./paths.ts";
import type { SeenFiles } from "./seen-files.ts";

const MAX_FILE_BYTES = 5_000_000;

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

export function workspaceFolders(): Folder[] {
  return (vscode.workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === "file")
    .map(({ name, uri }) => ({ name, path: uri.fsPath }));
}

/** Throws a `ToolError` that says which argument is wrong. */
export function parseArguments<T extends z.ZodMiniType>(schema: T, args: unknown): z.infer<T> {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ToolError(`${issue?.path.join(".") ?? "arguments"}: ${issue?.message ?? "not valid"}`);
}

export interface FileTools {
  ground: Ground;
  sessionId: string;
  seen: SeenFiles;
  /** Called before a file or folder is changed or made. */
  keepBefore(path: string): Promise<void>;
}

export async function readFile(
  { ground, sessionId, seen }: FileTools,
  args: unknown,
): Promise<string> {
  const { path, start_line = 1, end_line } = parseArguments(ReadArguments, args);
  const absolute = await resolveInside(ground, path);
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
  after: string;
}

/** Works out a call of `write_file` or `apply_diff` without doing it. Rejects with a `ToolError` where it cannot be done. */
export async function planChange(
  name: "write_file" | "apply_diff",
  { ground, sessionId, seen }: Pick<FileTools, "ground" | "sessionId" | "seen">,
  args: unknown,
): Promise<Change> {
  const given =
    name === "write_file"
      ? parseArguments(WriteArguments, args)
      : parseArguments(DiffArguments, args);
  const path = await resolveInside(ground, given.path, "write");
  const before = await textOf(path);
  if (openDocument(path)?.isDirty) {
    throw new ToolError(`${given.path} has changes in the editor that are not saved.`);
  }
  if (before !== undefined) {
    const refusal = seen.refusal(sessionId, path, before);
    if (refusal !== undefined) throw new ToolError(`${given.path}: ${refusal}`);
  }
  if (given.content !== undefined) return { path, before, after: given.content };
  if (before === undefined) throw new ToolError(`There is no file ${given.path}. Use write_file.`);
  const edits = "edits" in given ? (given.edits ?? []) : [];
  if (edits.length === 0) throw new ToolError("edits: at least one is needed.");
  try {
    return { path, before, after: applyEdits(before, edits) };
  } catch (thrown) {
    throw new ToolError(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

export async function changeFile(
  tools: FileTools,
  name: "write_file" | "apply_diff",
  args: unknown,
): Promise<string> {
  const { path, before, after } = await planChange(name, tools, args);
  await tools.keepBefore(path);
  await vscode.workspace.fs.writeFile(vscode.Uri.file(path), Buffer.from(after, "utf8"));
  tools.seen.note(tools.sessionId, path, after);
  const shown = vscode.workspace.asRelativePath(path);
  const lines = after.split("\n").length;
  return before === undefined ? `Made ${shown} (${lines} lines).` : `Changed ${shown}.`;
}

export async function createDirectory(tools: FileTools, args: unknown): Promise<string> {
  const { path } = parseArguments(DirectoryArguments, args);
  const absolute = await resolveInside(tools.ground, path, "write");
  await tools.keepBefore(absolute);
  await vscode.workspace.fs.createDirectory(vscode.Uri.file(absolute));
  return `Made the folder ${path}.`;
}

/** As the editor has it, saved or not; undefined if there is no such file. */
export async function textOf(path: string): Promise<string | undefined> {
  const open = openDocument(path);
  if (open) return open.getText();
  const uri = vscode.Uri.file(path);
  let stat: vscode.FileStat;
  try {
    stat = await vscode.workspace.fs.stat(uri);
  } catch {
    return undefined;
  }
  if (stat.type & vscode.FileType.Directory) throw new ToolError("The path is a folder.");
  if (stat.size > MAX_FILE_BYTES) {
    throw new ToolError(`The file is too large to read (${stat.size} bytes). Search in it.`);
  }
  const bytes = await vscode.workspace.fs.readFile(uri);
  if (bytes.subarray(0, 8_000).includes(0)) throw new ToolError("The file is binary.");
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function openDocument(path: string): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find(
    ({ uri, isClosed }) => uri.scheme === "file" && uri.fsPath === path && !isClosed,
  );
}
