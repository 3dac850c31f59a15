// Cells as models write them. A `|` ends a cell wherever it stands, also in code and in formulas,
// and what is too much for a row is dropped: so in a row with more cells than its table those are
// taken for a part of what they stand in.
import type { MarkdownIt, StateBlock } from "markdown-it";

const DELIMITERS = /^[\s:|-]+$/;
/** In the place of such a mark until the cells are told apart; no text may have this character. */
const HELD = "\uFDD0";
const SPAN =
  /(`{1,3})(?!`).{0,500}?[^`]\1(?!`)|\$\$.{1,500}?\$\$|(?<!\$)\$(?![\s$])[^$]*[^\s$]\$(?![\w$])|\\\(.{1,500}?\\\)|\\\[.{1,500}?\\\]/g;
const BAR = /(?<!\\)\|/g;

export function keepBarsInCells(md: MarkdownIt): void {
  const alt = ["paragraph", "reference"];
  md.block.ruler.before("table", "bars", (state, line, end) => holdBars(state, line, end), { alt });
  // Also of code and whatever else stands right behind a table, or behind what was none.
  md.core.ruler.after("block", "bars", ({ tokens }) => {
    for (const token of tokens) {
      token.content = token.content.replaceAll(HELD, "|");
      token.info = token.info.replaceAll(HELD, "|");
    }
  });
}

/** Never a block itself. */
function holdBars(state: StateBlock, startLine: number, endLine: number): false {
  if (startLine + 2 > endLine) return false;
  const below = lineAt(state, startLine + 1);
  const columns = barsOf(below);
  if (columns === 0 || !below.includes("-") || !DELIMITERS.test(below)) return false;
  for (let line = startLine; line < endLine && !state.isEmpty(line); line += 1) {
    const text = lineAt(state, line);
    let excess = barsOf(text) - columns;
    if (excess <= 0) continue;
    const held = text.replaceAll(SPAN, (span) => {
      const bars = span.match(BAR)?.length ?? 0;
      if (bars > excess) return span;
      excess -= bars;
      return span.replaceAll(BAR, HELD);
    });
    const from = (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0);
    state.src = state.src.slice(0, from) + held + state.src.slice(from + text.length);
  }
  return false;
}

/** Between its cells. */
function barsOf(line: string): number {
  return (
    line
      .trim()
      .replace(/^\||(?<!\\)\|$/g, "")
      .match(BAR)?.length ?? 0
  );
}

function lineAt({ src, bMarks, tShift, eMarks }: StateBlock, line: number): string {
  return src.slice((bMarks[line] ?? 0) + (tShift[line] ?? 0), eMarks[line]);
}
