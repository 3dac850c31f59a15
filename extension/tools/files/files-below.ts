// The files of a folder: of the whole tree below it, what the editor's own search would look at.
import { readdir, stat } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import * as vscode from "vscode";
import { resolveInside, type WorkspaceRoots } from "../paths.ts";
import { editorsRules, excludedGlobs, findRipgrep, runRipgrep } from "./ripgrep.ts";

/** Of the search without ripgrep, which has to end somewhere. */
const MAX_FOUND = 20_000;

export interface Files {
  /** Relative, with forward slashes. */
  files: string[];
  unread: string[];
  isPartial: boolean;
}

/** Of a folder of the workspace, what the editor's own search would look at. */
export async function filesBelow(folder: string, signal: AbortSignal): Promise<Files> {
  const ripgrep = findRipgrep();
  const home = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(folder))?.uri.fsPath ?? folder;
  if (!ripgrep) {
    const excluded = excludedGlobs(home);
    const found = await vscode.workspace.findFiles(
      new vscode.RelativePattern(vscode.Uri.file(folder), "**"),
      excluded.length > 0 ? `{${excluded.join(",")}}` : undefined,
      MAX_FOUND,
    );
    const files = found.map(({ path }) => posix.relative(vscode.Uri.file(folder).path, path));
    return { files, unread: [], isPartial: found.length === MAX_FOUND };
  }
  const below = posix.relative(vscode.Uri.file(home).path, vscode.Uri.file(folder).path);
  const list = async (path: string, beside: readonly string[]): Promise<Files> => {
    const args = ["--files", "--null", ...editorsRules(home), ...beside, "--", `./${path}`];
    const { text, unread, isPartial } = await runRipgrep(ripgrep, home, args, signal);
    const inside = (named: string): string[] => {
      const way = posix.relative(below, named.replaceAll("\\", "/").replace(/^\.\//, ""));
      return way.startsWith("../") ? [] : [way];
    };
    const files = text.split("\0").slice(0, -1).flatMap(inside);
    return { files, unread: unread.flatMap(inside), isPartial };
  };
  if (below === "") return await list("", []);
  // Where ripgrep is sent to a folder, it reads no ignore file above it; so it is sent to the
  // workspace's, and kept from all beside the way. Of a folder that is ignored itself, all is told.
  const found = await list("", await besideTheWay(home, below.split("/")));
  return found.files.length > 0 ? found : await list(below, []);
}

const MAX_BESIDE = 500;

/** Other folders on each level, as globs that leave them out. */
async function besideTheWay(home: string, way: readonly string[]): Promise<string[]> {
  const levels = way.map(async (next, level) => {
    const above = way.slice(0, level);
    const entries = await readdir(join(home, ...above), { withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isDirectory() && entry.name !== next)
      .map(({ name }) => `--glob=!/${[...above, name].map(asGlob).join("/")}`);
  });
  // With more of them it only takes longer.
  return (await Promise.all(levels)).flat().slice(0, MAX_BESIDE);
}

function asGlob(name: string): string {
  return name.replaceAll(/[\\*?[\]{}!#]/g, String.raw`\$&`);
}

/**
 * Links are followed by nobody here, but named: in each folder that is listed, if they
 * lead to where tools may go.
 */
export async function linksBeside(
  roots: WorkspaceRoots,
  folder: string,
  files: string[],
): Promise<string[]> {
  const folders = new Set([
    "",
    ...files.map((file) => dirname(file)).map((name) => (name === "." ? "" : name)),
  ]);
  const links: string[] = [];
  for (const name of folders) {
    const entries = await readdir(join(folder, name), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isSymbolicLink()) continue;
      const path = join(folder, name, entry.name);
      const target = await resolveInside(roots, path)
        .then(stat)
        .catch(() => undefined);
      if (target) links.push(posix.join(name, entry.name) + (target.isDirectory() ? "/" : ""));
    }
  }
  return links;
}
