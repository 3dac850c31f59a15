// Lists of a folder's files, or of the whole tree below it.
import { readdir, stat } from "node:fs/promises";
import * as vscode from "vscode";
import * as z from "zod/mini";
import { nameOf, ToolError, type WorkspaceRoots } from "../paths.ts";
import { treeLines } from "./file-tree.ts";
import { parseArguments } from "./files.ts";
import { type Files, filesBelow, linksBeside } from "./files-below.ts";
import { resolveNamed } from "./named-paths.ts";
import { unreadNote } from "./ripgrep.ts";

const ListArguments = z.object({
  path: z.nullish(z.string()),
  recursive: z.nullish(z.boolean()),
});

const MAX_ENTRIES = 1_000;

export async function listFiles(
  roots: WorkspaceRoots,
  args: unknown,
  signal: AbortSignal,
): Promise<string> {
  const { path, recursive } = parseArguments(ListArguments, args);
  const named = path ?? ".";
  const isAll =
    roots.folders.length > 1 && /^(?:\.?[/\\]?)*$/.test(named) && !named.startsWith("/");
  const folders = isAll
    ? roots.folders.map((folder) => folder.path)
    : [await resolveNamed(roots, named)];
  if (recursive) return await listTrees(roots, folders, named, signal);
  const names = await Promise.all(
    folders.map(async (folder) => {
      const base = isAll ? `${nameOf(roots.folders, folder)}/` : "";
      const entries = await namesIn(folder, named).catch((thrown) => {
        if (!isAll) throw thrown;
        return ["[may not be read]"];
      });
      return [...(isAll ? [base] : []), ...entries.map((name) => base + name)];
    }),
  );
  return toLines(names.flat());
}

function toLines(names: readonly string[]): string {
  if (names.length === 0) return "[The folder is empty.]";
  const more = names.length - MAX_ENTRIES;
  const note = more > 0 ? `\n[${more} more entries of this folder are not listed.]` : "";
  return names.slice(0, MAX_ENTRIES).join("\n") + note;
}

async function namesIn(folder: string, named: string): Promise<string[]> {
  let entries: [string, vscode.FileType][];
  try {
    entries = await vscode.workspace.fs.readDirectory(vscode.Uri.file(folder));
  } catch {
    throw await whyNot(folder, named);
  }
  return entries
    .map(([name, type]) => (type & vscode.FileType.Directory ? `${name}/` : name))
    .toSorted();
}

async function whyNot(folder: string, named: string): Promise<ToolError> {
  const found = await stat(folder).catch(() => undefined);
  if (!found) return new ToolError(`There is no folder ${named}.`);
  return new ToolError(
    found.isDirectory() ? `The folder ${named} may not be read.` : `${named} is a file.`,
  );
}

async function listTrees(
  roots: WorkspaceRoots,
  folders: readonly string[],
  named: string,
  signal: AbortSignal,
): Promise<string> {
  const trees = await Promise.all(
    folders.map(async (folder): Promise<Files> => {
      try {
        return await listTree(roots, folder, named, signal);
      } catch (thrown) {
        // One that is gone or shut keeps none of the others back.
        if (folders.length === 1 || signal.aborted) throw thrown;
        return { files: [], unread: [nameOf(roots.folders, folder)], isPartial: false };
      }
    }),
  );
  const { lines, isCut } = treeLines(
    trees.flatMap(({ files }) => files),
    MAX_ENTRIES,
  );
  const notes = [
    isCut
      ? "\n[Not all fit: folders with a number of files were not opened. List one of them.]"
      : "",
    trees.some(({ isPartial }) => isPartial)
      ? "\n[The list is not complete: it took too long.]"
      : "",
    unreadNote(trees.flatMap(({ unread }) => unread)),
  ].join("");
  if (lines.length > 0) return lines.join("\n") + notes;
  const entries = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
  const all =
    entries.flat().length === 0
      ? "The folder is empty."
      : "All that is in it is left out: by git, or by the editor's settings.";
  return `[${all}]${notes}`;
}

async function listTree(
  roots: WorkspaceRoots,
  folder: string,
  named: string,
  signal: AbortSignal,
): Promise<Files> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw await whyNot(folder, named);
  const { files, unread, isPartial } = await filesBelow(folder, signal);
  const links = await linksBeside(roots, folder, files);
  const shown = nameOf(roots.folders, folder);
  const base = shown === "." ? "" : `${shown}/`;
  const below = (names: readonly string[]): string[] => names.map((name) => base + name);
  return { files: below([...files, ...links]), unread: below(unread), isPartial };
}
