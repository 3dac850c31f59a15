// Searching the text of the workspace with the ripgrep that VS Code brings along, else
// in the files one by one.
import { statSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import * as z from "zod/mini";
import { isSecretPath } from "../../../server/shared/protected-paths.ts";
import { cut } from "../bounds.ts";
import { type Folder, resolveInside, ToolError, type WorkspaceRoots } from "../paths.ts";
import { textOf } from "./file-text.ts";
import { parseArguments } from "./files.ts";
import { atAnyDepth, type FolderGlobs, globsOf } from "./include-globs.ts";
import { placeOf, plain, reachOf } from "./reach.ts";
import { editorsRules, excludedGlobs, findRipgrep, runRipgrep, unreadNote } from "./ripgrep.ts";

const SearchArguments = z.object({
  query: z.string().check(z.minLength(1)),
  is_regex: z.nullish(z.boolean()),
  case_sensitive: z.nullish(z.boolean()),
  include: z.nullish(z.union([z.string(), z.array(z.string())])),
});
type SearchArguments = z.infer<typeof SearchArguments>;

const MAX_PER_FILE = 50;
const MAX_COLUMNS = 300;
const MAX_LINES = 500;
const MAX_FILES = 2_000;

interface Found {
  lines: string[];
  unread: string[];
  isPartial: boolean;
}

interface Task {
  roots: WorkspaceRoots;
  ripgrep: string | undefined;
  search: SearchArguments;
  signal: AbortSignal;
}

export async function searchInCode(
  roots: WorkspaceRoots,
  args: unknown,
  signal: AbortSignal,
): Promise<string> {
  const search = parseArguments(SearchArguments, args);
  const { folders } = roots;
  if (folders.length === 0) throw new ToolError("No folder is open in the editor.");
  if (search.query.includes("\0")) throw new ToolError("The query has a NUL in it.");
  const include = [search.include ?? []].flat().join(",");
  const globs = globsOf(include, folders, isFolder);
  const task: Task = { roots, ripgrep: findRipgrep(), search, signal };
  const found = await searchAll(task, globs);
  if (found.lines.length > 0 || !globs) return told(found, search);
  if (await fitsAny(task, globs, false)) return told(found, search);
  const deep = atAnyDepth(globs);
  if (await fitsAny(task, deep, false)) {
    return `[${include} fits no file at the top; taken as ${[...deep.values()][0]?.[0] ?? "**"}]\n${told(await searchAll(task, deep), search)}`;
  }
  const isLeftOut = await fitsAny(task, deep, true);
  const why = isLeftOut
    ? "it fits only files that git or the editor's settings leave out of searches"
    : "it fits no file";
  return `[Nothing was searched: include is ${include}, and ${why}.]${unreadNote(found.unread)}`;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

async function searchAll(task: Task, globs: FolderGlobs | undefined): Promise<Found> {
  const all: Found = { lines: [], unread: [], isPartial: false };
  const { folders } = task.roots;
  for (const folder of folders) {
    const own = globs ? globs.get(folder) : [];
    if (own === undefined) continue;
    const found = task.ripgrep
      ? await searchFolder(task, task.ripgrep, folder, own)
      : { ...all, lines: await searchFiles(task, folder, own), unread: [] };
    const prefix = folders.length > 1 ? `${folder.name}/` : "";
    all.lines.push(...found.lines.map((line) => prefix + line));
    all.unread.push(...found.unread.map((one) => prefix + one));
    all.isPartial ||= found.isPartial;
  }
  return all;
}

function told({ lines, unread, isPartial }: Found, { query, is_regex }: SearchArguments): string {
  const partial = isPartial ? "\n[The search did not come to its end. Narrow it.]" : "";
  const notes = partial + unreadNote(unread);
  if (lines.length === 0) {
    const isPlain = !is_regex && /[\\^$*+?|()[\]]/.test(query);
    const how = isPlain ? " The query was taken as plain text, not as a regular expression." : "";
    return `[Nothing found.${how}]${notes}`;
  }
  const more = lines.length > MAX_LINES ? `\n[${lines.length - MAX_LINES} more lines]` : "";
  const perFile = Object.values(Object.groupBy(lines, (line) => line.replace(/:\d+:.*$/s, "")));
  const full = perFile.some((one) => one && one.length >= MAX_PER_FILE)
    ? `\n[Of a file at most ${MAX_PER_FILE} lines are given.]`
    : "";
  return cut(lines.slice(0, MAX_LINES).join("\n") + more + full + notes);
}

/** What the query is for ripgrep, which takes line feeds in a pattern only when told. */
function patternOf({ query, is_regex, case_sensitive }: SearchArguments): string[] {
  const lines = query.split(/\r?\n/);
  const isOverLines = lines.length > 1 || (is_regex && /\\n/.test(query));
  const asPattern = is_regex || isOverLines;
  const pattern = is_regex ? query : lines.map(escaped).join(String.raw`\r?\n`);
  return [
    // A line that ends with CR LF ends before both.
    "--crlf",
    // Look-arounds and back-references, where they are used.
    "--engine=auto",
    ...(isOverLines ? ["--multiline"] : []),
    ...(asPattern ? [] : ["--fixed-strings"]),
    ...(case_sensitive ? [] : ["--ignore-case"]),
    "--regexp",
    asPattern ? pattern : query,
  ];
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}

async function searchFolder(
  { roots, search, signal }: Task,
  ripgrep: string,
  folder: Folder,
  globs: string[],
): Promise<Found> {
  const isNamed = globs.some((glob) => !glob.startsWith("!"));
  const { hidden, without } = isNamed
    ? await reachOf(ripgrep, folder.path, globs, signal)
    : { hidden: new Set<string>(), without: [] };
  const args = [
    ...["--line-number", "--no-heading", "--with-filename", "--color=never", "--null"],
    `--max-count=${MAX_PER_FILE}`,
    `--max-columns=${MAX_COLUMNS}`,
    "--max-columns-preview",
    "--sort=path",
    ...placeOf([...globs, ...without], editorsRules(folder.path)),
    ...patternOf(search),
    "--",
    ".",
  ];
  const { text, unread, isPartial } = await runRipgrep(ripgrep, folder.path, args, signal);
  const lines = text.split("\n");
  // What follows the last line feed is cut off.
  if (isPartial) lines.pop();
  return { lines: await allowed(roots, folder.path, lines, hidden), unread, isPartial };
}

/** Without what lies in a place that is closed to tools, whatever link led there. */
async function allowed(
  roots: WorkspaceRoots,
  folder: string,
  lines: string[],
  hidden: ReadonlySet<string>,
): Promise<string[]> {
  const verdicts = new Map<string, boolean>();
  const kept: string[] = [];
  for (const line of lines) {
    const [, file, match] = /^(?:\.[/\\])?([^\0]+)\0(.*)$/s.exec(line) ?? [];
    if (file === undefined || match === undefined) continue;
    const known = verdicts.get(file);
    const isOpen =
      known ??
      (!hidden.has(plain(file)) &&
        (await resolveInside(roots, join(folder, file)).then(
          () => true,
          () => false,
        )));
    verdicts.set(file, isOpen);
    if (isOpen) kept.push(`${file.replaceAll("\\", "/")}:${match.replace(/\r$/, "")}`);
  }
  return kept;
}

/** Whether there is any file that would be searched, or could be if nothing were left out. */
async function fitsAny(
  { roots, ripgrep, signal }: Task,
  globs: FolderGlobs,
  isAll: boolean,
): Promise<boolean> {
  for (const folder of roots.folders) {
    const own = globs.get(folder);
    if (own === undefined) continue;
    if (!ripgrep) {
      if ((await vscode.workspace.findFiles(within(folder, own), null, 1)).length > 0) return true;
      continue;
    }
    if (!isAll) {
      if ((await reachOf(ripgrep, folder.path, own, signal)).fitsAny) return true;
      continue;
    }
    const place = placeOf(own, ["--hidden", "--no-ignore"]);
    const args = ["--files", "--no-messages", ...place, "--", "."];
    const { text } = await runRipgrep(ripgrep, folder.path, args, signal);
    if (text !== "") return true;
  }
  return false;
}

function within(folder: Folder, globs: string[]): vscode.RelativePattern {
  const wanted = globs.filter((glob) => !glob.startsWith("!"));
  const plain = wanted.map((glob) => (glob.startsWith("/") ? glob.slice(1) : `**/${glob}`));
  const glob = plain.length > 1 ? `{${plain.join(",")}}` : (plain[0] ?? "**");
  return new vscode.RelativePattern(vscode.Uri.file(folder.path), glob);
}

async function searchFiles(
  { roots, search, signal }: Task,
  folder: Folder,
  globs: string[],
): Promise<string[]> {
  const { query, is_regex, case_sensitive } = search;
  let pattern: RegExp;
  try {
    pattern = new RegExp(is_regex ? query : escaped(query), case_sensitive ? "u" : "iu");
  } catch (thrown) {
    throw new ToolError(`query: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  const excluded = excludedGlobs(folder.path);
  const exclude = excluded.length > 0 ? `{${excluded.join(",")}}` : undefined;
  const uris = await vscode.workspace.findFiles(within(folder, globs), exclude, MAX_FILES);
  const lines: string[] = [];
  for (const uri of uris) {
    signal.throwIfAborted();
    // Also here no link leads out of the workspace.
    const isOpen = !isSecretPath(vscode.workspace.asRelativePath(uri, false));
    const path = isOpen && (await resolveInside(roots, uri.fsPath).catch(() => undefined));
    const text = path ? await textOf(path).catch(() => undefined) : undefined;
    const name = vscode.workspace.asRelativePath(uri, false);
    for (const [index, line] of (text ?? "").split(/\r?\n/).entries()) {
      if (pattern.test(line)) lines.push(`${name}:${index + 1}:${line.slice(0, MAX_COLUMNS)}`);
      if (lines.length > MAX_LINES) return lines;
    }
  }
  return lines;
}
