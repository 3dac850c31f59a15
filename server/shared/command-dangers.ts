// What of a command a person should know before it runs. It errs towards a warning:
// a wrong one costs a look.
import {
  type CommandScope,
  type DangerKind,
  FETCHERS,
  isOutside,
  judgeProgram,
  type Say,
} from "./program-dangers.ts";
import { isSecretPath } from "./protected-paths.ts";
import { readShell, type ShellCommand, type ShellWord } from "./shell-words.ts";

export type { DangerKind };

export interface Danger {
  kind: DangerKind;
  /** The part of the command that it is about. */
  what: string;
}

/** The command among a call's arguments; tools of others call it otherwise. */
export function commandOf(args: Record<string, unknown>): string | undefined {
  const told = [args["command"], args["cmd"], args["script"]].find(
    (one) => typeof one === "string",
  );
  return typeof told === "string" ? told : undefined;
}

export function dangersOf(command: string): Danger[] {
  const found: Danger[] = [];
  judge(command, found, { isAway: false, fetched: new Set() }, 0);
  const keys = found.map(({ kind, what }) => `${kind} ${what}`);
  return found.filter((_, index) => keys.indexOf(keys[index] ?? "") === index);
}

const MAX_DEPTH = 6;

function judge(source: string, found: Danger[], scope: CommandScope, depth: number): void {
  const { commands, isWhole } = readShell(source);
  if (!isWhole || depth > MAX_DEPTH) found.push({ kind: "unclear", what: brief(source) });
  if (/:\s*\(\s*\)\s*\{[^}]*:\s*\|\s*:/.test(source))
    found.push({ kind: "system", what: brief(source) });
  if (depth > MAX_DEPTH) return;
  for (const command of commands) judgeOne(command, found, scope, depth);
}

function brief(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length > 120 ? `${line.slice(0, 120)}…` : line;
}

const SHELLS = new Set([
  "sh",
  "bash",
  "zsh",
  "dash",
  "ksh",
  "fish",
  "ash",
  "pwsh",
  "powershell",
  "cmd",
]);
const INTERPRETERS = new Set([
  "python",
  "python2",
  "python3",
  "node",
  "perl",
  "ruby",
  "php",
  "deno",
  "bun",
  "osascript",
]);
const ROOT = new Set(["sudo", "doas", "su", "pkexec", "runas", "gsudo", "run0"]);
/**
 * Programs that run the program that is named after them, and which of their options
 * take a word of their own.
 */
const WRAPPERS: Readonly<Record<string, RegExp>> = {
  sudo: /^-[ughpCRTDr]$/,
  doas: /^-[uC]$/,
  run0: /^-u$/,
  pkexec: /^--user$/,
  env: /^-[uCS]$/,
  nice: /^-n$/,
  ionice: /^-[cn]$/,
  nohup: /^$/,
  setsid: /^$/,
  stdbuf: /^-[ioe]$/,
  timeout: /^-[ks]$/,
  time: /^-[fo]$/,
  xargs: /^-[IinLPdEs]$/,
  parallel: /^-[jIN]$/,
  watch: /^-[n]$/,
  command: /^$/,
  builtin: /^$/,
  exec: /^-a$/,
  busybox: /^$/,
  chroot: /^$/,
  strace: /^-[eopsu]$/,
  npx: /^-p$/,
};

function nameOf(word: ShellWord | undefined): string {
  const base = (word?.text ?? "").split(/[\\/]/).at(-1) ?? "";
  return base.toLowerCase().replace(/\.(?:exe|cmd|bat)$/, "");
}

function textOf({ words }: ShellCommand): string {
  return brief(words.map(({ text }) => text).join(" "));
}

function judgeOne(
  command: ShellCommand,
  found: Danger[],
  scope: CommandScope,
  depth: number,
): void {
  const say = (kind: DangerKind, what = textOf(command)): void => void found.push({ kind, what });
  for (const target of command.writes) {
    if (isOutside(target, scope)) say("outside", `> ${target.text}`);
    if (/^\/dev\/(?:sd|nvme|disk|hd|mem)/.test(target.text)) say("system", `> ${target.text}`);
  }
  const told = [...command.words, ...command.writes];
  for (const { text } of told) if (isSecretPath(text)) say("secret", text);
  const words = unwrapped(command.words, say);
  const [first] = words;
  if (!first) return;
  const name = nameOf(first);
  const args = words.slice(1);
  if ((!first.isExact && !/^[<>]\($/.test(first.text)) || first.text.startsWith("$"))
    say("unclear");
  if (scope.fetched.has(plain(first.text))) say("runs_unseen");

  judgeRunners(command, { name, args }, { found, scope, depth, say });
  judgeProgram(name, args, scope, say);
  noteFetched(command, name, args, scope);
  if (/^(?:cd|pushd|chdir|set-location|sl)$/.test(name)) {
    const target = args.find(({ text }) => !/^-[LPe]$/.test(text) && text !== "--");
    if (!target || isOutside(target, scope) || !target.isExact) scope.isAway = true;
  }
}

/** Without the programs that only run the one named after them. */
function unwrapped(words: readonly ShellWord[], say: Say): readonly ShellWord[] {
  let rest = words;
  for (let guard = 0; guard < 10; guard += 1) {
    const name = nameOf(rest[0]);
    if (ROOT.has(name)) say("as_root");
    const takes = WRAPPERS[name];
    if (!takes || rest.length < 2) return rest;
    let at = 1;
    while (at < rest.length) {
      const text = rest[at]?.text ?? "";
      const isOption = text.startsWith("-") || (name === "env" && /^\w+=/.test(text));
      const isSpan = name === "timeout" && /^[\d.]+[smhd]?$/.test(text);
      const isRoot = name === "chroot" && at === 1;
      if (!isOption && !isSpan && !isRoot) break;
      at += takes.test(text) ? 2 : 1;
    }
    rest = rest.slice(at);
  }
  return rest;
}

interface Judging {
  found: Danger[];
  scope: CommandScope;
  depth: number;
  say: Say;
}

/** Programs that run text: shells, `eval`, `ssh`, `find -exec`. */
function judgeRunners(
  command: ShellCommand,
  { name, args }: { name: string; args: readonly ShellWord[] },
  { found, scope, depth, say }: Judging,
): void {
  const isShell = SHELLS.has(name);
  const runsText =
    isShell || INTERPRETERS.has(name) || /^(?:eval|source|\.|iex|invoke-expression)$/.test(name);
  if (runsText) {
    const inner = args.some((word) => word.inner.length > 0 || /^<\($/.test(word.text));
    const operands = args.filter(({ text }) => !text.startsWith("-"));
    const isFed =
      command.from.length > 0 &&
      (operands.length === 0 ||
        operands[0]?.text === "-" ||
        /^(?:iex|invoke-expression)$/.test(name) ||
        args.some(({ text }) => text === "-s"));
    if (inner || isFed)
      say(
        "runs_unseen",
        textOf({
          ...command,
          words: [...command.from.flatMap(({ words }) => [...words, BAR]), ...command.words],
        }),
      );
    if (operands.some(({ text }) => scope.fetched.has(plain(text)))) say("runs_unseen");
    if (
      /^(?:eval|source|\.)$/.test(name) &&
      args.some(({ isExact, inner: of }) => !isExact && of.length === 0)
    )
      say("unclear");
  }
  if (
    args.some(({ text }) => /^-e(?:nc|c|ncodedcommand)?$/i.test(text)) &&
    /^(?:pwsh|powershell)$/.test(name)
  )
    say("unclear");
  const script = (index: number): void => {
    const word = args[index];
    if (!word) return;
    if (!word.isExact && word.inner.length === 0) say("unclear");
    judge(word.text, found, scope, depth + 1);
  };
  if (isShell || name === "su" || name === "script") {
    const at = args.findIndex(
      ({ text }) => /^-[a-z]*c$/i.test(text) || /^(?:\/c|-command)$/i.test(text),
    );
    if (at >= 0) script(at + 1);
    if (command.input !== undefined) judge(command.input, found, scope, depth + 1);
  }
  if (name === "eval") judge(args.map(({ text }) => text).join(" "), found, scope, depth + 1);
  if (name === "watch" || name === "parallel") script(0);
  if (name === "find" || name === "fd") {
    if (args.some(({ text }) => text === "-delete")) say("deletes");
    const at = args.findIndex(({ text }) => /^(?:-exec(?:dir)?|-ok(?:dir)?|-x|--exec)$/.test(text));
    if (at >= 0) {
      const words = args.slice(at + 1).filter(({ text }) => !/^(?:;|\+|\{\})$/.test(text));
      judgeOne(
        { words, writes: [], input: undefined, from: [] },
        found,
        { ...scope, isAway: false },
        depth + 1,
      );
    }
  }
}

const BAR: ShellWord = { text: "|", isExact: true, inner: [] };

function noteFetched(
  command: ShellCommand,
  name: string,
  args: readonly ShellWord[],
  scope: CommandScope,
): void {
  if (!FETCHERS.has(name)) return;
  for (const { text } of command.writes) scope.fetched.add(plain(text));
  for (const [index, { text }] of args.entries()) {
    if (/^(?:-o|-O|--output|-outfile|--output-document)$/i.test(text)) {
      const next = args[index + 1];
      if (next) scope.fetched.add(plain(next.text));
    }
    // `-O`, or wget alone, takes the name from the address.
    if (/^https?:/i.test(text))
      scope.fetched.add(plain(text.split(/[?#]/)[0]?.split("/").at(-1) ?? ""));
  }
}

/** `./install.sh` is `install.sh`. */
function plain(path: string): string {
  return path.replace(/^(?:\.\/)+/, "");
}
