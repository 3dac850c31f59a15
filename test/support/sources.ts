// The repository as text, for the tidy tests.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";

export interface Source {
  path: string;
  text: string;
}

/** What others made, or a build. */
const NOT_OURS = new Set(["node_modules", "dist"]);

/** Our own files whose path fits, by their path from the root of the repository. */
export function readSources(pattern: RegExp, folder = ""): Source[] {
  return readdirSync(folder || ".", { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith(".") || NOT_OURS.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return readSources(pattern, path);
    return pattern.test(path) ? [{ path, text: readFileSync(path, "utf8") }] : [];
  });
}

const IMPORT =
  /(?:\bfrom|\bimport|\brequire(?:\.resolve)?|import\.meta\.resolve)\s*\(?\s*["']([^"'\s$]+)["']/g;

/**
 * What a file imports in any form (types, for effect, dynamic, require): paths
 * from the root, or packages.
 */
export function importsOf({ path, text }: Source): string[] {
  return [...codeOf(text).matchAll(IMPORT)].flatMap(([, target]) => {
    if (target === undefined) return [];
    if (target.startsWith(".")) return [normalize(join(dirname(path), target))];
    if (target.startsWith("node:")) return [target];
    const parts = target.split("/");
    return [parts.slice(0, target.startsWith("@") ? 2 : 1).join("/")];
  });
}

/** Without the lines that are comments as a whole. */
export function codeOf(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^\s*(?:\/\/|\/?\*)/.test(line))
    .join("\n");
}

export function headingsOf({ text }: Pick<Source, "text">, level = 2): string[] {
  const marks = "#".repeat(level);
  return [...text.matchAll(new RegExp(`^${marks} (.+)$`, "gm"))].map(
    ([, heading]) => heading ?? "",
  );
}

/** What stands under a heading of the second level. */
export function sectionOf({ text }: Source, heading: string): { text: string } {
  const [, after = ""] = text.split(`\n## ${heading}\n`);
  return { text: after.split("\n## ", 1)[0] ?? "" };
}

/** Calls that warn or complain. */
const LOGGED = /\blog\.(warn|error|fatal)\(/g;

export interface LogLine {
  level: string;
  /**
   * The words, with `…` where they differ from case to case; undefined if the
   * call has none of its own.
   */
  words: string | undefined;
  path: string;
}

/**
 * The lines that a file can write into the log as a warning or worse: the last string of each call.
 */
export function logLinesOf({ path, text }: Source): LogLine[] {
  const code = codeOf(text);
  return [...code.matchAll(LOGGED)].map((found) => {
    const call = callAt(code, found.index + found[0].length);
    const [, plain, template] = call.match(/(?:"([^"]+)"|`([^`]+)`),?\s*$/) ?? [];
    const words = (plain ?? template)?.replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "…");
    return { level: found[1] ?? "", words, path };
  });
}

/** The arguments of a call that begin here. */
function callAt(code: string, start: number): string {
  let depth = 1;
  let at = start;
  for (; at < code.length && depth > 0; at++) {
    if (code[at] === "(") depth++;
    else if (code[at] === ")") depth--;
  }
  return code.slice(start, at - 1);
}

/** Titles of the tests, as they are written: with `${…}` where they differ from case to case. */
export function titlesOf(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path.endsWith(".test.ts"))
    .flatMap(({ text }) => [...text.matchAll(/\bit\(\s*(["'`])((?:\\.|(?!\1).)*)\1/g)])
    .map(([, , title]) => title ?? "");
}
