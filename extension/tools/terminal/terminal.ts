// Commands in a terminal that the user sees, and what the model gets to read of them.
import { stat } from "node:fs/promises";
import * as vscode from "vscode";
import * as z from "zod/mini";
import { cut, MAX_RESULT } from "../bounds.ts";
import { parseArguments } from "../files/files.ts";
import { resolveNamed } from "../files/named-paths.ts";
import { ToolError, type WorkspaceRoots } from "../paths.ts";
import { runInProcess } from "./shell-process.ts";
import { type Ran, runInTerminal, type ShellRun } from "./shell-terminal.ts";
import { kindOf, type Shell } from "./shells.ts";
import { plainOutput } from "./terminal-output.ts";

const CommandArguments = z.object({
  command: z.string().check(z.minLength(1), z.maxLength(20_000)),
  folder: z.optional(z.string()),
  timeout_seconds: z.optional(z.number()),
});

const DEFAULT_TIMEOUT_S = 120;
const MAX_TIMEOUT_S = 1_800;

export async function executeCommand(
  roots: WorkspaceRoots,
  args: unknown,
  signal: AbortSignal,
  onOutput: (data: string) => void,
): Promise<string> {
  const given = parseArguments(CommandArguments, args);
  const { command, folder = ".", timeout_seconds = DEFAULT_TIMEOUT_S } = given;
  if (command.includes("\0")) throw new ToolError("The command has a NUL in it.");
  const cwd = await resolveNamed(roots, folder);
  if (!(await isFolder(cwd))) throw new ToolError(`There is no folder ${folder}.`);
  const seconds = Math.min(Math.max(timeout_seconds, 1), MAX_TIMEOUT_S);
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const ran = await inShell({
    command,
    cwd,
    stop: AbortSignal.any([signal, late.signal]),
    // Start-up files are no part of the command's time.
    onBegin: () => {
      timer ??= setTimeout(() => late.abort(), seconds * 1000);
    },
    onOutput,
  }).finally(() => clearTimeout(timer));
  const text = plainOutput(ran.output.text).trimEnd();
  const end = endOf(ran, signal.aborted ? undefined : seconds);
  return cut(text === "" ? end : `${text}\n${end}`, MAX_RESULT, ran.output.missing);
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function endOf({ exitCode, end }: Ran, lateAfter: number | undefined): string {
  const code = exitCode === undefined ? "The exit code is not known." : `Exit code ${exitCode}`;
  switch (end) {
    case "stopped":
      return lateAfter === undefined
        ? "[Interrupted by the user.]"
        : `[Interrupted after ${lateAfter} s, still running. Nobody answers what a command asks.]`;
    case "closed":
      return "[The user closed the terminal before the command had ended.]";
    case "unseen":
      return `[The editor did not give the output; it stands in the terminal.]\n[${code}]`;
    case "ended":
      return `[${code}]`;
  }
}

/**
 * Shells whose start-up files do not come back to us, in this window: they are begun without them.
 */
const plain = new Set<string>();

async function inShell(run: ShellRun): Promise<Ran> {
  const shell = usersShell();
  if (!shell) return await runInProcess(undefined, run);
  const ran = await runInTerminal(shell, run);
  if (ran) return ran;
  plain.add(shell.path);
  return await runInProcess(shell, run);
}

function usersShell(): Shell | undefined {
  const { shell: path } = vscode.env;
  const kind = path === "" ? undefined : kindOf(path);
  if (kind === undefined) return undefined;
  const isPlain = plain.has(path);
  return {
    path,
    kind,
    isLogin: !isPlain && kind !== "powershell" && isLoginShell(path),
    isInteractive: !isPlain && kind !== "posix",
  };
}

/** As the profile of the user's terminals has it, or as terminals on macOS are. */
function isLoginShell(path: string): boolean {
  const system = process.platform === "darwin" ? "osx" : "linux";
  const settings = vscode.workspace.getConfiguration("terminal.integrated");
  const name = settings.get<string | null>(`defaultProfile.${system}`);
  const profiles = settings.get<Record<string, unknown>>(`profiles.${system}`);
  const profile = name ? profiles?.[name] : undefined;
  const args: unknown =
    typeof profile === "object" && profile !== null && "args" in profile ? profile.args : undefined;
  if (Array.isArray(args)) return args.some((arg) => arg === "-l" || arg === "--login");
  return process.platform === "darwin" || (process.platform === "win32" && /bash/i.test(path));
}
