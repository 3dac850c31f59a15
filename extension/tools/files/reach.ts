// How far a search goes. For ripgrep a glob that fits wins over what git ignores, so `src/**` would
// bring in all that is built or installed below it; here it is found out and left out again, as in
// the editor's own search.
import { posix } from "node:path";
import { SECRET_NAMES } from "../../../server/shared/protected-paths.ts";
import { editorsRules, runRipgrep } from "./ripgrep.ts";

export interface Reach {
  /** Whether there is any file to search. */
  fitsAny: boolean;
  /** What the globs fit and the rules leave out. */
  hidden: ReadonlySet<string>;
  /** Of the hidden ones as few as say most of them. */
  without: string[];
}

/** Globs that cost ripgrep no time. */
const MAX_GLOBS = 500;

/**
 * In this order: the last glob that fits wins, and one of the model's own
 * would bring a hidden file in.
 */
export function placeOf(globs: readonly string[], rules: readonly string[]): string[] {
  return [
    ...globs.map((glob) => `--glob=${glob}`),
    ...rules,
    ...[".git", ...SECRET_NAMES].flatMap((name) => [
      `--iglob=!**/${name}`,
      `--iglob=!**/${name}/**`,
    ]),
  ];
}

/** Of a folder of the workspace and the globs for it. */
export async function reachOf(
  ripgrep: string,
  folder: string,
  globs: readonly string[],
  signal: AbortSignal,
): Promise<Reach> {
  const filesOf = async (some: readonly string[]) => {
    const place = placeOf(some, editorsRules(folder));
    const args = ["--files", "--null", "--no-messages", ...place, "--", "."];
    const { text, isPartial } = await runRipgrep(ripgrep, folder, args, signal);
    return { files: text.split("\0").slice(0, -1).map(plain), isPartial };
  };
  const fitting = await filesOf(globs);
  const all = fitting.files.length === 0 ? fitting : await filesOf([]);
  const shown = new Set(all.files);
  const fitsAny = fitting.files.some((file) => shown.has(file));
  // Of a folder that is too large nobody knows what is left out.
  const hidden = all.isPartial ? [] : fitting.files.filter((file) => !shown.has(file));
  return {
    fitsAny: fitsAny || all.isPartial,
    hidden: new Set(hidden),
    without: globsOf(hidden, shown),
  };
}

export function plain(path: string): string {
  return path.replace(/^\.[/\\]/, "").replaceAll("\\", "/");
}

/** The uppermost folder of each that has nothing in it that is shown, else the file. */
function globsOf(hidden: readonly string[], shown: ReadonlySet<string>): string[] {
  if (hidden.length === 0) return [];
  const open = new Set([...shown].flatMap(foldersAbove));
  const tops = new Set(
    hidden.map((file) => {
      const closed = foldersAbove(file).find((folder) => !open.has(folder));
      return closed === undefined ? literal(file) : `${literal(closed)}/**`;
    }),
  );
  return [...tops].slice(0, MAX_GLOBS).map((glob) => `!/${glob}`);
}

/** From the top. */
function foldersAbove(file: string): string[] {
  const names = posix.dirname(file).split("/");
  return names[0] === "." ? [] : names.map((_, index) => names.slice(0, index + 1).join("/"));
}

function literal(path: string): string {
  return path.replaceAll(/[[{*?]/g, "[$&]");
}
