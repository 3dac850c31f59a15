// Paths as models write them.
import { isAbsolute, sep } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Folder,
  isInside,
  isThere,
  outside,
  placeOf,
  resolveInside,
  ToolError,
  type WorkspaceRoots,
} from "../paths.ts";

/** As `resolveInside`, for what a model named. */
export async function resolveNamed(
  roots: WorkspaceRoots,
  named: string,
  use: "read" | "write" = "read",
): Promise<string> {
  if (!named.includes("\0")) await refuseOddSpelling(roots.folders, named, use);
  return await resolveInside(roots, named, use);
}

/**
 * A name that is not there, in a spelling in which no file is named. What is meant is told and not
 * taken: the companion has judged the name as it was written, and nothing is made under it.
 */
async function refuseOddSpelling(
  folders: readonly Folder[],
  named: string,
  use: "read" | "write",
): Promise<void> {
  if (await isThere(await placeOf(folders, named))) return;
  if (/^(?:~|\$HOME|%USERPROFILE%|[A-Za-z]:)[\\/]/.test(named) && !isAbsolute(named)) {
    throw outside(named);
  }
  const bare = bareName(named);
  const withoutPlace = bare.replace(/(?::\d+(?:[:-]\d+)*|#L\d+(?:-L?\d+)?)$/, "");
  const own = `${folders.length === 1 ? folders[0]?.name : ""}/`;
  const inFolder = withoutPlace.startsWith(own) ? withoutPlace.slice(own.length) : withoutPlace;
  for (const meant of new Set([bare, withoutPlace, inFolder])) {
    if (meant === named || meant === "") continue;
    const path = await placeOf(folders, meant);
    const isOurs = folders.some((one) => isInside(one.path, path)) && (await isThere(path));
    if (isOurs)
      throw new ToolError(`There is no ${JSON.stringify(named)}, but ${meant}; name that.`);
  }
  if (use === "write" && bare !== named) {
    throw new ToolError(`${JSON.stringify(named)} names no file; name it ${bare}.`);
  }
}

const UNSEEN = /[\u200B\u200E\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF]/g;

/** Without what stands around a name, as an address, or as Windows writes it. */
function bareName(named: string): string {
  const seen = named.replaceAll(UNSEEN, "");
  const [, , inside = seen] = /^\s*(["'`]?)([^]*?)\1\s*$/.exec(seen) ?? [];
  const isUrl = /^file:\/\/\/?/i.test(inside) && URL.canParse(inside);
  const path = isUrl ? fileURLToPath(inside.replace(/^file:\/\/(?!\/)/i, "file:///")) : inside;
  return sep === "/" ? path.replaceAll("\\", "/") : path;
}
