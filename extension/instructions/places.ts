// Where people write down what models are to know: by the conventions of the
// tools that brought them up.
import { lstat, readdir, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";

/**
 * `plain`: all of it is told. `claude`: the same, with what it imports. `rule`: its front matter
 * says when; one that does not say is `always` told or left for the model to read.
 */
export type PlaceKind = "plain" | "claude" | "rule" | "always_rule";
export interface Place {
  path: string;
  kind: PlaceKind;
}

const AT_THE_ROOT: readonly [name: string, kind: PlaceKind][] = [
  [".github/copilot-instructions.md", "plain"],
  [".cursorrules", "plain"],
  [".clinerules", "plain"],
  ["AGENTS.md", "plain"],
  ["CLAUDE.md", "claude"],
  [".claude/CLAUDE.md", "claude"],
];
const FOLDERS: readonly [name: string, files: RegExp, kind: PlaceKind][] = [
  [".clinerules", /\.(?:md|txt)$/i, "always_rule"],
  [".cursor/rules", /\.mdc$/i, "rule"],
  [".github/instructions", /\.instructions\.md$/i, "rule"],
];
/** Those of a folder, for what is in it. */
export const NESTED = ["AGENTS.md", "CLAUDE.md"] as const;

const MAX_IN_A_FOLDER = 200;
const MAX_DEPTH = 5;

/** Of a folder of the workspace, whether they are there or not; what counts more comes later. */
export async function placesIn(root: string): Promise<Place[]> {
  const fixed = AT_THE_ROOT.map(([name, kind]) => ({ path: join(root, name), kind }));
  const folders = await Promise.all(
    FOLDERS.map(async ([name, files, kind]) => {
      const paths = await filesBelow(join(root, name), files);
      return paths.map((path) => ({ path, kind }));
    }),
  );
  return [...fixed, ...folders.flat()];
}

/** In the folders between the root and a file, the farthest first. */
export function nestedPlaces(root: string, files: readonly string[]): Place[] {
  const folders = new Set<string>();
  for (const file of files) {
    const parts = dirname(relative(root, file)).split(sep);
    if (parts[0] === "." || parts[0] === "..") continue;
    for (let depth = 1; depth <= parts.length; depth += 1) {
      folders.add(parts.slice(0, depth).join(sep));
    }
  }
  const depthOf = (folder: string): number => folder.split(sep).length;
  return [...folders]
    .toSorted((a, b) => depthOf(a) - depthOf(b) || (a < b ? -1 : 1))
    .flatMap((folder) =>
      NESTED.map((name) => ({
        path: join(root, folder, name),
        kind: name === "CLAUDE.md" ? ("claude" as const) : ("plain" as const),
      })),
    );
}

/**
 * In the order of their names; none where there is no such folder. Links to
 * folders are not followed.
 */
export async function filesBelow(
  folder: string,
  names: RegExp,
  maxDepth = MAX_DEPTH,
): Promise<string[]> {
  const found: string[] = [];
  const walk = async (at: string, depth: number): Promise<void> => {
    const entries = await readdir(at, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (found.length >= MAX_IN_A_FOLDER) return;
      const path = join(at, entry.name);
      if (entry.isDirectory() && depth < maxDepth) await walk(path, depth + 1);
      else if (!entry.isDirectory() && names.test(entry.name)) found.push(path);
    }
  };
  await walk(folder, 0);
  return found;
}

/** A link that leads nowhere counts as there: somebody meant something by it. */
export async function isThere(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  if (!stats?.isSymbolicLink()) return stats !== undefined && !stats.isDirectory();
  return await stat(path).then(
    (target) => !target.isDirectory(),
    () => true,
  );
}
