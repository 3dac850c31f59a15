// The repository as text, for the tidy tests.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export interface Source {
  path: string;
  text: string;
}

/** Files that git tracks or would track, so that build output and foreign code never count. */
export function readSources(pattern: RegExp): Source[] {
  const list = execFileSync("git", ["ls-files", "-z", "-co", "--exclude-standard"], {
    encoding: "utf8",
  });
  return [...new Set(list.split("\0"))]
    .filter((path) => pattern.test(path) && existsSync(path))
    .map((path) => ({ path, text: readFileSync(path, "utf8") }));
}

const IMPORT =
  /(?:\bfrom|\bimport|\brequire(?:\.resolve)?|import\.meta\.resolve)\s*\(?\s*["']([^"'\s$]+)["']/g;

/** What a file imports in any form (types, for effect, dynamic, require): paths from the root, or packages. */
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

export function headingsOf({ text }: Source): string[] {
  return [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading ?? "");
}

/** Titles of the tests, as they are written: with `${…}` where they differ from case to case. */
export function titlesOf(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path.endsWith(".test.ts"))
    .flatMap(({ text }) => [...text.matchAll(/\bit\(\s*(["'`])((?:\\.|(?!\1).)*)\1/g)])
    .map(([, , title]) => title ?? "");
}
