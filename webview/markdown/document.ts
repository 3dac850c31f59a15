// A Markdown text that grows at its end. What can no longer change is frozen; only the
// rest is parsed again. However the text was cut on its way, the result is the same as
// that of the whole text at once.
import type { Env, MarkdownIt } from "markdown-it";
import { type GrowingTable, rowsToHold, withRows } from "./growing-table.ts";
import { closeMarks } from "./half-written.ts";
import { type Piece, toPieces } from "./pieces.ts";
import type { Token } from "./syntax/parser.ts";

/**
 * How much is looked at first, and the most. A single block longer than that is shown as plain
 * text.
 */
const WINDOW = 2_000;
export const MAX_BLOCK = 64_000;
/** Of a longer rest, the marks are not worth parsing it twice. */
const MAX_CLOSED = 8_000;

type References = NonNullable<Env["references"]>;

interface Frozen {
  source: string;
  pieces: Piece[];
}

export interface Progress {
  pieces: readonly Piece[];
  /** The first piece that may differ from the last time. */
  changedFrom: number;
  /** There is another step to take; the pieces stop at what was done. */
  more: boolean;
}

export class MarkdownDocument {
  readonly #md: MarkdownIt;
  #text = "";
  #frozen: Frozen[] = [];
  /** All frozen pieces. */
  #pieces: Piece[] = [];
  #offset = 0;
  #references: References = noReferences();
  /** At the end of what is not frozen. */
  #table: GrowingTable | undefined;
  #isPlain = false;
  #isDone = false;

  constructor(md: MarkdownIt) {
    this.#md = md;
  }

  /**
   * Goes on by one step with `text`, which begins with what was given before (anything else starts
   * anew): while there is something to freeze, a window of it is frozen; then the rest is parsed.
   * `isFinal`: nothing will follow.
   */
  advance(text: string, isFinal: boolean): Progress {
    if (this.#isDone || !text.startsWith(this.#text)) this.#reset();
    const first = this.#text === "" ? 0 : this.#pieces.length;
    this.#text = text;
    const next = this.#isPlain ? "plain" : this.#nextCut(isFinal);
    if (typeof next === "number") {
      const changedFrom = Math.min(first, this.#freeze(next));
      return { pieces: this.#pieces, changedFrom, more: true };
    }
    this.#isPlain = next === "plain";
    this.#isDone = isFinal;
    const pieces: Piece[] = this.#isPlain
      ? [{ kind: "plain", text: text.slice(this.#offset) }]
      : this.#parseTail();
    return { pieces: [...this.#pieces, ...pieces], changedFrom: first, more: false };
  }

  #reset(): void {
    this.#text = "";
    this.#frozen = [];
    this.#pieces = [];
    this.#offset = 0;
    this.#references = noReferences();
    this.#table = undefined;
    this.#isPlain = false;
    this.#isDone = false;
  }

  /** What is not frozen, without the rows of a table that are held. */
  #rest(until = this.#text.length): string {
    if (!this.#table) return this.#text.slice(this.#offset, until);
    return this.#table.head + this.#text.slice(this.#table.next, until);
  }

  /**
   * Where the text can next be cut; `tail` if what is left may still change, `plain` if
   * it is too long for that.
   */
  #nextCut(isFinal: boolean): number | "tail" | "plain" {
    const left = this.#text.length - this.#offset;
    if (left === 0) return "tail";
    if (left > MAX_BLOCK) this.#table = undefined;
    const rest = this.#rest();
    for (let size = WINDOW; ; size = Math.min(size * 2, MAX_BLOCK)) {
      const isAll = rest.length <= size;
      if (isAll && isFinal) return left;
      const cut = findCut(this.#md, rest.slice(0, size));
      // Before a table whose rows are held there is none: it would have been found before.
      if (cut > 0) return cut + left - rest.length;
      if (isAll) return "tail";
      if (size === MAX_BLOCK) return "plain";
    }
  }

  /**
   * Freezes up to `cut`; returns the first piece that changed, which is an earlier one
   * if a link got its target.
   */
  #freeze(cut: number): number {
    const source = this.#text.slice(this.#offset, this.#offset + cut);
    const known = Object.keys(this.#references).length;
    const env: Env = { references: this.#references };
    const pieces = this.#parse(this.#rest(this.#offset + cut), env);
    this.#table = undefined;
    this.#offset += cut;
    this.#frozen.push({ source, pieces });
    const changedFrom = this.#pieces.length;
    if (Object.keys(this.#references).length === known) {
      this.#pieces.push(...pieces);
      return changedFrom;
    }
    let firstChanged = changedFrom;
    let at = 0;
    for (const block of this.#frozen) {
      if (block.source.includes("[")) {
        block.pieces = toPieces(this.#md, this.#md.parse(block.source, env), env);
        firstChanged = Math.min(firstChanged, at);
      }
      at += block.pieces.length;
    }
    this.#pieces = this.#frozen.flatMap((block) => block.pieces);
    return firstChanged;
  }

  #parseTail(): Piece[] {
    const rest = this.#rest();
    const pieces = this.#parseGrowing(rest);
    this.#holdRows(rest, pieces);
    return pieces;
  }

  #parseGrowing(tail: string): Piece[] {
    const pieces = this.#parseOnce(tail);
    const last = pieces.at(-1);
    if (last?.kind === "code") {
      if (last.open) last.code = withoutHalfFence(last.code);
      return pieces;
    }
    const closed = tail.length > MAX_CLOSED ? tail : closeMarks(tail);
    return closed === tail ? pieces : this.#parseOnce(closed);
  }

  #parseOnce(tail: string): Piece[] {
    // Its own definitions may still be half written, so they are not kept.
    const references = Object.create(this.#references) as References;
    const env: Env = { references, growing: !this.#isDone };
    return this.#parse(tail, env);
  }

  #parse(rest: string, env: Env): Piece[] {
    const pieces = toPieces(this.#md, this.#md.parse(rest, env), env);
    return this.#table ? withRows(pieces, this.#table) : pieces;
  }

  #holdRows(rest: string, pieces: readonly Piece[]): void {
    const found = rowsToHold(rest, pieces, this.#table);
    if (!found) return;
    const { head, rows, count } = found;
    const env: Env = { references: Object.create(this.#references) as References };
    const at = pieces.length - 1;
    const table = toPieces(this.#md, this.#md.parse(head + rows, env), env)[at];
    if (table?.kind !== "group" || table.children.length !== count) return;
    const before = this.#table?.rows ?? [];
    const next = this.#text.length - rest.length + head.length + rows.length;
    this.#table = { head, at, rows: [...before, ...table.children], next };
  }
}

function noReferences(): References {
  return Object.create(null) as References;
}

/** A last line that will most likely be the closing fence would flash up as code. */
function withoutHalfFence(code: string): string {
  return code.replace(/(^|\n) {0,3}(?:`{1,}|~{1,})$/, "$1");
}

/**
 * The last place in `text` where a block begins that nothing can join with what is before it:
 * its line is complete, and the line before is blank or ends a block that takes no more
 * lines. 0 if there is none.
 */
function findCut(md: MarkdownIt, text: string): number {
  const starts = lineStarts(text);
  // The last of the starts belongs to a line that may still grow.
  const complete = starts.length - 1;
  const blocks: Token[] = [];
  for (const token of blockTokens(md, text)) {
    if (token.level === 0 && token.nesting >= 0 && token.map) blocks.push(token);
  }
  for (let index = blocks.length - 1; index > 0; index -= 1) {
    const line = blocks[index]?.map?.[0] ?? 0;
    if (line >= complete) continue;
    const from = starts[line] ?? 0;
    const before = text.slice(starts[line - 1] ?? 0, from);
    if (/^[ \t\r\n]*$/.test(before) || endsItself(blocks[index - 1], line)) return from;
  }
  return 0;
}

function endsItself(token: Token | undefined, line: number): boolean {
  const closes = /^(?:fence|heading_open|hr|math_block)$/.test(token?.type ?? "");
  return closes && token?.map?.[1] === line;
}

/** Block structure only: the inline rules, most of the work, have no say in where blocks end. */
function blockTokens(md: MarkdownIt, text: string): Token[] {
  const tokens: Token[] = [];
  md.block.parse(text.replaceAll(/\r\n?/g, "\n"), md, { growing: true }, tokens);
  return tokens;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (const match of text.matchAll(/\r\n?|\n/g)) starts.push(match.index + match[0].length);
  return starts;
}
