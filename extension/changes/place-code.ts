// Which file a block of code is of, and where in it. Guessed from what a model has written: a
// person sees the outcome before it counts.
import type { CodeUse } from "../../webview/messages.ts";

/** With an ending, and without spaces. */
const NAMED =
  /(?:[\w.@+$~()[\]-]+[\\/])*[\w.@+$~()[\]-]*\.\w{1,16}|(?:[\w.-]+\/)*(?:Make|Docker|Gem)file/;
const WHOLE = new RegExp(`^(?:${NAMED.source})$`);

/** Names of files in what stands at the fence, in its first line, before it; the surest first. */
export function pathsIn({ info, text, hint }: Pick<CodeUse, "info" | "text" | "hint">): string[] {
  const atFence = info
    .split(/[\s{}]+/)
    .map((word) => /(?:title|file|filename|path)=["']?([^"']+)/.exec(word)?.[1] ?? word)
    .flatMap((word) => [word, word.slice(word.indexOf(":") + 1)])
    // A class, as in `{.ts}`.
    .filter((word) => !/^\.\w+$/.test(word));
  const [first = ""] = text.split("\n", 1);
  const comment =
    /^\s*(?:\/\/|#|--|;|\/\*|<!--)\s*(?:file(?:name)?:\s*)?(\S+?)\s*(?:\*\/|-->)?\s*$/i;
  const inFirst = comment.exec(first)?.[1] ?? "";
  const all = [...atFence, inFirst, hint.trim()].map((named) =>
    named.replace(/^\.\//, "").replaceAll("\\", "/"),
  );
  return [...new Set(all.filter((named) => WHOLE.test(named)))];
}

/** A line that stands for others: `// ... existing code ...`. */
export function leavesOut(code: string): boolean {
  return /^\s*(?:…|(?:\/\/|#|--|;|\/\*|<!--|\{\/\*)\s*(?:\.{3}|…))/m.test(code);
}

/** Of the lines that say something in a file, so many are in a block that is all of it. */
const MOST_OF_IT = 0.5;

/**
 * In the place of the lines from its first one to its last one, where that is clear; in the place
 * of all, where it is most of it. Undefined where nobody can know.
 */
export function placedIn(text: string, code: string): string | undefined {
  const lines = withEnds(text);
  const block = withEnds(code);
  const from = block.findIndex(isSaying);
  const told = block.slice(from, block.findLastIndex(isSaying) + 1);
  const place = placeOf(lines, told);
  if (place) {
    const { start, end } = place;
    const ending = /(?:\r?\n)?$/.exec(lines[end] ?? "")?.[0] ?? "";
    const put = told.join("").replace(/(?:\r?\n)?$/, ending);
    return lines.slice(0, start).join("") + put + lines.slice(end + 1).join("");
  }
  const said = lines.filter(isSaying).map((line) => line.trim());
  const inBlock = new Set(told.map((line) => line.trim()));
  const kept = said.filter((line) => inBlock.has(line)).length;
  if (kept < said.length * MOST_OF_IT) return undefined;
  // With an end only where the file has one.
  return text === "" || text.endsWith("\n") ? code : code.replace(/\r?\n$/, "");
}

/** Its first line has to be there once; of its last one the next counts. */
function placeOf(
  lines: readonly string[],
  told: readonly string[],
): { start: number; end: number } | undefined {
  const find = (wanted = "", from = 0): number[] =>
    lines.flatMap((line, n) => (n >= from && line.trimEnd() === wanted.trimEnd() ? [n] : []));
  const [start, ...more] = find(told[0]);
  if (start === undefined || more.length > 0) return undefined;
  const [end] = find(told.at(-1), told.length > 1 ? start + 1 : start);
  return end === undefined ? undefined : { start, end };
}

const isSaying = (line: string): boolean => line.trim() !== "";
const withEnds = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
