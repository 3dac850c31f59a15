// Which files tools may touch: those inside of the workspace's folders,
// wherever symbolic links lead.
import { lstat, readdir, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize, relative, resolve, sep } from "node:path";
import { isSecretPath } from "../../server/shared/protected-paths.ts";

export interface Folder {
  /** As models are told: its own, or one made of it where others have that, too. */
  name: string;
  path: string;
  /** Its own, where `name` is made of it. */
  ownName?: string;
}

/** Where tools work. */
export interface WorkspaceRoots {
  folders: readonly Folder[];
  /**
   * Folders that are closed to them wherever they are: the companion's data, with
   * its token and the chats.
   */
  closed: readonly string[];
}

/** Thrown for what a model asked for and does not get; its message is for the model. */
export class ToolError extends Error {}

/**
 * The absolute path of what a model named. Rejects with a `ToolError` if it is outside of all
 * folders, by itself or through a link, or inside of a `.git` or a closed folder. What is written,
 * and what holds keys, has to be named as what it is: the companion has judged the name.
 */
export async function resolveInside(
  { folders, closed }: WorkspaceRoots,
  named: string,
  use: "read" | "write" = "read",
): Promise<string> {
  const [only] = folders;
  if (!only) throw new ToolError("No folder is open in the editor.");
  if (named.includes("\0")) throw new ToolError("The path has a NUL in it.");
  const path = await placeOf(folders, named);
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

/** Also as Windows shortens and trims it. */
const GIT = /^(?:\.git|git~\d+)[. ]*$/i;

/**
 * Two ways below a folder; where names have no case, or one form of Unicode, its difference is
 * none.
 */
function isSame(one: string, other: string): boolean {
  const isExact = process.platform === "linux";
  const fold = (way: string): string => (isExact ? way : way.normalize("NFC").toLowerCase());
  return fold(one) === fold(other);
}

export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!way.startsWith(`..${sep}`) && way !== ".." && !isAbsolute(way));
}

/**
 * Where a path really is; of what does not exist yet, where it would be. A dangling link
 * counts as what it names.
 */
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

export function outside(named: string): ToolError {
  return new ToolError(`${named} is outside of the workspace; tools work only inside of it.`);
}

/**
 * Where names are the same, each with as many of the folders above it as tell them apart
 * (`web/app`), or numbered.
 */
export function withNames(folders: readonly Folder[]): Folder[] {
  return folders.map((folder) => {
    const alike = folders.filter(({ name }) => name === folder.name);
    if (alike.length < 2) return folder;
    const isTaken = (name: string): boolean =>
      folders.some((one) => name === one.name || name.startsWith(`${one.name}/`));
    for (let levels = 1; levels <= MAX_LEVELS; levels += 1) {
      const names = alike.map((one) => longerName(one, levels));
      if (new Set(names).size < names.length || names.some(isTaken)) continue;
      return { ...folder, name: longerName(folder, levels), ownName: folder.name };
    }
    const name = `${folder.name} (${alike.indexOf(folder) + 1})`;
    return { ...folder, name, ownName: folder.name };
  });
}

const MAX_LEVELS = 5;

function longerName({ name, path }: Folder, levels: number): string {
  const above = dirname(path).split(sep).filter(Boolean).slice(-levels);
  return [...above, name].join("/");
}

/** A file or folder as a model names it. */
export function nameOf(folders: readonly Folder[], path: string): string {
  const [home] = folders
    .filter((one) => isInside(one.path, path))
    .toSorted((a, b) => b.path.length - a.path.length);
  if (!home) return path;
  const way = relative(home.path, path).split(sep).join("/");
  if (folders.length === 1) return way === "" ? "." : way;
  return way === "" ? home.name : `${home.name}/${way}`;
}

/**
 * The one place that a model can have meant. Rejects with a `ToolError` that tells the names to use
 * where it could be more than one.
 */
export async function placeOf(given: readonly Folder[], named: string): Promise<string> {
  const folders = withNames(given);
  const [first] = folders;
  if (isAbsolute(named) || !first || folders.length === 1) {
    const path = isAbsolute(named) ? normalize(named) : resolve(first?.path ?? "", named);
    return await asOnDisk(folders, path);
  }
  const parts = named
    .replaceAll("\\", "/")
    .replace(/^(?:\.\/+)+/, "")
    .split("/");
  const home = folders
    .filter(({ name }) => beginsWith(parts, name.split("/")))
    .toSorted((a, b) => b.name.length - a.name.length)[0];
  if (home) {
    const rest = parts.slice(home.name.split("/").length);
    return await asOnDisk(folders, resolve(home.path, ...rest));
  }
  const alike = folders.filter(({ ownName }) => ownName === parts[0]);
  if (alike.length > 0) {
    const found = await existing(alike, parts.slice(1));
    if (found.length === 1 && found[0] !== undefined) return found[0];
    throw ambiguous(named, alike);
  }
  const asGiven = await asOnDisk(folders, resolve(first.path, ...parts));
  const isWhole = parts.every((part) => part === "" || part === ".");
  const found = isWhole ? [] : await existing(folders, parts);
  if (found.length > 1) throw ambiguous(named, folders);
  return found[0] ?? asGiven;
}

function ambiguous(named: string, folders: readonly Folder[]): ToolError {
  const names = folders.map(({ name }) => JSON.stringify(name)).join(", ");
  return new ToolError(
    `${named} could be in more than one folder of the workspace. Begin the path with one of ${names}.`,
  );
}

async function existing(folders: readonly Folder[], parts: readonly string[]): Promise<string[]> {
  const paths = folders.map((one) => asOnDisk([one], resolve(one.path, ...parts)));
  const found = await Promise.all(
    paths.map(async (path) => ((await isThere(await path)) ? [await path] : [])),
  );
  return found.flat();
}

/**
 * A name in the form of Unicode that it has on the disk: composed or not, it
 * looks the same to a model.
 */
async function asOnDisk(folders: readonly Folder[], path: string): Promise<string> {
  const home = folders.find((one) => isInside(one.path, path));
  if (!home || !/[^ -~]/.test(path) || (await isThere(path))) return path;
  let at = home.path;
  for (const part of relative(home.path, path).split(sep)) {
    const exact = join(at, part);
    if (await isThere(exact)) {
      at = exact;
      continue;
    }
    const names = await readdir(at).catch(() => []);
    const same = names.filter((name) => name.normalize("NFC") === part.normalize("NFC"));
    at = join(at, same.length === 1 && same[0] !== undefined ? same[0] : part);
  }
  return at;
}

export async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

const beginsWith = (parts: readonly string[], start: readonly string[]): boolean =>
  start.every((part, index) => parts[index] === part);
