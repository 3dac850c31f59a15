// Prompts that people have written down, to be asked for by name: `/review src/a.ts`. Knows
// nothing of VS Code.
import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join, relative, sep } from "node:path";
import { nameOf, resolveInside, type WorkspaceRoots, withNames } from "../tools/paths.ts";
import { MAX_INSTRUCTION_BYTES, showHidden, toText } from "./file-content.ts";
import { FrontMatterError, readFrontMatter } from "./front-matter.ts";
import { filesBelow } from "./places.ts";

export interface Prompt {
  /** After the `/`. */
  name: string;
  description: string;
  body: string;
}

export interface FoundPrompts {
  prompts: Prompt[];
  /** Files that are none, and why. */
  skipped: { file: string; reason: string }[];
}

const FOLDERS: readonly [folder: string, files: RegExp][] = [
  [".github/prompts", /\.prompt\.md$/i],
  [".claude/commands", /\.md$/i],
];
const NAME = /^[\p{L}\p{N}][\p{L}\p{N}_.-]{0,60}$/u;
const MAX_CHARS = 100_000;

/**
 * A person's own count less than those of the workspace; undefined `workspace`: it is not
 * trusted.
 */
export async function findPrompts(
  workspace: WorkspaceRoots | undefined,
  own: string,
): Promise<FoundPrompts> {
  const found: FoundPrompts = { prompts: [], skipped: [] };
  const roots = workspace && { ...workspace, folders: withNames(workspace.folders) };
  for (const { path } of roots?.folders ?? []) {
    for (const [folder, files] of FOLDERS) {
      await readFolder(found, join(path, folder), files, roots);
    }
  }
  const home = own.startsWith("~") ? join(homedir(), own.slice(1)) : own;
  if (own !== "") await readFolder(found, home, /\.md$/i);
  return found;
}

async function readFolder(
  { prompts, skipped }: FoundPrompts,
  folder: string,
  files: RegExp,
  roots?: WorkspaceRoots,
): Promise<void> {
  for (const path of await filesBelow(folder, files)) {
    const file = roots ? nameOf(roots.folders, path) : basename(path);
    try {
      const { head, body } = await readPrompt(path, roots);
      const plain = basename(path).replace(/(?:\.prompt)?\.md$/i, "");
      if (!NAME.test(plain)) throw new Error("its name cannot be written after a /");
      const below = relative(folder, path).split(sep).slice(0, -1);
      const isTaken = prompts.some(({ name }) => isSame(name, plain));
      const name = isTaken ? [...below, plain].join(":") : plain;
      if (prompts.some((one) => isSame(one.name, name))) throw new Error("its name is taken");
      prompts.push({ name, description: head.description, body });
    } catch (thrown) {
      skipped.push({ file, reason: thrown instanceof Error ? thrown.message : String(thrown) });
    }
  }
}

async function readPrompt(path: string, roots: WorkspaceRoots | undefined) {
  if (roots) await resolveInside(roots, path);
  const stats = await stat(path);
  if (!stats.isFile() || stats.size > MAX_INSTRUCTION_BYTES) throw new Error("it is too large");
  const text = toText(await readFile(path));
  if (text === undefined) throw new Error("it is no text in UTF-8 or UTF-16");
  const { head, body } = readFrontMatter(text);
  const shown = showHidden(body.trim()).text;
  // Sent as it is it would ask for nothing.
  if (shown === "") throw new FrontMatterError("there is no prompt in it");
  if (shown.length > MAX_CHARS) throw new Error("it is too large");
  return { head, body: shown };
}

export const isSame = (one: string, other: string): boolean =>
  one.toLowerCase() === other.toLowerCase();

/**
 * What a message begins with, if that can be a prompt's name: a path or a regular expression is
 * none.
 */
export function commandIn(content: string): { name: string; args: string } | undefined {
  const found = /^\s*\/([\p{L}\p{N}][\p{L}\p{N}_.:-]*)(?:\s+([\s\S]*))?$/u.exec(content);
  return found ? { name: found[1] ?? "", args: (found[2] ?? "").trim() } : undefined;
}

export interface Input {
  id: string;
  hint: string;
}

const INPUT = /\$\{input:([\w-]+)(?::([^}]*))?\}/g;
const PLACE = /\$ARGUMENTS\b|\$([1-9])(?!\d)|\$\{input:([\w-]+)(?::[^}]*)?\}/g;

/** What a prompt asks for by name, each once. */
export function inputsOf(body: string): Input[] {
  const inputs = [...body.matchAll(INPUT)].map(([, id = "", hint = ""]) => ({ id, hint }));
  return inputs.filter(({ id }, index) => inputs.findIndex((one) => one.id === id) === index);
}

/** `a=1 b="2 3"`, or one after another; all of it where only one is asked for. */
export function givenInputs(inputs: readonly Input[], args: string): Map<string, string> {
  const given = new Map<string, string>();
  if (args === "") return given;
  const [only] = inputs;
  const named = new Map(
    wordsOf(args).flatMap((word) => {
      const [, id = "", value = ""] = /^([\w-]+)[=:]([\s\S]*)$/.exec(word) ?? [];
      return inputs.some((one) => one.id === id) ? [[id, value] as const] : [];
    }),
  );
  if (named.size > 0) return named;
  if (only && inputs.length === 1) return given.set(only.id, args);
  const words = wordsOf(args);
  for (const [index, { id }] of inputs.entries()) {
    const isLast = index === inputs.length - 1;
    const value = isLast ? words.slice(index).join(" ") : words[index];
    if (value !== undefined && value !== "") given.set(id, value);
  }
  return given;
}

/**
 * In one pass, and by a function: what is put in is neither looked at again nor read as an order
 * to `replace`.
 */
export function fillPrompt(
  body: string,
  args: string,
  inputs: ReadonlyMap<string, string>,
): string {
  const words = wordsOf(args);
  return body.replaceAll(PLACE, (whole, number?: string, id?: string) => {
    if (number !== undefined) return words[Number(number) - 1] ?? "";
    return id === undefined ? args : (inputs.get(id) ?? whole);
  });
}

/** As a shell tells words apart by blanks and quotes; an apostrophe inside of a word is one. */
function wordsOf(args: string): string[] {
  const found = args.matchAll(/([\w-]+[=:])?(?:"([^"]*)"|'([^']*)')(?=\s|$)|(\S+)/g);
  return [...found].map(
    ([, before = "", double, single, plain]) => plain ?? `${before}${double ?? single ?? ""}`,
  );
}
