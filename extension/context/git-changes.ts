import type { WorkspaceRoots } from "../tools/paths.ts";
import { gitIn, PLAIN_DIFF, placesIn } from "./git-program.ts";

/**
 * What has changed in the workspace's folders since the last commit, and which files are new.
 * Rejects where there is no git, or no trust.
 */
export async function gitChanges(roots: WorkspaceRoots): Promise<string> {
  const texts = roots.folders.map(async ({ path }) => {
    const git = await gitIn(path);
    const places = placesIn(roots, path);
    const diff = await git("diff", "HEAD", ...PLAIN_DIFF, ...places);
    return (await git("status", "--short", ...places)) + diff;
  });
  return (await Promise.all(texts)).join("");
}
