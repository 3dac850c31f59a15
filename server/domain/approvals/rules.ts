// The rules that a person makes of calls: which fit a call, and which could be made of it.
import picomatch from "picomatch";
import type { RuleText } from "../../protocol/approvals.ts";
import type { ToolKind } from "../../protocol/offers.ts";
import { FETCH_PAGE, hostOf } from "../companion-tools.ts";
import { isBystander, isHarmlessAfter, isTellingPrefix } from "./programs.ts";
import type { CommandReading } from "./read-command.ts";

/** As it is stored, with all that it is bound to. */
export interface BoundRule extends RuleText {
  tool_name: string;
  kind: ToolKind;
  /** JSON: what else a command's call has to say. */
  arguments: string;
}

export interface RuledCall {
  tool: { name: string; kind: ToolKind };
  args: Record<string, unknown>;
  /** Of its command, where it has one. */
  reading: CommandReading | undefined;
}

/** Tools of one purpose: a rule for a file counts for all of them. */
const EDITS = new Set(["write_file", "apply_diff", "create_directory"]);

/** The rules by which nobody need be asked; undefined if those there are do not cover the call. */
export function coveringRules(
  rules: readonly BoundRule[],
  call: RuledCall,
): readonly BoundRule[] | undefined {
  const bound = rules.filter((rule) => isBoundTo(rule, call));
  const { command } = call.args;
  if (call.tool.kind === "write") {
    const path = plainPath(call.args["path"]);
    const found = path === undefined ? undefined : bound.find((rule) => fitsPath(rule, path));
    return found && [found];
  }
  if (call.tool.name === FETCH_PAGE) {
    const host = hostOf(call.args);
    const found = bound.find(({ type, pattern }) => type === "host" && pattern === host);
    return found && [found];
  }
  if (call.tool.kind !== "execute" || typeof command !== "string") return undefined;
  const exact = bound.find(({ type, pattern }) => type === "command" && pattern === command);
  if (exact) return [exact];
  const used = new Set<BoundRule>();
  const covers = call.reading?.simple?.every((one) => {
    const rule = bound.find((rule) => isBegunBy(rule, one.words));
    if (rule) used.add(rule);
    return rule !== undefined || isBystander(one);
  });
  return covers === true && used.size > 0 ? [...used] : undefined;
}

function isBoundTo(rule: BoundRule, { tool, args }: RuledCall): boolean {
  if (rule.kind !== tool.kind) return false;
  const isTool = rule.tool_name === tool.name;
  if (rule.type === "path") return isTool || (EDITS.has(rule.tool_name) && EDITS.has(tool.name));
  if (rule.type === "host") return isTool;
  return isTool && rule.arguments === restOf(args);
}

function isBegunBy({ type, pattern }: RuleText, words: readonly string[]): boolean {
  if (type !== "command_prefix") return false;
  const begin = pattern.split(" ");
  if (!isTellingPrefix(begin) || !begin.every((word, at) => words[at] === word)) return false;
  return isHarmlessAfter(begin, words.slice(begin.length));
}

/** What a call says beside its command and how long that may take, in one spelling. */
export function restOf(args: Record<string, unknown>): string {
  const skip = new Set(["command", "timeout_seconds"]);
  const rest = Object.entries(args)
    .filter(([name, value]) => !skip.has(name) && value !== undefined)
    .filter(([name, value]) => !(name === "folder" && /^(?:\.\/?)?$/.test(String(value))))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(rest));
}

/** As it stands below the workspace; undefined if it could lead anywhere else. */
function plainPath(path: unknown): string | undefined {
  if (typeof path !== "string" || /[\p{C}\\:]/u.test(path) || /^[/~]/.test(path)) return undefined;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.length === 0 || parts.includes("..") ? undefined : parts.join("/");
}

function fitsPath({ type, pattern }: RuleText, path: string): boolean {
  if (type !== "path" || isWildGlob(pattern)) return false;
  return picomatch(pattern, { dot: true, nonegate: true })(path);
}

/** It could fit what is not below the workspace, or is no glob of paths at all. */
function isWildGlob(glob: string): boolean {
  return /^[!/~]|(?:^|\/)\.\.(?:\/|$)|[\p{C}:]/u.test(glob) || glob.length > 300;
}

/** What a person could make of a call, the narrowest first. */
export function choicesFor(call: RuledCall): RuleText[] {
  const { tool, args } = call;
  const { command } = args;
  if (tool.kind === "write") return pathChoices(plainPath(args["path"]));
  if (tool.name === FETCH_PAGE) {
    const host = hostOf(args);
    return host === undefined ? [] : [{ type: "host", pattern: host }];
  }
  if (tool.kind !== "execute" || typeof command !== "string" || command === "") return [];
  const { simple = [] } = call.reading ?? {};
  const tellers = simple.filter((one) => !isBystander(one));
  const [only] = tellers;
  const begins = only && tellers.length === 1 ? beginsOf(only.words) : [];
  return [
    { type: "command", pattern: command },
    ...begins.map((pattern): RuleText => ({ type: "command_prefix", pattern })),
  ];
}

const MAX_BEGIN = 4;

function beginsOf(words: readonly string[]): string[] {
  const found: string[] = [];
  for (let length = Math.min(words.length, MAX_BEGIN); length > 0; length -= 1) {
    const begin = words.slice(0, length);
    if (!isTellingPrefix(begin)) continue;
    if (isHarmlessAfter(begin, words.slice(length))) found.push(begin.join(" "));
  }
  return found.slice(-2);
}

function pathChoices(path: string | undefined): RuleText[] {
  if (path === undefined) return [];
  const globs = [escaped(path)];
  const parts = path.split("/");
  if (parts.length > 1) globs.push(`${escaped(parts.slice(0, -1).join("/"))}/**`);
  if (parts.length > 2) globs.push(`${escaped(parts[0] ?? "")}/**`);
  const [ending] = /\.[A-Za-z0-9]+$/.exec(path) ?? [];
  if (ending !== undefined) globs.push(`**/*${ending}`);
  return globs
    .filter((glob) => !isWildGlob(glob))
    .map((pattern): RuleText => ({ type: "path", pattern }));
}

const escaped = (path: string): string => path.replaceAll(/[*?[\]{}()!+@|^$]/g, String.raw`\$&`);
