// The user's own git, asked to look only: whatever a repository would have it run does not run.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { isInside, ToolError, type WorkspaceRoots } from "../tools/paths.ts";

const run = promisify(execFile);
const MAX_BYTES = 20_000_000;
const TIMEOUT_MS = 20_000;

/**
 * Without these a look refreshes the index, a monitor of files runs, or what verifies signatures.
 * Names come as they are, whatever their letters.
 */
const ONLY_LOOK = [
  ...["--no-optional-locks", "--no-pager"],
  ...["core.fsmonitor=false", "log.showSignature=false", "core.quotePath=false"].flatMap((one) => [
    "-c",
    one,
  ]),
];

/** Programs that a repository names for a diff stay out of it. */
export const PLAIN_DIFF = ["--relative", "--no-ext-diff", "--no-textconv", "--no-color"];

/** The part of the built-in extension's API that is used: which git the user has chosen. */
interface GitApi {
  getAPI(version: 1): { git: { path: string } };
}

export type Git = (...args: string[]) => Promise<string>;

/** Rejects where the workspace is not trusted. */
export async function gitIn(path: string): Promise<Git> {
  // Even to look, git obeys the configuration of the repository.
  if (!vscode.workspace.isTrusted) throw new ToolError("untrusted");
  const program = await chosenGit();
  // What a partial clone lacks would be fetched, by programs that the repository names.
  const env = { ...process.env, GIT_NO_LAZY_FETCH: "1", GIT_TERMINAL_PROMPT: "0" };
  const options = { maxBuffer: MAX_BYTES, timeout: TIMEOUT_MS, env };
  return async (...args) =>
    (await run(program, [...ONLY_LOOK, "-C", path, ...args], options)).stdout;
}

/** What had come when there was more than is taken; everything else is an error still. */
export function partOf(thrown: unknown): string {
  const { code, stdout } = thrown as { code?: unknown; stdout?: unknown };
  if (code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER" && typeof stdout === "string") return stdout;
  throw thrown;
}

/** All below the folder but what is closed to tools, as git is told places. */
export function placesIn({ closed }: WorkspaceRoots, path: string): string[] {
  const shut = closed.filter((one) => isInside(path, one));
  return ["--", ".", ...shut.map((one) => `:(exclude,literal)${one}`)];
}

async function chosenGit(): Promise<string> {
  try {
    const extension = vscode.extensions.getExtension<GitApi>("vscode.git");
    const api = (await extension?.activate())?.getAPI(1);
    return api?.git.path ?? "git";
  } catch {
    // Switched off by `git.enabled`, or it has found no git.
    return "git";
  }
}
