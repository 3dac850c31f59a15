// What a terminal was sent, as text: orders to it are left out. Read whole for the result of a
// command, and piece by piece while it runs, with the same outcome.
import { lastWritten } from "../../../server/protocol/tool-output.ts";

const ESC = "\u001B";
const BEL = "\u0007";
/**
 * Orders of the form CSI; titles, links and other strings with an end of their own; the short ones.
 */
const ESCAPES = new RegExp(
  `${ESC}(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^\\n${BEL}${ESC}]*(?:${BEL}|${ESC}\\\\)?|[ -/]+[0-~]|[0-~])`,
  "g",
);
/**
 * Back to the beginning of the line, which is then written over: what spinners use instead of `\r`.
 */
const TO_BEGINNING = new RegExp(`${ESC}\\[1?G`, "g");
/** What begins a string, after ESC. */
const STRINGS = "]PX^_";
/** An order whose end has not come yet. */
const BEGUN = new RegExp(
  `${ESC}(?:\\[[0-?]{0,64}[ -/]{0,8}|[\\]PX^_][^\\n${BEL}${ESC}]*${ESC}?|[ -/]{0,8})?$`,
);

function withoutOrders(text: string): string {
  return text.replaceAll(TO_BEGINNING, "\r").replaceAll(ESCAPES, "");
}

/** All of it: without orders, and of each line what was written last. */
export function plainOutput(text: string): string {
  return lastWritten(withoutOrders(text));
}

/** A longer line is not kept any more to be written over. */
const MAX_LINE = 10_000;
/** A line that is written over again and again, such as a bar of progress, is said this often. */
const REWRITE_MS = 1_000;

/**
 * The same while it comes. What it gives can only be added to, so a line that is written
 * over is said again after a `\r` (`lastWritten` then leaves the newest): at its end, and
 * before only now and then.
 */
export class TerminalOutput {
  /** An order or a character that is not whole yet. */
  #begun = "";
  /** The line that is being written, and what of it has been given. */
  #line = "";
  #given = "";
  /** The next character begins the line anew. */
  #isBack = false;
  /** Whole lines that were not taken yet. */
  #ready = "";
  #rewrittenAt = Number.NEGATIVE_INFINITY;

  add(data: string): void {
    const text = this.#begun + data;
    const begun = BEGUN.exec(text)?.[0] ?? /[\uD800-\uDBFF]$/.exec(text)?.[0] ?? "";
    this.#begun = shortened(begun);
    const plain = withoutOrders(text.slice(0, text.length - begun.length));
    for (const part of plain.match(/[\n\r]|[^\n\r]+/g) ?? []) {
      if (part === "\n") this.#endLine("\n");
      else if (part === "\r") this.#isBack = true;
      else this.#write(part);
    }
  }

  /**
   * What is new since it was asked before; nothing while there is only a line that was
   * written over a moment ago.
   */
  take(now: number): string {
    const rest = this.#rest();
    const isRewritten = rest.startsWith("\r");
    if (isRewritten && now - this.#rewrittenAt < REWRITE_MS) return this.#takeReady();
    if (isRewritten) this.#rewrittenAt = now;
    this.#given = this.#line;
    return this.#takeReady() + rest;
  }

  /** Characters that `take` would give at the end of the line. */
  get length(): number {
    return this.#ready.length + this.#rest().length;
  }

  #write(text: string): void {
    this.#line = this.#isBack ? text : this.#line + text;
    this.#isBack = false;
    if (this.#line.length > MAX_LINE) this.#endLine("");
  }

  #endLine(end: "\n" | ""): void {
    this.#ready += this.#rest() + end;
    this.#line = "";
    this.#given = "";
    this.#isBack = false;
  }

  /** What makes the line that was given into the one that is there. */
  #rest(): string {
    const isLonger = this.#line.startsWith(this.#given);
    return isLonger ? this.#line.slice(this.#given.length) : `\r${this.#line}`;
  }

  #takeReady(): string {
    const ready = this.#ready;
    this.#ready = "";
    return ready;
  }
}

/**
 * A string of an order is skipped however long it is; only its beginning and a possible end matter.
 */
function shortened(begun: string): string {
  if (!STRINGS.includes(begun.charAt(1)) || begun.length < 2) return begun;
  return begun.slice(0, 2) + (begun.endsWith(ESC) ? ESC : "");
}
