// The settings at the head of a file of instructions, in the ways in which people write them:
// `applyTo` (Copilot), `globs`, `alwaysApply` and `description` (Cursor), `paths` (Cline).
import { parseDocument } from "yaml";
import * as z from "zod/mini";

export interface FrontMatter {
  /** Undefined: none were given. */
  globs: string[] | undefined;
  always: boolean;
  /** Empty: none was given. */
  name: string;
  description: string;
  tools: string[] | undefined;
}

/** Its message says what is wrong, with the line, for people. */
export class FrontMatterError extends Error {}

const MAX_CHARS = 10_000;

const Globs = z.nullish(z.union([z.string(), z.array(z.string())]));
const Words = z.nullish(z.union([z.string(), z.number()]));
const Fields = z.object({
  name: Words,
  tools: Globs,
  applyTo: Globs,
  globs: Globs,
  paths: Globs,
  alwaysApply: z.nullish(z.union([z.boolean(), z.stringbool()])),
  description: Words,
});

/** Throws a `FrontMatterError`: a file whose head is not understood is never taken half. */
export function readFrontMatter(text: string): { head: FrontMatter; body: string } {
  const opened = /^---[ \t]*(?:\n|$)/.exec(text);
  if (!opened) return { head: toFrontMatter({}), body: text };
  const rest = text.slice(opened[0].length);
  const closed = /^---[ \t]*(?:\n|$)/m.exec(rest);
  if (!closed) throw new FrontMatterError("line 1: its end (---) is missing");
  if (closed.index > MAX_CHARS) throw new FrontMatterError("line 1: it is too long");
  const fields = parseFields(rest.slice(0, closed.index));
  return { head: toFrontMatter(fields), body: rest.slice(closed.index + closed[0].length) };
}

function parseFields(source: string): unknown {
  const strict = parseYaml(source);
  if (strict.problem === undefined) return strict.value;
  // `**/*.ts` without quotes is no YAML, nor is a description with a colon in
  // it, and people write both.
  const lenient = parseYaml(withQuotes(source));
  if (lenient.problem === undefined) return lenient.value;
  throw new FrontMatterError(strict.problem);
}

function parseYaml(source: string): { value?: unknown; problem?: string } {
  const document = parseDocument(source, { prettyErrors: true, logLevel: "silent" });
  const [error] = document.errors;
  if (error) {
    // The first line is that of the three dashes.
    const line = (error.linePos?.[0].line ?? 1) + 1;
    const [what = ""] = error.message.split(/ at line \d|\n/);
    return { problem: `line ${line}: ${what}` };
  }
  try {
    return { value: document.toJS({ maxAliasCount: 10 }) };
  } catch (thrown) {
    return { problem: `line 2: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
  }
}

/** Of fields, among them those that only others know: `argument-hint: [a] [b]`. */
const TEXT_LINE = /^([A-Za-z][\w-]*)([ \t]*:[ \t]+)([^\s"'|>].*)$/;
const ITEM_LINE = /^([ \t]*-[ \t]+)([^\s"'].*)$/;

const LISTS = new Set(["applyTo", "globs", "paths", "tools"]);

function withQuotes(source: string): string {
  const lines = source.split("\n").map((line) => {
    const [, key = "", between = "", value = ""] = TEXT_LINE.exec(line) ?? [];
    const list = /^\[(.*)\][ \t]*$/.exec(value);
    if (LISTS.has(key) && list) {
      const items = splitGlobs(list[1] ?? "").map((item) => JSON.stringify(unquoted(item)));
      return `${key}${between}[${items.join(", ")}]`;
    }
    if (key !== "") return `${key}${between}${JSON.stringify(value.trim())}`;
    const [, dash = "", item = ""] = ITEM_LINE.exec(line) ?? [];
    return dash === "" ? line : `${dash}${JSON.stringify(item.trim())}`;
  });
  return lines.join("\n");
}

function toFrontMatter(fields: unknown): FrontMatter {
  const parsed = Fields.safeParse(fields ?? {});
  if (!parsed.success) {
    const field = String(parsed.error.issues[0]?.path[0] ?? "all of it");
    throw new FrontMatterError(`${field}: not of the kind that is expected`);
  }
  const { applyTo, globs, paths, alwaysApply, name, description, tools } = parsed.data;
  const each = toList(applyTo ?? globs ?? paths);
  return {
    globs: each.length === 0 ? undefined : each,
    always: alwaysApply === true,
    name: String(name ?? "").trim(),
    description: String(description ?? "").trim(),
    tools: tools === undefined || tools === null ? undefined : toList(tools),
  };
}

function toList(given: string | string[] | null | undefined): string[] {
  return (typeof given === "string" ? [given] : (given ?? [])).flatMap(splitGlobs);
}

/** At commas, but not at those inside of braces. */
function splitGlobs(text: string): string[] {
  const items: string[] = [];
  let item = "";
  let depth = 0;
  for (const character of text) {
    if (character === "{") depth += 1;
    if (character === "}") depth = Math.max(0, depth - 1);
    if (character === "," && depth === 0) {
      items.push(item);
      item = "";
    } else item += character;
  }
  return [...items, item].map((one) => unquoted(one.trim())).filter((one) => one !== "");
}

function unquoted(text: string): string {
  return text.trim().replace(/^(["'])(.*)\1$/s, "$2");
}
