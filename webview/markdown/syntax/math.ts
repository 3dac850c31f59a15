// Formulas in the ways models write them: `$…$`, `$$…$$`, `\(…\)`, `\[…\]`. Dollars are
// money, variables and shell more often than mathematics, so what stands between two of
// them has to look like it.
import type { MarkdownIt, StateBlock, StateInline } from "markdown-it";

export const MATH_CLASS = "math";
/**
 * A formula of several lines may have blank ones, but not for ever: its end
 * may have been forgotten.
 */
const MAX_LINES = 100;
/** Longer than any formula. */
const MAX_INLINE = 2_000;

const CLOSERS: Record<string, string> = { $: "$", $$: "$$", "\\(": "\\)", "\\[": "\\]" };

/**
 * `env` of a text that still grows: a formula that is open at its end may be closed by what comes.
 */
export interface Growing {
  growing?: boolean;
}

export function readFormulas(md: MarkdownIt): void {
  md.block.ruler.before("fence", "math_block", block, {
    alt: ["paragraph", "reference", "blockquote", "list"],
  });
  md.inline.ruler.before("escape", "math_inline", inline);
  const { rules } = md.renderer;
  const { escapeHtml } = md.utils;
  rules["math_inline"] = (tokens, index) => {
    const { content = "", markup = "" } = tokens[index] ?? {};
    const display = isDisplay(markup) ? ` ${MATH_CLASS}-display` : "";
    return `<span class="${MATH_CLASS}${display}">${escapeHtml(content)}</span>`;
  };
  rules["math_block"] = (tokens, index) => {
    const { content = "", meta } = tokens[index] ?? {};
    const state = (meta as { open: boolean } | null)?.open ? "open" : "display";
    return `<p class="${MATH_CLASS} ${MATH_CLASS}-${state}">${escapeHtml(content)}</p>\n`;
  };
}

/** The formula without its marks. */
export function formulaOf(source: string): string {
  const text = source.trim();
  const mark = openerAt(text, 0) ?? "";
  return text.slice(mark.length, text.length - (CLOSERS[mark]?.length ?? 0));
}

const isDisplay = (mark: string): boolean => mark === "$$" || mark === "\\[";

function openerAt(text: string, at: number): string | undefined {
  const two = text.slice(at, at + 2);
  if (two === "\\(" || two === "\\[") return two;
  if (text[at] !== "$" || text[at - 1] === "$") return undefined;
  if (two !== "$$") return "$";
  return text[at + 2] === "$" ? undefined : "$$";
}

/** Those that are a formula by themselves, with no mark around them. */
const ENVIRONMENT = /^\\begin\{(?:equation|align|alignat|gather)\*?\}/;

/** Begins a line, and ends at the end of one. */
function block(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  if ((state.sCount[startLine] ?? 0) - state.blkIndent >= 4) return false;
  const lineAt = (line: number): string =>
    state.src.slice(
      (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0),
      state.eMarks[line] ?? state.src.length,
    );
  const first = lineAt(startLine).trimEnd();
  const environment = ENVIRONMENT.exec(first)?.[0];
  const mark = environment ?? openerAt(first, 0);
  if (mark === undefined || !(environment ?? isDisplay(mark))) return false;
  const closer = CLOSERS[mark] ?? mark.replace("begin", "end");
  const isAlone = first === mark;
  // The first line's own end counts only behind its beginning.
  let rest = first.slice(mark.length);
  let line = startLine;
  let open = false;
  for (;;) {
    const at = rest.indexOf(closer);
    if (at >= 0 && rest.slice(at + closer.length).trim() === "") break;
    // Closed within a line: it is a part of a sentence.
    if (at >= 0) return false;
    line += 1;
    if (line >= endLine) {
      open = true;
      break;
    }
    const isBlank = state.isEmpty(line);
    if (!isBlank && (state.sCount[line] ?? 0) < state.blkIndent) return false;
    if (isBlank && !isAlone) return false;
    if (line - startLine > MAX_LINES) return false;
    rest = lineAt(line);
  }
  const isGrowing = (state.env as Growing).growing === true;
  if (open && !isGrowing) return false;
  const end = open ? line : line + 1;
  const content = state.getLines(startLine, end, state.blkIndent, false).trim();
  if (!open && !isFormula(content.slice(mark.length, -closer.length), mark)) return false;
  if (silent) return true;
  const token = state.push("math_block", "", 0);
  token.content = content;
  token.meta = { open };
  token.map = [startLine, end];
  state.line = end;
  return true;
}

function inline(state: StateInline, silent: boolean): boolean {
  const { src, pos, posMax } = state;
  const mark = openerAt(src, pos);
  if (mark === undefined) return false;
  // A letter or digit before it: `US$5`, `f\(x\)`.
  if (/[A-Za-z0-9]/.test(src[pos - 1] ?? "")) return false;
  const from = pos + mark.length;
  const to = closerAt(src, from, Math.min(posMax, from + MAX_INLINE), mark);
  const isOpen =
    to < 0 && (state.env as Growing).growing === true && isBegun(src.slice(from), mark);
  if (to < 0 && !isOpen) return false;
  const end = isOpen ? posMax : to + (CLOSERS[mark]?.length ?? 0);
  if (!isOpen && !isFormula(src.slice(from, to), mark)) return false;
  if (!silent) {
    const token = state.push(isOpen ? "text" : "math_inline", "", 0);
    token.content = src.slice(pos, end);
    token.markup = mark;
  }
  state.pos = end;
  return true;
}

function closerAt(text: string, from: number, max: number, mark: string): number {
  const closer = CLOSERS[mark] ?? "";
  for (let at = from; at + closer.length <= max; at += 1) {
    if (text.startsWith(closer, at) && (mark !== "$" || isClosingDollar(text, at))) return at;
    // Of money and variables: the dollar that comes next belongs to something else.
    if (mark === "$" && text[at] === "$") return -1;
    if (text[at] === "\\") at += 1;
  }
  return -1;
}

/** Not after a space, nor directly before a word, a number, another variable; but `$n$th`. */
function isClosingDollar(text: string, at: number): boolean {
  if (!/\S/.test(text[at - 1] ?? " ")) return false;
  return /^(?:(?:th|st|nd|rd|s)\b|[^A-Za-z0-9_$({[]|$)/.test(text.slice(at + 1, at + 4));
}

const SIGN = /[\\^_=<>+]/;

function isFormula(tex: string, mark: string): boolean {
  const text = tex.trim();
  // What hides or reorders is shown as what it is, which is in no formula.
  if (text === "" || text.includes("`") || /(?![\t\n])[\p{Cc}\p{Cf}]/u.test(text)) return false;
  if (mark.startsWith("\\") && !SIGN.test(text)) {
    // Escaped brackets around words are brackets: `\[1\]`, `\(optional\)`.
    if (mark === "\\(" ? /\p{Ll}{3,}/u.test(text) : !/^\s[^]*\s$/.test(tex)) return false;
  }
  if (mark === "$" && (/^\s/.test(tex) || (text.includes("\n") && !SIGN.test(text)))) return false;
  return !isProse(text);
}

/** Words, or an amount with words behind it, and nothing that only mathematics has. */
function isProse(tex: string): boolean {
  if (/[\\^_=]/.test(tex)) return false;
  if (/^\d[\d.,]*(?:\s+\p{L}{2,}|[kKmMbB]\b|\s*[^\0-\u036F])/u.test(tex)) return true;
  return (tex.match(/\p{L}{3,}/gu) ?? []).length > 1;
}

/**
 * Of an inline formula without its end: as good as certain, so that its marks do
 * not flash up as emphasis.
 */
function isBegun(rest: string, mark: string): boolean {
  if (rest.length > MAX_INLINE || rest.includes("`")) return false;
  if (mark === "$") return /^[^\s\d]/.test(rest) && /[\\^{]/.test(rest);
  return mark === "$$" || SIGN.test(rest);
}
