import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { isInside, ToolError, type WorkspaceRoots } from "../tools/paths.ts";

const run = promisify(execFile);
const MAX_BYTES = 20_000_000;

/** The part of the built-in extension's API that is used: which git the user has chosen. */
interface GitApi {
  getAPI(version: 1): { git: { path: string } };
}

/**
 * What has changed in the workspace's folders since the last commit, and which files are new.
 * Nothing is written, the index is not refreshed, and none of the programs run that a repository
 * may name for it. Rejects where there is none.
 */
export async function gitChanges({ folders, closed }: WorkspaceRoots): Promise<string> {
  // Even to look, git obeys the configuration of the repository.
  if (!vscode.workspace.isTrusted) throw new ToolError("untrusted");
  const program = await chosenGit();
  const texts = folders.map(async ({ path }) => {
    const shut = closed
      .filter((one) => isInside(path, one))
      .map((one) => `:(exclude,literal)${one}`);
    const git = async (...args: string[]): Promise<string> => {
      const safe = ["--no-optional-locks", "-c", "core.fsmonitor=false", "-C", path];
      const options = { maxBuffer: MAX_BYTES };
      const all = [...safe, ...args, "--", ".", ...shut];
      return (await run(program, all, options)).stdout;
    };
    const diff = await git("diff", "HEAD", "--relative", "--no-ext-diff", "--no-textconv");
    return (await git("status", "--short")) + diff;
  });
  return (await Promise.all(texts)).join("");
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
