// The ripgrep that VS Code brings along, told to leave out what the editor's own search leaves out.
import { execFile } from "node:child_process";
import { accessSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { ToolError } from "../paths.ts";

const TIMEOUT_MS = 20_000;
const MAX_BYTES = 32 * 1024 * 1024;

/** Where builds of VS Code have it; they have moved it before. */
export function findRipgrep(): string | undefined {
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

/**
 * Globs of `files.exclude` and `search.exclude`, without those that depend on a file's neighbours.
 */
export function excludedGlobs(folder: string): string[] {
  const uri = vscode.Uri.file(folder);
  return ["files", "search"].flatMap((section) => {
    const settings = vscode.workspace.getConfiguration(section, uri);
    return Object.entries(settings.get<Record<string, unknown>>("exclude") ?? {})
      .filter(([, value]) => value === true)
      .map(([glob]) => glob);
  });
}

/** As the editor calls it. */
export function editorsRules(folder: string): string[] {
  const settings = vscode.workspace.getConfiguration("search", vscode.Uri.file(folder));
  const isOn = (name: string, otherwise: boolean): boolean => settings.get(name) ?? otherwise;
  return [
    "--hidden",
    "--no-require-git",
    "--no-ignore-messages",
    ...(isOn("useIgnoreFiles", true) ? [] : ["--no-ignore"]),
    ...(isOn("useParentIgnoreFiles", false) ? [] : ["--no-ignore-parent"]),
    ...(isOn("useGlobalIgnoreFiles", false) ? [] : ["--no-ignore-global"]),
    // After the model's own, since the last glob wins.
    ...excludedGlobs(folder).map(
      (glob) => `--glob=!${/^(?:\*\*|\/)/.test(glob) ? "" : "/"}${glob}`,
    ),
  ];
}

export interface Searched {
  /** Whole lines, or names that end with NUL. */
  text: string;
  /** What could not be looked at, as `path (reason)`. */
  unread: string[];
  /** It did not come to its end. */
  isPartial: boolean;
}

/** Rejects with a `ToolError` if there is nothing for a reason. */
export async function runRipgrep(
  ripgrep: string,
  folder: string,
  args: string[],
  signal: AbortSignal,
): Promise<Searched> {
  return await new Promise((resolve, reject) => {
    const options = {
      cwd: folder,
      signal,
      timeout: TIMEOUT_MS,
      maxBuffer: MAX_BYTES,
      // A file of the user's settings for ripgrep must not change what is found.
      env: { ...process.env, RIPGREP_CONFIG_PATH: "" },
    };
    execFile(ripgrep, args, options, (error, text, stderr) => {
      if (signal.aborted) {
        reject(new ToolError("The search was stopped."));
        return;
      }
      const { unread, other } = complaintsOf(stderr);
      // 1: nothing found; 2: something could not be read, or nothing could be searched for;
      // text: out of time or room.
      const isCut = error !== null && typeof error.code !== "number";
      if (error && !isCut && error.code !== 1 && other !== "" && text === "") {
        reject(new ToolError(other.slice(0, 500)));
      } else if (isCut && text === "") {
        reject(new ToolError(`The search did not end in ${TIMEOUT_MS / 1000} s. Narrow it.`));
      } else resolve({ text, unread, isPartial: isCut });
    });
  });
}

/** `rg: PATH: REASON (os error N)`. A link that leads nowhere holds nothing. */
function complaintsOf(stderr: string): { unread: string[]; other: string } {
  const unread: string[] = [];
  const other: string[] = [];
  for (const line of stderr.split("\n")) {
    const [, path, reason, code] = /^rg: (.+): ([^:]+) \(os error (\d+)\)$/.exec(line) ?? [];
    if (path === undefined) other.push(line);
    else if (code !== "2" && code !== "3") {
      unread.push(`${path.replace(/^\.[/\\]/, "").replaceAll("\\", "/")} (${reason})`);
    }
  }
  return { unread, other: other.join("\n").trim() };
}

const MAX_NAMED = 10;

/** A word for the model on what could not be looked at; nothing if all could. */
export function unreadNote(unread: readonly string[]): string {
  if (unread.length === 0) return "";
  const more = unread.length > MAX_NAMED ? `, and ${unread.length - MAX_NAMED} more` : "";
  return `\n[Could not be read: ${unread.slice(0, MAX_NAMED).join(", ")}${more}]`;
}
