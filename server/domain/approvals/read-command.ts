// A command as rules may look at it: read by a parser of Bash, and by our own reader of words as
// well. Where the two differ, or a shell that is no Bash is to run more than plain words, nothing
// is concluded, and a person is asked.
import type * as Bash from "unbash";
import { readShell } from "../../shared/shell-words.ts";
import { isSteering, runsUnknown } from "./programs.ts";

/** One program that a command starts, with all its words. */
export interface SimpleCommand {
  words: readonly string[];
  /** It reads what the program before it in a pipe writes. */
  isFed: boolean;
}

export interface CommandReading {
  /** All that it starts, in order; undefined where that is not known to the last word. */
  simple: readonly SimpleCommand[] | undefined;
  /** It is known which programs it starts, though not with which words. */
  isUnderstood: boolean;
}

/** `shell`: the program that is to run it, by its name; undefined where nobody has said. */
export type ShellReader = (command: string, shell: string | undefined) => CommandReading;

type Syntax = Pick<typeof Bash, "parse" | "forEachChild">;

const UNKNOWN: CommandReading = { simple: undefined, isUnderstood: false };
const MAX_LENGTH = 20_000;
const LIKE_BASH = /^(?:bash|zsh|sh|dash|ash|ksh)(?:\.exe)?$/i;

let loading: Promise<ShellReader> | undefined;

/** The parser is loaded with the first command that is to be judged. */
export function loadShellReader(): Promise<ShellReader> {
  loading ??= import("unbash").then(
    (syntax): ShellReader =>
      (command, shell) =>
        readCommand(syntax, command, shell),
  );
  return loading;
}

function readCommand(syntax: Syntax, command: string, shell: string | undefined): CommandReading {
  // Line ends of Windows, what is not seen and what turns the direction are read by each shell
  // in its own way, and by a person not at all.
  if (command.length > MAX_LENGTH || /[^\P{C}\n\t]|[^\S \n\t]/u.test(command)) return UNKNOWN;
  if (shell === undefined || !LIKE_BASH.test(shell)) return readPlain(command);
  try {
    const script = syntax.parse(command);
    const simple = flat(script);
    const isUnderstood = understands(syntax, script);
    return isUnderstood && simple && isSame(simple, command)
      ? { simple, isUnderstood }
      : { simple: undefined, isUnderstood };
  } catch {
    return UNKNOWN;
  }
}

/** Words that every shell takes as they are, PowerShell, fish and cmd as well. */
const PLAIN = /^[A-Za-z_][\w.-]*(?: [\w./:+-][\w./:+@-]*)*$/;
const KEYWORDS =
  /^(?:and|or|not|begin|end|if|else|elseif|elif|then|fi|for|foreach|while|until|do|done|switch|case|esac|select|function|filter|class|data|try|catch|trap|throw|return|exit|break|continue|in|param|using|parallel|sequence|time|goto|call|rem|set|setlocal)$/i;

function readPlain(command: string): CommandReading {
  const words = command.split(" ");
  const isPlain = PLAIN.test(command) && !words.includes("--%");
  if (!isPlain || KEYWORDS.test(words[0] ?? "") || runsUnknown(words)) return UNKNOWN;
  return { simple: [{ words, isFed: false }], isUnderstood: true };
}

/** Our own reader, which knows nothing of the parser, has to see the same words. */
function isSame(simple: readonly SimpleCommand[], command: string): boolean {
  const { commands, isWhole } = readShell(command);
  const other = commands.map(({ words }) => words.map(({ text }) => text));
  return isWhole && JSON.stringify(other) === JSON.stringify(simple.map(({ words }) => words));
}

/** Undefined where it is more than programs with words, one after another or in pipes. */
function flat({ commands, errors }: Bash.ParsedScript): SimpleCommand[] | undefined {
  if ((errors?.length ?? 0) > 0) return undefined;
  const found: SimpleCommand[] = [];
  const addOne = (node: Bash.PipelineNode, isFed: boolean): boolean => {
    if (node.type !== "Command" || !node.name || node.prefix.length > 0) return false;
    const words = [node.name, ...node.suffix.filter((one) => one.type === "Word")].map(wordOf);
    const rest = node.suffix.filter((one) => one.type !== "Word");
    if (words.includes(undefined) || !rest.every(isQuietRedirect)) return false;
    found.push({ words: words.filter((word) => word !== undefined), isFed });
    return true;
  };
  const addPipe = (node: Bash.PipelineNode): boolean => {
    if (node.type !== "Pipeline") return addOne(node, false);
    if (node.prefixes.length > 0) return false;
    return node.commands.every((one, index) => addOne(one, index > 0));
  };
  const isFlat = commands.every(({ command, background }) => {
    if (background === true) return false;
    return command.type === "AndOr" ? command.commands.every(addPipe) : addPipe(command);
  });
  return isFlat && found.length > 0 ? found : undefined;
}

/** Only where the output goes: to another stream of the same program, or nowhere. */
function isQuietRedirect(node: Bash.Command["suffix"][number]): boolean {
  if (node.type !== "Redirect" || node.descriptor?.type === "FileDescriptorVariable") return false;
  const target = node.target && wordOf(node.target);
  if (node.operator === ">&") return /^\d$/.test(target ?? "");
  return /^(?:&?>>?)$/.test(node.operator) && target === "/dev/null";
}

/** Letters that no shell makes something else of. */
const LITERAL = /^[\p{L}\p{N}_@%+=:,./-]*$/u;

/** What a word is, whatever runs; undefined if that cannot be known before. */
function wordOf(word: Bash.Word): string | undefined {
  const { parts, text, value } = word;
  if (parts === undefined) return LITERAL.test(text) && isNoExpansion(text) ? value : undefined;
  return parts.every(isLiteral) && isNoExpansion(text) ? value : undefined;
}

/** zsh makes a path of `=name`. */
const isNoExpansion = (text: string): boolean => !text.startsWith("=");

function isLiteral(part: Bash.WordPart): boolean {
  switch (part.type) {
    case "Literal":
      return LITERAL.test(part.text);
    case "SingleQuoted":
      return true;
    case "DoubleQuoted":
      return part.parts.every(isPlainlyQuoted);
    default:
      return isExitCode(part);
  }
}

const isPlainlyQuoted = (part: Bash.DoubleQuotedChild): boolean =>
  part.type === "Literal" ? !/[\\!]/.test(part.text) : isExitCode(part);

const isExitCode = ({ type, text }: Bash.WordPart): boolean =>
  type === "SimpleExpansion" && text === "$?";

/** Every program in it has a name that is written there, and none runs what nobody can read. */
function understands({ forEachChild }: Syntax, script: Bash.ParsedScript): boolean {
  let isKnown = script.commands.length > 0;
  const visit = (node: Bash.SyntaxNode): void => {
    if ("errors" in node && (node.errors?.length ?? 0) > 0) isKnown = false;
    if (/^(?:Function|Coproc)$/.test(node.type)) isKnown = false;
    if (node.type === "Assignment" && isSteering(node.name)) isKnown = false;
    if (/^(?:CommandExpansion|ProcessSubstitution)$/.test(node.type)) {
      if (!("script" in node) || node.script === undefined) isKnown = false;
    }
    if (node.type === "ArithmeticExpansion" && node.expression === undefined) isKnown = false;
    if (node.type === "Command" && node.name) {
      const words = [node.name, ...node.suffix.filter((one) => one.type === "Word")];
      const input = node.suffix.some(({ type }) => type === "HereDoc" || type === "HereString");
      if (wordOf(node.name) === undefined) isKnown = false;
      if (
        runsUnknown(
          words.map(({ value }) => value),
          input,
        )
      )
        isKnown = false;
    }
    if (isKnown) forEachChild(node, visit);
  };
  visit(script);
  return isKnown;
}
