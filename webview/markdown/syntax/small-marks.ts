// Marks that CommonMark knows nothing of and models write all the same: footnotes, and the few
// elements of HTML for which Markdown has no word.
import type { MarkdownIt, StateBlock, StateInline } from "markdown-it";

/** Numbers alone: `[^x]` and `[^a-z]` are of patterns, too. */
const NOTE = /^\[\^(\d{1,3})\]/;
const NOTE_TEXT = /^\[\^[^\]\s]{1,60}\]:\s/;
/** Closed in the same words, with nothing else of its kind inside. */
const ELEMENT = /^<(sub|sup|kbd|mark)>([^<>\n]{1,200})<\/\1>/i;

export function readSmallMarks(md: MarkdownIt): void {
  const alt = ["paragraph"];
  md.block.ruler.before("reference", "note_text", noteText, { alt });
  md.inline.ruler.before("link", "note", note);
  md.inline.ruler.before("autolink", "element", element);
}

function noteText(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  const isNote = (line: number): boolean => {
    const from = (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0);
    return NOTE_TEXT.test(state.src.slice(from, from + 70));
  };
  if ((state.sCount[startLine] ?? 0) - state.blkIndent >= 4 || !isNote(startLine)) return false;
  if (silent) return true;
  let line = startLine + 1;
  while (line < endLine && !state.isEmpty(line) && !isNote(line)) line += 1;
  state.push("paragraph_open", "p", 1).map = [startLine, line];
  const inline = state.push("inline", "", 0);
  inline.content = state
    .getLines(startLine, line, state.blkIndent, false)
    .trim()
    .replace("]:", "]");
  inline.map = [startLine, line];
  inline.children = [];
  state.push("paragraph_close", "p", -1);
  state.line = line;
  return true;
}

function note(state: StateInline, silent: boolean): boolean {
  const [whole, label] = NOTE.exec(state.src.slice(state.pos, state.pos + 64)) ?? [];
  if (whole === undefined || label === undefined) return false;
  return push(state, silent, whole, "sup", label);
}

function element(state: StateInline, silent: boolean): boolean {
  const [whole, tag = "", text = ""] =
    ELEMENT.exec(state.src.slice(state.pos, state.pos + 220)) ?? [];
  return whole !== undefined && push(state, silent, whole, tag.toLowerCase(), text);
}

function push(state: StateInline, silent: boolean, whole: string, tag: string, text: string): true {
  if (!silent) {
    state.push("mark_open", tag, 1);
    state.push("text", "", 0).content = text;
    state.push("mark_close", tag, -1);
  }
  state.pos += whole.length;
  return true;
}
