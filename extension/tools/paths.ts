// Which files tools may touch: those inside of the workspace's folders, wherever symbolic links lead.
import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize, relative, resolve, sep } from "node:path";
import { isSecretPath } from "../../server/shared/protected-paths.ts";

export interface Folder {
  name: string;
  path: string;
}

/** Where tools work. */
export interface Ground {
  folders: readonly Folder[];
  /** Folders that are closed to them wherever they are: the companion's data, with its token and the chats. */
  closed: readonly string[];
}

/** Thrown for what a model asked for and does not get; its message is for the model. */
export class ToolError extends Error {}

/**
 * The absolute path of what a model named. Rejects with a `ToolError` if it is outside of all folders, by itself or
 * through a link, or inside of a `.git` or a closed folder. What is written, and what holds keys, has to be named as
 * what it is: the companion has judged the name.
 */
export async function resolveInside(
  { folders, closed }: Ground,
  named: string,
  use: "read" | "write" = "read",
): Promise<string> {
  const [only] = folders;
  if (!only) throw new ToolError("No folder is open in the editor.");
  if (named.includes("\0")) throw new ToolError("The path has a NUL in it.");
  const path = toAbsolute(folders, named);
  const folder = folders.find((one) => isInside(one.path, path));
  if (!folder) throw outside(named);
  const real = await realOf(path);
  const homes = await Promise.all(folders.map((one) => realpath(one.path)));
  const home = homes.find((one) => isInside(one, real));
  if (home === undefined) throw outside(named);
  const asNamed = relative(folder.path, path);
  const really = relative(home, real);
  if ([asNamed, really].some((way) => way.split(sep).some((part) => GIT.test(part)))) {
    throw new ToolError(`${named}: the inside of .git is not for tools.`);
  }
  if (!isSame(asNamed, really) && (use === "write" || isSecretPath(really))) {
    throw new ToolError(`${named} leads to ${really.replaceAll("\\", "/")}; name that.`);
  }
  const shut = await Promise.all(closed.map((one) => realOf(one)));
  if (shut.some((one) => isInside(one, real))) throw new ToolError(`${named} is closed to tools.`);
  return path;
}

function toAbsolute(folders: readonly Folder[], named: string): string {
  if (isAbsolute(named)) return normalize(named);
  const [only] = folders;
  if (folders.length > 1) {
    const [first = "", ...rest] = named.replaceAll("\\", "/").split("/");
    const folder = folders.find(({ name }) => name === first);
    if (folder) return resolve(folder.path, ...rest);
  }
  return resolve(only?.path ?? "", named);
}

/** Also as Windows shortens and trims it. */
const GIT = /^(?:\.git|git~\d+)[. ]*$/i;

/** Two ways below a folder; where names have no case, its difference is none. */
function isSame(one: string, other: string): boolean {
  const fold =
    process.platform === "linux" ? (way: string) => way : (way: string) => way.toLowerCase();
  return fold(one) === fold(other);
}

export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!way.startsWith(`..${sep}`) && way !== ".." && !isAbsolute(way));
}

/** Where a path really is; of what does not exist yet, where it would be. A dangling link counts as what it names. */
async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
    const isLink = await lstat(path).then(
      (stats) => stats.isSymbolicLink(),
      () => false,
    );
    if (isLink) throw new ToolError("The path is a link that leads nowhere.");
    const above = dirname(path);
    return above === path ? path : join(await realOf(above), basename(path));
  }
}

function outside(named: string): ToolError {
  return new ToolError(`${named} is outside of the workspace; tools work only inside of it.`);
}
