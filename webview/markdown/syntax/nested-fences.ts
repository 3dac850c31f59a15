// A document in a fence that has fences itself: models write both with three backticks, which
// CommonMark reads as the end of the document at the first inner fence. Of a fence of Markdown
// the inner ones are counted.
import type { MarkdownIt, StateBlock } from "markdown-it";
import type { Growing } from "./math.ts";

const FENCE = /^(?:(`{3,})([^`]*)|(~{3,})(.*))$/;
const DOCUMENT = /^(?:markdown|md|mdx)$/i;

interface Line {
  mark: string;
  length: number;
  info: string;
}

export function nestFences(md: MarkdownIt): void {
  md.block.ruler.before("fence", "document_fence", documentFence, {
    alt: ["paragraph", "reference", "blockquote", "list"],
  });
}

function documentFence(
  state: StateBlock,
  startLine: number,
  endLine: number,
  silent: boolean,
): boolean {
  const outer = fenceAt(state, startLine);
  if (!outer || !isDocument(outer)) return false;
  if (silent) return true;
  const end = endOf(state, outer, startLine, endLine);
  // Never closed in that way: what CommonMark makes of it is all there is.
  if (end === null && (state.env as Growing).growing !== true) return false;
  const last = end ?? blockEnd(state, startLine, endLine);
  const token = state.push("fence", "code", 0);
  token.info = outer.info;
  token.content = state.getLines(startLine + 1, last, state.sCount[startLine] ?? 0, true);
  token.markup = outer.mark.repeat(outer.length);
  state.line = end === null ? last : last + 1;
  token.map = [startLine, state.line];
  return true;
}

/** The line that closes the document, or null. */
function endOf(state: StateBlock, outer: Line, startLine: number, endLine: number): number | null {
  const inner: Line[] = [];
  const last = blockEnd(state, startLine, endLine);
  for (let line = startLine + 1; line < last; line += 1) {
    const fence = fenceAt(state, line);
    // Of the other mark, it is a word of the document like any other.
    if (fence?.mark !== outer.mark) continue;
    const open = inner.at(-1);
    if (open && !(isDocument(open) && fence.info !== "")) {
      if (fence.info === "" && fence.length >= open.length) inner.pop();
    } else if (fence.info !== "" || (!open && opensPlain(state, line, last))) {
      if (fence.length >= outer.length) inner.push(fence);
    } else if (open) {
      if (fence.length >= open.length) inner.pop();
    } else if (fence.length >= outer.length) return line;
  }
  return null;
}

/**
 * A fence that says no language opens where a document would open one: behind a blank line or a
 * colon, with its code next.
 */
function opensPlain(state: StateBlock, line: number, end: number): boolean {
  const before = lineAt(state, line - 1);
  const after = line + 1 < end ? lineAt(state, line + 1) : "";
  return (before === "" || before.endsWith(":")) && after !== "" && !FENCE.test(after);
}

function isDocument({ info }: Line): boolean {
  return DOCUMENT.test(info.trim().split(/[\s{,]/, 1)[0] ?? "");
}

function blockEnd(state: StateBlock, startLine: number, endLine: number): number {
  for (let line = startLine + 1; line < endLine; line += 1) {
    if (!state.isEmpty(line) && (state.sCount[line] ?? 0) < state.blkIndent) return line;
  }
  return endLine;
}

function fenceAt(state: StateBlock, line: number): Line | null {
  if ((state.sCount[line] ?? 0) - state.blkIndent >= 4) return null;
  const [, ticks, info, tildes = ticks, other = info] = FENCE.exec(lineAt(state, line)) ?? [];
  if (tildes === undefined) return null;
  return { mark: tildes.charAt(0), length: tildes.length, info: other?.trim() ?? "" };
}

function lineAt(state: StateBlock, line: number): string {
  const from = (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0);
  return state.src.slice(from, state.eMarks[line] ?? state.src.length).trimEnd();
}
