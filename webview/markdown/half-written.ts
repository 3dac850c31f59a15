// While an answer is being written its last words are often half marked up: `**bo`, `` `cod
// ``, `[text](htt`. Shown as they are, the marks would flash up and vanish; so what is open
// is closed for the moment.

const MARKS = /\\.|`+|\*{1,3}|~~|(?<![\p{L}\p{N}])_{1,2}|_{1,2}(?![\p{L}\p{N}])/gsu;
/** Stars and dashes that open nothing: the mark of a list item, a rule. */
const LINE_MARKS = /^\s*(?:[-*+]|\d+[.)])\s+|^\s*(?:\*{3,}|_{3,}|-{3,})\s*$/gm;

/** Stars and lines of a formula mark nothing up, also while it is open. */
const FORMULAS =
  /\\\([^`]*?(?:\\\)|$)|\\\[[^`]*?(?:\\\]|$)|\$\$[^`]*?(?:\$\$|$)|\$(?![\s\d])[^$`]*(?:\$|$)/g;

/**
 * `text` with the marks of its last paragraph closed; the text itself if there is nothing to close.
 */
export function closeMarks(text: string): string {
  const blank = text.lastIndexOf("\n\n");
  const from = blank < 0 ? 0 : blank + 2;
  const paragraph = text.slice(from).trimEnd();
  // The target of a link is not shown, so half of one is not either.
  const shown = paragraph.replace(/!?\[([^[\]]*)\]\([^()\s]*$/, "$1");
  const open = openMarks(shown);
  if (open.length === 0) return shown === paragraph ? text : text.slice(0, from) + shown;
  const last = open.at(-1) ?? "";
  // Just opened, with nothing inside yet.
  const isBare = shown.endsWith(last);
  const closed = (isBare ? shown.slice(0, -last.length) : shown).trimEnd();
  const marks = isBare ? open.slice(0, -1) : open;
  return text.slice(0, from) + closed + marks.toReversed().join("");
}

function openMarks(text: string): string[] {
  const blank = (part: string): string => " ".repeat(part.length);
  const plain = text.replaceAll(LINE_MARKS, blank).replaceAll(FORMULAS, blank);
  const open: string[] = [];
  let code: string | null = null;
  for (const { 0: mark, index } of plain.matchAll(MARKS)) {
    if (mark.startsWith("`")) {
      if (code === null) code = mark;
      else if (code === mark) code = null;
      continue;
    }
    if (code !== null || mark.startsWith("\\")) continue;
    const at = open.lastIndexOf(mark);
    if (at >= 0) open.splice(at);
    // Before a space nothing is opened.
    else if (!/^\s/.test(plain.slice(index + mark.length, index + mark.length + 1)))
      open.push(mark);
  }
  return code === null ? open : [...open, code];
}
