// Searching the text of the workspace with the ripgrep that VS Code brings along, else in the files one by one.
import { execFile } from "node:child_process";
import { accessSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import * as z from "zod/mini";
import { isSecretPath, SECRET_NAMES } from "../../server/shared/protected-paths.ts";
import { cut } from "./bounds.ts";
import { parseArguments, textOf } from "./files.ts";
import { type Ground, resolveInside, ToolError } from "./paths.ts";

const SearchArguments = z.object({
  query: z.string().check(z.minLength(1)),
  is_regex: z.optional(z.boolean()),
  case_sensitive: z.optional(z.boolean()),
  include: z.optional(z.string()),
});
type SearchArguments = z.infer<typeof SearchArguments>;

const MAX_PER_FILE = 50;
const MAX_COLUMNS = 300;
const MAX_LINES = 500;
const TIMEOUT_MS = 20_000;
const MAX_FILES = 2_000;

export async function searchInCode(
  ground: Ground,
  args: unknown,
  signal: AbortSignal,
): Promise<string> {
  const search = parseArguments(SearchArguments, args);
  const { folders } = ground;
  if (folders.length === 0) throw new ToolError("No folder is open in the editor.");
  const ripgrep = findRipgrep();
  const lines: string[] = [];
  for (const folder of folders) {
    const found = ripgrep
      ? await allowed(ground, folder.path, await runRipgrep(ripgrep, folder.path, search, signal))
      : await searchFiles(ground, folder.path, search, signal);
    const prefix = folders.length > 1 ? `${folder.name}/` : "";
    lines.push(...found.map((line) => prefix + line));
  }
  if (lines.length === 0) return "[Nothing found.]";
  const more = lines.length > MAX_LINES ? `\n[${lines.length - MAX_LINES} more lines]` : "";
  return cut(lines.slice(0, MAX_LINES).join("\n") + more);
}

/** Where builds of VS Code have it; they have moved it before. */
function findRipgrep(): string | undefined {
  const name = process.platform === "win32" ? "rg.exe" : "rg";
  const places = ["@vscode/ripgrep", "@vscode/ripgrep-universal", "vscode-ripgrep"].flatMap(
    (module) =>
      ["node_modules", "node_modules.asar.unpacked"].flatMap((root) => [
        join(vscode.env.appRoot, root, module, "bin", name),
        join(vscode.env.appRoot, root, module, "bin", `${process.platform}-${process.arch}`, name),
      ]),
  );
  return places.find((place) => {
    try {
      accessSync(place);
      return true;
    } catch {
      return false;
    }
  });
}

async function runRipgrep(
  ripgrep: string,
  folder: string,
  { query, is_regex, case_sensitive, include }: SearchArguments,
  signal: AbortSignal,
): Promise<string[]> {
  const args = [
    "--line-number",
    "--no-heading",
    "--with-filename",
    "--color=never",
    "--no-messages",
    `--max-count=${MAX_PER_FILE}`,
    `--max-columns=${MAX_COLUMNS}`,
    "--max-columns-preview",
    "--sort=path",
    ...(is_regex ? [] : ["--fixed-strings"]),
    ...(case_sensitive ? [] : ["--ignore-case"]),
    ...(include === undefined ? [] : [`--glob=${include}`]),
    // After it, since the last glob wins, and one that names a hidden file would bring it in.
    ...[".git", ...SECRET_NAMES].flatMap((name) => [
      `--iglob=!**/${name}`,
      `--iglob=!**/${name}/**`,
    ]),
    "--regexp",
    query,
    "--",
    ".",
  ];
  return await new Promise((resolve, reject) => {
    const options = {
      cwd: folder,
      signal,
      timeout: TIMEOUT_MS,
      maxBuffer: 16 * 1024 * 1024,
      // A file of the user's settings for ripgrep must not change what is found.
      env: { ...process.env, RIPGREP_CONFIG_PATH: "" },
    };
    execFile(ripgrep, args, options, (error, stdout, stderr) => {
      // 1: nothing found.
      if (error && error.code !== 1) {
        reject(new ToolError(stderr.trim().slice(0, 500) || "The search did not end in time."));
      } else {
        resolve(
          stdout
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => line.replace(/^\.[/\\]/, "")),
        );
      }
    });
  });
}

/** Without what lies in a place that is closed to tools, whatever link led there. */
async function allowed(ground: Ground, folder: string, lines: string[]): Promise<string[]> {
  const verdicts = new Map<string, boolean>();
  const kept: string[] = [];
  for (const line of lines) {
    const file = /^(.*?):\d+:/.exec(line)?.[1];
    if (file === undefined) continue;
    const known = verdicts.get(file);
    const isOpen =
      known ??
      (await resolveInside(ground, join(folder, file)).then(
        () => true,
        () => false,
      ));
    verdicts.set(file, isOpen);
    if (isOpen) kept.push(line);
  }
  return kept;
}

async function searchFiles(
  ground: Ground,
  folder: string,
  { query, is_regex, case_sensitive, include = "**" }: SearchArguments,
  signal: AbortSignal,
): Promise<string[]> {
  const pattern = new RegExp(
    is_regex ? query : query.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`),
    case_sensitive ? "u" : "iu",
  );
  const inFolder = new vscode.RelativePattern(vscode.Uri.file(folder), include);
  const uris = await vscode.workspace.findFiles(inFolder, undefined, MAX_FILES);
  const lines: string[] = [];
  for (const uri of uris) {
    signal.throwIfAborted();
    // Also here no link leads out of the workspace.
    const isOpen = !isSecretPath(vscode.workspace.asRelativePath(uri, false));
    const path = isOpen && (await resolveInside(ground, uri.fsPath).catch(() => undefined));
    const text = path ? await textOf(path).catch(() => undefined) : undefined;
    const name = vscode.workspace.asRelativePath(uri, false);
    for (const [index, line] of (text ?? "").split("\n").entries()) {
      if (pattern.test(line)) lines.push(`${name}:${index + 1}:${line.slice(0, MAX_COLUMNS)}`);
      if (lines.length > MAX_LINES) return lines;
    }
  }
  return lines;
}
