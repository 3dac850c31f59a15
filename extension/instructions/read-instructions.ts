// What people have written down for models, read from a workspace and from a person's own folder.
// Knows nothing of VS Code.
import { readFile, realpath, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import type { InstructionNote, OfferedInstruction } from "../../server/protocol/instructions.ts";
import { isSecretPath } from "../../server/shared/protected-paths.ts";
import {
  type Folder,
  isInside,
  nameOf,
  resolveInside,
  ToolError,
  type WorkspaceRoots,
  withNames,
} from "../tools/paths.ts";
import { MAX_INSTRUCTION_BYTES, showHidden, toText } from "./file-content.ts";
import { fitTogether } from "./fit-together.ts";
import { type FrontMatter, FrontMatterError, readFrontMatter } from "./front-matter.ts";
import { areAbout, isForAll } from "./globs.ts";
import { importsIn, isOnlyImports } from "./imports.ts";
import { filesBelow, isThere, NESTED, nestedPlaces, type Place, placesIn } from "./places.ts";
import { skillFiles } from "./skills.ts";

export interface Sources {
  /** Undefined: the workspace is not trusted, or is not to be looked at. */
  workspace: WorkspaceRoots | undefined;
  /** What the message is about: files that go with it, and those that are open. */
  files: readonly string[];
  /** Files for folders, wherever in the workspace they are. */
  nested: readonly string[];
  /** A person's own, for all projects: a folder or file of theirs, or the words themselves. */
  own: string;
  /** What stands for those that the model may read itself; undefined: it cannot read. */
  listName: string | undefined;
}

const MAX_IMPORT_DEPTH = 5;
const MAX_IMPORTS = 40;
const MAX_LIST_CHARS = 8_000;

interface Reading extends Sources {
  told: OfferedInstruction[];
  /** Of those that are not told by themselves. */
  listed: string[];
  /** Real paths that were taken, each once. */
  seen: Set<string>;
  imports: number;
}

/**
 * In the order in which the model is told: what is nearer to the work comes later. Never
 * rejects for what a file holds.
 */
export async function readInstructions(sources: Sources): Promise<OfferedInstruction[]> {
  const reading: Reading = { ...sources, told: [], listed: [], seen: new Set(), imports: 0 };
  await readOwn(reading);
  if (sources.workspace) await readWorkspace(reading, sources.workspace);
  return fitTogether(reading.told);
}

async function readOwn(reading: Reading): Promise<void> {
  const own = reading.own.trim();
  if (own === "") return;
  if (!/^(?:~?[\\/]|[A-Za-z]:[\\/])[^\n]*$/.test(own)) {
    return take(reading, { name: "settings.json", from: "user" }, own);
  }
  const path = own.startsWith("~") ? join(homedir(), own.slice(1)) : own;
  const isFolder = await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  const paths = isFolder ? await filesBelow(path, /\.(?:md|mdc|txt)$/i, 0) : [path];
  for (const file of paths) {
    const name = isFolder ? relative(path, file).split(sep).join("/") : basename(file);
    await readPlace(reading, { path: file, kind: "always_rule" }, { name, from: "user" });
  }
}

async function readWorkspace(reading: Reading, { folders, closed }: WorkspaceRoots): Promise<void> {
  const roots = { folders: withNames(folders), closed };
  for (const folder of roots.folders) {
    const files = reading.files.filter((file) => isInside(folder.path, file));
    const nested = nestedPlaces(folder.path, files);
    const places = [...(await placesIn(folder.path)), ...nested];
    for (const place of places) {
      if (!(await isThere(place.path))) continue;
      const scope = scopeOf(roots.folders, folder, place);
      const name = nameOf(roots.folders, place.path);
      await readPlace(reading, place, { name, from: "workspace", ...scope }, { folder, roots });
    }
  }
  for (const { path } of roots.folders) {
    for (const skill of await skillFiles(path)) {
      if (await isThere(skill)) await listSkill(reading, skill, roots);
    }
  }
  await listRest(reading, roots);
}

/** Told by name and description alone: the model reads the rest when it needs it. */
async function listSkill(reading: Reading, path: string, roots: WorkspaceRoots): Promise<void> {
  const about: About = { name: nameOf(roots.folders, path), from: "workspace" };
  const file = await readText(path, roots);
  if ("note" in file) return refuse(reading, about, file.note);
  try {
    const { name, description } = readFrontMatter(file.text).head;
    if (name === "" || description === "") {
      throw new FrontMatterError(`${name === "" ? "name" : "description"}: is missing`);
    }
    reading.listed.push(lineOf(about.name, undefined, `the skill ${name}: ${description}`));
  } catch (thrown) {
    if (!(thrown instanceof FrontMatterError)) throw thrown;
    refuse(reading, about, { code: "front_matter", detail: thrown.message.slice(0, 300) });
  }
}

interface Home {
  folder: Folder;
  roots: WorkspaceRoots;
}

/** A file is about its folder: one of several, or one inside. */
function scopeOf(folders: readonly Folder[], folder: Folder, { path }: Place) {
  const isNested = NESTED.some((name) => name === basename(path));
  const below = isNested ? dirname(path) : folder.path;
  if (basename(below) === ".claude" || (below === folder.path && folders.length === 1)) return {};
  return { applies_to: `${nameOf(folders, below)}/**` };
}

type About = Pick<OfferedInstruction, "name" | "from" | "applies_to">;

async function readPlace(
  reading: Reading,
  { path, kind }: Place,
  about: About,
  home?: Home,
): Promise<void> {
  const file = await readText(path, home?.roots);
  if ("note" in file) return refuse(reading, about, file.note);
  if (reading.seen.has(file.real)) return;
  if (kind === "plain" || kind === "claude") {
    reading.seen.add(file.real);
    if (kind === "claude" && home) await readImports(reading, file, about, home, 1);
    if (kind === "claude" && isOnlyImports(file.text)) return;
    return take(reading, about, file.text);
  }
  try {
    const { head, body } = readFrontMatter(file.text);
    const isAlways = head.always || (kind === "always_rule" && !head.globs);
    const scope = { ...about, ...appliesTo(head, isAlways, home) };
    if (isAlways || (head.globs && (await isWanted(reading, head.globs, home)))) {
      reading.seen.add(file.real);
      take(reading, scope, body);
    } else if (home && body.trim() !== "") {
      reading.listed.push(lineOf(scope.name, scope.applies_to, head.description));
    }
  } catch (thrown) {
    if (!(thrown instanceof FrontMatterError)) throw thrown;
    refuse(reading, about, { code: "front_matter", detail: thrown.message.slice(0, 300) });
  }
}

function appliesTo({ globs }: FrontMatter, isAlways: boolean, home: Home | undefined) {
  if (isAlways || !globs || isForAll(globs)) return {};
  const several = home !== undefined && home.roots.folders.length > 1;
  const named = globs.map((glob) =>
    several ? `${home.folder.name}/${glob.replace(/^\.?\//, "")}` : glob,
  );
  return { applies_to: named.join(", ").slice(0, 300).toWellFormed() };
}

/** By the name of a file and by where it really is: it may be reached through a link. */
async function isWanted(
  { files, workspace }: Reading,
  globs: readonly string[],
  home: Home | undefined,
): Promise<boolean> {
  if (isForAll(globs)) return true;
  const roots = home ? [home.folder.path] : (workspace?.folders ?? []).map(({ path }) => path);
  for (const root of roots) {
    const realRoot = await realpath(root).catch(() => root);
    const ways = await Promise.all(
      files.map(async (file) => {
        const real = await realpath(file).catch(() => file);
        return [
          ...(isInside(root, file) ? [relative(root, file)] : []),
          ...(isInside(realRoot, real) ? [relative(realRoot, real)] : []),
        ];
      }),
    );
    const below = ways.flat().map((way) => way.split(sep).join("/"));
    if (areAbout(globs, below)) return true;
  }
  return false;
}

/** What a CLAUDE.md imports is told before it, each file with its own name. */
async function readImports(
  reading: Reading,
  { text, real }: { text: string; real: string },
  about: About,
  home: Home,
  depth: number,
): Promise<void> {
  if (depth > MAX_IMPORT_DEPTH) return;
  for (const written of importsIn(text)) {
    const path = written.startsWith("~/")
      ? join(homedir(), written.slice(2))
      : resolve(dirname(real), written);
    // `@someone` and `@scope/package` are no files.
    if (!(await isThere(path)) || reading.seen.has(await realpath(path).catch(() => path)))
      continue;
    if (++reading.imports > MAX_IMPORTS) return;
    const name = nameOf(home.roots.folders, path);
    const file = isSecretPath(name) ? { note: OUTSIDE } : await readText(path, home.roots);
    if ("note" in file) {
      refuse(reading, { ...about, name: written }, file.note);
      continue;
    }
    reading.seen.add(file.real);
    await readImports(reading, file, about, home, depth + 1);
    take(reading, { ...about, name }, file.text);
  }
}

const OUTSIDE: InstructionNote = { code: "outside" };

type FileText = { text: string; real: string } | { note: InstructionNote };

/** With `roots`: only what is really inside of them, and holds no keys. */
async function readText(path: string, roots: WorkspaceRoots | undefined): Promise<FileText> {
  try {
    if (roots) await resolveInside(roots, path);
    const real = await realpath(path);
    const stats = await stat(real);
    // A pipe would never end, a device neither.
    if (!stats.isFile()) return { note: { code: "unreadable" } };
    if (stats.size > MAX_INSTRUCTION_BYTES) return { note: { code: "too_large" } };
    const text = toText(await readFile(real));
    return text === undefined ? { note: { code: "not_text" } } : { text, real };
  } catch (thrown) {
    if (thrown instanceof ToolError) return { note: OUTSIDE };
    const { code } = thrown as NodeJS.ErrnoException;
    return { note: { code: "unreadable", detail: code } };
  }
}

function take({ told }: Reading, about: About, content: string): void {
  if (content.trim() === "") return;
  const { text, hidden } = showHidden(content.trim());
  // The same words under two names are told once.
  if (told.some((one) => one.content === text)) return;
  const notes: InstructionNote[] =
    hidden === 0 ? [] : [{ code: "hidden_characters", detail: String(hidden) }];
  told.push({ ...named(about), content: text, ...(notes.length > 0 && { notes }) });
}

function refuse({ told }: Reading, about: About, note: InstructionNote): void {
  told.push({ ...named(about), content: "", notes: [note] });
}

/** As the protocol takes names. */
function named(about: About): About {
  return { ...about, name: showHidden(about.name).text.slice(-300).toWellFormed().trim() || "?" };
}

/** Those that are for other files: the model can read them when it comes there. */
async function listRest(reading: Reading, roots: WorkspaceRoots): Promise<void> {
  const { listed, listName } = reading;
  for (const path of reading.nested) {
    const real = await realpath(path).catch(() => undefined);
    if (real === undefined || reading.seen.has(real)) continue;
    const name = nameOf(roots.folders, path);
    listed.push(lineOf(name, `${nameOf(roots.folders, dirname(path))}/**`, ""));
  }
  if (listed.length === 0 || listName === undefined) return;
  const lines = [...new Set(listed)];
  let content =
    "These files hold more instructions. Read one with read_file before you work on what it is about:";
  for (const [index, line] of lines.entries()) {
    if (content.length + line.length > MAX_LIST_CHARS) {
      content += `\n… and ${lines.length - index} more`;
      break;
    }
    content += `\n${line}`;
  }
  take(reading, { name: listName, from: "workspace" }, content);
}

function lineOf(name: string, globs: string | undefined, description: string): string {
  const about = description.replaceAll(/\s+/g, " ").slice(0, 1_000);
  const parts = [globs && `for ${globs}`, about].filter(Boolean).join(": ");
  return `- ${JSON.stringify(name)}${parts === "" ? "" : ` ${parts}`}`;
}
