// A command line taken apart as a shell would, as far as it can be known without running it: which
// programs it starts, with which words, what it reads and writes. For judging, so what is unclear
// is said to be, never guessed.

export interface ShellWord {
  text: string;
  /** Nothing in it is known only when it runs: no variable, no output of a command, no pattern. */
  isExact: boolean;
  /** Commands whose output becomes this word, or a file that it names. */
  inner: readonly ShellCommand[];
}

export interface ShellCommand {
  words: readonly ShellWord[];
  /** Files it is to write. */
  writes: readonly ShellWord[];
  /** What is given to it as its input: a here-document or here-string. */
  input: string | undefined;
  /** What stands before it in its pipe. */
  from: readonly ShellCommand[];
}

export interface ShellScript {
  /** In their order, those inside of others first. */
  commands: readonly ShellCommand[];
  /** False if a quote or bracket stays open, or it is nested deeper than anybody would write. */
  isWhole: boolean;
}

const MAX_DEPTH = 12;
const OPENERS = new Set([
  "if",
  "then",
  "else",
  "elif",
  "while",
  "until",
  "do",
  "!",
  "time",
  "{",
  "}",
]);
const CLOSERS = new Set(["fi", "done", "esac"]);
const WORD_END = /[\s;&|()<>]/;

export function readShell(source: string, depth = 0): ShellScript {
  const reader = new WordReader(source.replaceAll("\r\n", "\n"), depth);
  reader.readList();
  return { commands: reader.commands, isWhole: reader.isWhole };
}

class WordReader {
  readonly commands: ShellCommand[] = [];
  isWhole = true;
  readonly #source: string;
  readonly #depth: number;
  #at = 0;
  #words: ShellWord[] = [];
  #writes: ShellWord[] = [];
  #input: string | undefined;
  #pipe: ShellCommand[] = [];
  /** Here-documents whose text begins on the next line. */
  #heredocs: { end: string; isQuoted: boolean; tabs: boolean; take: (body: string) => void }[] = [];

  constructor(source: string, depth: number) {
    this.#source = source;
    this.#depth = depth;
  }

  readList(): void {
    if (this.#depth > MAX_DEPTH) this.isWhole = false;
    else while (this.#at < this.#source.length) this.#step();
    this.#endCommand(false);
  }

  #step(): void {
    const rest = this.#source.slice(this.#at, this.#at + 3);
    const [char = ""] = rest;
    if (char === "\n") {
      this.#at += 1;
      this.#endCommand(false);
      this.#takeHeredocs();
    } else if (/\s/.test(char)) this.#at += 1;
    else if (rest.startsWith("\\\n")) this.#at += 2;
    else if (char === "#") this.#toLineEnd();
    else if (
      /^(?:\d*|&)[<>]/.test(rest) ||
      /^\{\w+\}[<>]/.test(this.#source.slice(this.#at, this.#at + 20))
    ) {
      this.#redirect();
    } else if (char === "|" && rest[1] !== "|") {
      this.#at += rest[1] === "&" ? 2 : 1;
      this.#endCommand(true);
    } else if (/[;&|()]/.test(char)) {
      this.#at += 1;
      this.#endCommand(false);
    } else this.#word();
  }

  #toLineEnd(): void {
    const end = this.#source.indexOf("\n", this.#at);
    this.#at = end < 0 ? this.#source.length : end;
  }

  #word(): void {
    const word = this.#readWord();
    const isFirst = this.#words.length === 0;
    // Words of the language, not programs; what follows them begins anew.
    if (isFirst && word.isExact && (OPENERS.has(word.text) || CLOSERS.has(word.text))) return;
    // `function name { …`
    if (this.#words[0]?.text === "function" && word.text === "{") return this.#endCommand(false);
    // `NAME=value` before a command.
    if (isFirst && /^[A-Za-z_]\w*\+?=/.test(word.text)) {
      this.#addInner(word.inner);
      return;
    }
    this.#words.push(word);
  }

  #addInner(inner: readonly ShellCommand[]): void {
    this.commands.push(...inner);
  }

  #endCommand(isPiped: boolean): void {
    if (this.#words.length > 0 || this.#writes.length > 0) {
      const [words, writes, input] = [this.#words, this.#writes, this.#input];
      const command: ShellCommand = { words, writes, input, from: [...this.#pipe] };
      for (const { inner } of [...words, ...writes]) this.#addInner(inner);
      this.commands.push(command);
      this.#pipe.push(command);
    }
    if (!isPiped) this.#pipe = [];
    this.#words = [];
    this.#writes = [];
    this.#input = undefined;
  }

  #redirect(): void {
    const [operator = ""] =
      /^(?:\d+|&|\{\w+\})?(?:<<<|<<-?|<>|<\(|>\(|>>|>\||[<>]&|[<>])/.exec(
        this.#source.slice(this.#at, this.#at + 24),
      ) ?? [];
    if (operator.endsWith("(")) {
      this.#at += operator.length;
      const inner = this.#nested(")");
      this.#words.push({ text: operator, isExact: false, inner });
      return;
    }
    this.#at += Math.max(1, operator.length);
    while (/[ \t]/.test(this.#source[this.#at] ?? "")) this.#at += 1;
    const from = this.#at;
    const target = this.#readWord();
    const isQuoted = /['"\\]/.test(this.#source.slice(from, this.#at));
    if (/<<-?$/.test(operator) && !operator.endsWith("<<<")) {
      const keep = this.#words;
      this.#input = "";
      const owner = { words: keep };
      this.#heredocs.push({
        end: target.text,
        isQuoted,
        tabs: operator.endsWith("-"),
        take: (body) => this.#giveInput(owner.words, body),
      });
    } else if (operator.endsWith("<<<")) this.#input = target.text;
    else if (operator.includes(">") && !/^[\d-]+$/.test(target.text)) this.#writes.push(target);
    else this.#addInner(target.inner);
  }

  /** The command may have ended before its input comes. */
  #giveInput(words: readonly ShellWord[], body: string): void {
    const at = this.commands.findLastIndex((command) => command.words === words);
    const command = this.commands[at];
    if (command) this.commands[at] = { ...command, input: body };
    else this.#input = body;
  }

  #takeHeredocs(): void {
    for (const { end, isQuoted, tabs, take } of this.#heredocs.splice(0)) {
      const lines: string[] = [];
      for (;;) {
        if (this.#at >= this.#source.length) {
          this.isWhole = false;
          break;
        }
        const from = this.#at;
        this.#toLineEnd();
        const line = this.#source.slice(from, this.#at);
        this.#at += 1;
        if ((tabs ? line.replace(/^\t+/, "") : line) === end) break;
        lines.push(line);
      }
      const body = lines.join("\n");
      // What it takes from commands is run, whoever reads it.
      if (!isQuoted && /\$\(|`/.test(body))
        this.#addInner(readShell(`"${body.replaceAll('"', "")}"`, this.#depth + 1).commands);
      take(body);
    }
  }

  #readWord(): ShellWord {
    let text = "";
    let isExact = true;
    const inner: ShellCommand[] = [];
    const expand = (): void => {
      const [char, next] = [this.#source[this.#at], this.#source[this.#at + 1]];
      isExact = false;
      if (char === "`") {
        this.#at += 1;
        inner.push(...this.#nested("`"));
      } else if (next === "(" && this.#source[this.#at + 2] !== "(") {
        this.#at += 2;
        inner.push(...this.#nested(")"));
      } else text += this.#variable();
    };
    while (this.#at < this.#source.length) {
      const char = this.#source[this.#at] ?? "";
      if (WORD_END.test(char)) break;
      if (char === "\\") {
        const next = this.#source[this.#at + 1] ?? "";
        if (next !== "\n") text += next;
        this.#at += 2;
      } else if (char === "'") text += this.#quoted("'");
      else if (char === "$" && this.#source[this.#at + 1] === "'") {
        this.#at += 1;
        text += unescaped(this.#quoted("'", true));
      } else if (char === '"' || (char === "$" && this.#source[this.#at + 1] === '"')) {
        this.#at += char === "$" ? 2 : 1;
        while (this.#at < this.#source.length && this.#source[this.#at] !== '"') {
          const one = this.#source[this.#at] ?? "";
          if (one === "\\") {
            const next = this.#source[this.#at + 1] ?? "";
            text += /["\\$`]/.test(next) ? next : next === "\n" ? "" : `\\${next}`;
            this.#at += 2;
          } else if (one === "$" || one === "`") expand();
          else {
            text += one;
            this.#at += 1;
          }
        }
        if (this.#at >= this.#source.length) this.isWhole = false;
        this.#at += 1;
      } else if (char === "$" || char === "`") expand();
      else {
        if (/[*?[{]/.test(char) && text + char !== "{") isExact = false;
        text += char;
        this.#at += 1;
      }
    }
    // The name of a test, not a pattern.
    return { text, isExact: isExact || /^\[\[?$/.test(text), inner };
  }

  #quoted(quote: string, escapes = false): string {
    const from = this.#at + 1;
    let at = from;
    while (at < this.#source.length && this.#source[at] !== quote) {
      at += escapes && this.#source[at] === "\\" ? 2 : 1;
    }
    if (at >= this.#source.length) this.isWhole = false;
    this.#at = at + 1;
    return this.#source.slice(from, at);
  }

  /** `$NAME`, `${…}`, `$((…))`: as it is written. */
  #variable(): string {
    const rest = this.#source.slice(this.#at);
    const [found = "$"] = /^\$(?:\{[^}]*\}|\(\([^)]*\)\)|\w+|[@*#?$!-])?/.exec(rest) ?? [];
    this.#at += found.length;
    return found;
  }

  /** The commands up to the bracket or quote that closes them. */
  #nested(close: string): ShellCommand[] {
    const from = this.#at;
    let depth = 1;
    while (this.#at < this.#source.length) {
      const char = this.#source[this.#at] ?? "";
      if (char === "\\") this.#at += 1;
      else if (char === "'" || char === '"') this.#skipQuoted(char);
      else if (char === close) depth -= 1;
      else if (close === ")" && char === "(") depth += 1;
      if (depth === 0) break;
      this.#at += 1;
    }
    if (depth > 0) this.isWhole = false;
    const script = readShell(this.#source.slice(from, this.#at), this.#depth + 1);
    this.#at += 1;
    if (!script.isWhole) this.isWhole = false;
    return [...script.commands];
  }

  #skipQuoted(quote: string): void {
    this.#at += 1;
    while (this.#at < this.#source.length && this.#source[this.#at] !== quote) {
      this.#at += quote === '"' && this.#source[this.#at] === "\\" ? 2 : 1;
    }
  }
}

/** Of `$'…'`. */
function unescaped(text: string): string {
  return text
    .replaceAll(/\\x([0-9a-f]{1,2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    .replaceAll(/\\([0-7]{1,3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    )
    .replaceAll(/\\n/g, "\n")
    .replaceAll(/\\t/g, "\t")
    .replaceAll(/\\(.)/g, "$1");
}
