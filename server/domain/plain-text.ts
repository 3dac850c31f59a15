// Markdown as one reads it: without the marks that are no part of what was said,
// with all the signs that are.

const FENCE = /^\s*(`{3,}|~{3,})/;
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$|^\s*\|?(\s*:?-{3,}:?\s*\|)+[\s:|-]*$/;
/** A sign is a marker only before a blank: `#include`, `>=` and `*args` are words. */
const BLOCK_MARK = /^\s*(#{1,6}|>|[-*+])(\s+|$)/;
const CODE = /(`+)(.+?)\1/g;
const LINK = /!?\[([^\]]+)\]\((?:[^()\s]|\([^()\s]*\))+(?:\s+"[^"]*")?\)/g;
/** Around words, never inside of one: `2**3`, `**kwargs`, `src/**` and `*.ts` stay. */
const EMPHASIS =
  /(?<![A-Za-z0-9_*/\\.])(\*{1,3})(?=[\p{L}\p{N}"'(“«[<&$@#])([^*]*[\p{L}\p{N}"')”»\].!?:;,…>%+#])\1(?![A-Za-z0-9_*/])/gu;

/** The lines that say something. */
export function plainLines(markdown: string): string[] {
  let fence: string | undefined;
  const lines: string[] = [];
  for (const line of markdown.split(/\r?\n|\r/)) {
    const mark = FENCE.exec(line)?.[1];
    const isEdge = fence === undefined ? opensFence(line, mark) : closesFence(line, mark, fence);
    if (isEdge) fence = fence === undefined ? mark : undefined;
    else if (fence !== undefined) lines.push(line.trim());
    else if (!RULE.test(line)) lines.push(plainLine(line));
  }
  return lines.filter((line) => line !== "");
}

/** A code span may begin a line, too: the words behind a fence have no further backtick. */
function opensFence(line: string, mark: string | undefined): boolean {
  return (
    mark !== undefined && (mark.startsWith("~") || !line.trim().slice(mark.length).includes("`"))
  );
}

function closesFence(line: string, mark: string | undefined, fence: string): boolean {
  return mark?.startsWith(fence) === true && line.trim() === mark;
}

function plainLine(line: string): string {
  let text = line;
  while (BLOCK_MARK.test(text)) text = text.replace(BLOCK_MARK, "");
  const parts: string[] = [];
  let from = 0;
  for (const { index, 0: whole, 2: code = "" } of text.matchAll(CODE)) {
    parts.push(plainWords(text.slice(from, index)), code);
    from = index + whole.length;
  }
  return [...parts, plainWords(text.slice(from))].join("").trim();
}

function plainWords(text: string): string {
  return text.replaceAll(LINK, "$1").replaceAll(EMPHASIS, "$2").replaceAll(EMPHASIS, "$2");
}
