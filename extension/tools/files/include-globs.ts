// Which files a model means by an `include`, in the ways in which models write one.
// Knows nothing of VS Code.
import { join, posix } from "node:path";
import { parseJson } from "../../../server/shared/json.ts";
import { type Folder, isInside, ToolError } from "../paths.ts";

/**
 * By folder of the workspace, for ripgrep: with `!` what is left out. A folder that is
 * not named is not searched.
 */
export type FolderGlobs = Map<Folder, string[]>;

/** Undefined: all files, as is a folder without globs. */
export function globsOf(
  include: string,
  folders: readonly Folder[],
  isFolder: (path: string) => boolean,
): FolderGlobs | undefined {
  const items = itemsOf(include);
  if (items.length === 0) return undefined;
  const wanted = items.filter((item) => !item.startsWith("!"));
  const globs: FolderGlobs = new Map();
  const all = new Set<Folder>(wanted.length === 0 ? folders : []);
  for (const [folder, below] of wanted.flatMap((item) => placesOf(item, folders, isFolder))) {
    const made = globsBelow(folder, below, isFolder);
    if (made.length === 0) all.add(folder);
    globs.set(folder, [...(globs.get(folder) ?? []), ...made]);
  }
  for (const folder of all) globs.set(folder, []);
  const unwanted = items.filter((item) => item.startsWith("!")).map((item) => item.slice(1).trim());
  for (const [folder, below] of unwanted.flatMap((item) => placesOf(item, folders, isFolder))) {
    const made = globsBelow(folder, below, isFolder).map((glob) => `!${glob}`);
    const own = globs.get(folder);
    if (own) globs.set(folder, [...own, ...made]);
  }
  return globs;
}

function globsBelow(folder: Folder, below: string, isFolder: (path: string) => boolean): string[] {
  // A folder is not named by itself: so git may still leave it out.
  const isNamed = !/[*?{]/.test(below) && isFolder(join(folder.path, below));
  return variantsOf(isNamed ? `/${below}/` : below);
}

/** The same at any depth, for who names a folder that is not at the top. */
export function atAnyDepth(globs: FolderGlobs): FolderGlobs {
  const deep = (glob: string): string => {
    const [, not = "", below = ""] = /^(!?)\/?(.*)$/s.exec(glob) ?? [];
    return below.startsWith("**/") ? `${not}${below}` : `${not}**/${below}`;
  };
  return new Map([...globs].map(([folder, own]) => [folder, own.map(deep)]));
}

/**
 * A list with commas, semicolons or line feeds, or one of JSON; of globs alone also one with blanks
 * or bars. Quotes around one mean nothing.
 */
function itemsOf(include: string): string[] {
  const text = include.trim();
  const listed = text.startsWith("[") ? stringsOf(text) : undefined;
  const isOfGlobs = /^[^\s|,]*\*[^\s|,]*(?:[\s|]+[^\s|,]*\*[^\s|,]*)+$/.test(text);
  return (listed ?? (isOfGlobs ? text.split(/[\s|]+/) : splitAtCommas(text)))
    .map((item) =>
      item
        .trim()
        .replace(/^(["'`])(.*)\1$/s, "$2")
        .trim(),
    )
    .filter((item) => item !== "" && item !== "!");
}

/** `[id]` is no JSON, so a folder of that name stays one. */
function stringsOf(text: string): string[] | undefined {
  const list = parseJson(text);
  const isStrings = Array.isArray(list) && list.every((one) => typeof one === "string");
  return isStrings ? list : undefined;
}

/** Those in braces belong to the glob. */
function splitAtCommas(text: string): string[] {
  const items: string[] = [""];
  let depth = 0;
  for (const char of text) {
    if (char === "{") depth += 1;
    if (char === "}") depth -= 1;
    if (/[,;\n]/.test(char) && depth <= 0) items.push("");
    else items[items.length - 1] += char;
  }
  return items;
}

/** Without a folder's path or name before it. */
function placesOf(
  written: string,
  folders: readonly Folder[],
  isFolder: (path: string) => boolean,
): [Folder, string][] {
  const glob = withSlashes(written);
  // The innermost folder of the workspace, should one be inside of another.
  const around = folders
    .filter(({ path }) => isBelow(path, glob))
    .toSorted((a, b) => b.path.length - a.path.length);
  const [home] = around;
  if (home) return [[home, glob.slice(withSlashes(home.path).length)]];
  if (/^[A-Za-z]:\//.test(glob)) throw outside(written);
  const below = posix.normalize(glob === "" ? "." : glob);
  if (below === ".." || below.startsWith("../")) throw outside(written);
  const many = folders.length > 1 ? folders : [];
  const named = many.flatMap((folder): [Folder, string][] => {
    const name = [folder.name, folder.ownName].find((one) => `${below}/`.startsWith(`${one}/`));
    return name === undefined ? [] : [[folder, below.slice(name.length + 1)]];
  });
  if (named.length > 0) return named;
  const [only] = folders.length === 1 ? folders : [];
  if (only && below.startsWith(`${only.name}/`) && !isFolder(join(only.path, only.name))) {
    return [[only, below.slice(only.name.length + 1)]];
  }
  return folders.map((folder) => [folder, below]);
}

function isBelow(folder: string, glob: string): boolean {
  const [beforeGlob = ""] = glob.split(/[*?{[]/);
  return /^(?:\/|[A-Za-z]:\/)/.test(glob) && isInside(folder, beforeGlob);
}

/**
 * Back-slashes are those of Windows, unless there are slashes, too: then they make a
 * sign of the glob a letter.
 */
function withSlashes(glob: string): string {
  if (!glob.includes("/")) return glob.replaceAll("\\", "/");
  return glob.replaceAll(/\\(.)/gs, (_, char: string) => {
    if ("[{*?".includes(char)) return `[${char}]`;
    return char === "]" || char === "}" || char === "!" ? char : `/${char}`;
  });
}

function outside(written: string): ToolError {
  return new ToolError(
    `include: ${written} is outside of the workspace; tools work only inside of it.`,
  );
}

/**
 * The file or files, all in the folder of that name, and each of them with `[id]` as a
 * name as well as a choice.
 */
function variantsOf(below: string): string[] {
  const path = below.replace(/^\.?\/+/, "").replace(/\/+$/, "");
  const isFolder = below.endsWith("/");
  // A glob for all would bring in what git ignores, too.
  if (/^(?:\.|\*\*(?:\/\*)?)?$/.test(path)) return [];
  const at = `/${path}`;
  // A name without slashes may be at any depth, as everywhere; with one
  // before it, it is at the top.
  const glob =
    path.includes("/") || below.startsWith("/") || isFolder || !/[*?{]/.test(path) ? at : path;
  const spelled = [...new Set([glob, namesOnly(glob)])].filter(isWhole);
  return (spelled.length === 0 ? [lettersOnly(glob)] : spelled).flatMap((one) =>
    one.endsWith("**") ? [one] : isFolder ? [`${one}/**`] : [one, `${one}/**`],
  );
}

/** `[[]` is no choice but the way to write a bracket. */
function namesOnly(glob: string): string {
  return glob.replaceAll(/\[[[{*?]\]|\[/g, (sign) => (sign === "[" ? "[[]" : sign));
}

function lettersOnly(glob: string): string {
  return glob.replaceAll(/[[{]/g, "[$&]");
}

/** Brackets and braces that are open at the end are none. */
function isWhole(glob: string): boolean {
  const rest = glob.replaceAll(/\[!?\]?[^\]]*\]/g, "");
  let depth = 0;
  for (const char of rest) {
    if (char === "{") depth += 1;
    if (char === "}") depth -= 1;
    if (depth < 0) return false;
  }
  return depth === 0 && !rest.includes("[");
}
