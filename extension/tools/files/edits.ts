// Changes of text, without a file. A model reads and writes line feeds and U+FFFD; the
// line ends and the stray bytes of a file (`utf8.ts`) stay what they are wherever a
// change does not touch them.
import { sameLines } from "../../../server/shared/line-changes.ts";
import { hasStrays, withoutStrays } from "./utf8.ts";

export interface Edit {
  old_text: string;
  new_text: string;
}

/**
 * Line ends as one character each, so that a place in the text is the same
 * place in what a model reads.
 */
const CRLF = "\udc0d";
const CR = "\udc0e";
/** With `u`, since these are also halves of emoji. */
const END = /[\n\udc0d\udc0e]/gu;
const AFTER_END = /(?<=[\n\udc0d\udc0e])/u;

const mark = (text: string): string => text.replaceAll("\r\n", CRLF).replaceAll("\r", CR);
const unmark = (text: string): string => text.replace(/\udc0d/gu, "\r\n").replace(/\udc0e/gu, "\r");
const plain = (text: string): string => text.replaceAll(/\r\n?/g, "\n");
const shown = (marked: string): string => withoutStrays(marked.replace(END, "\n"));

/** A file's text as a model reads it. */
export const shownText = (text: string): string => withoutStrays(plain(text));

/** Applies the edits one after another. Throws with the reason, and then nothing counts. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let marked = mark(text);
  for (const [index, { old_text, new_text }] of edits.entries()) {
    const where = `edits[${index}].old_text`;
    if (old_text === "") throw new Error(`${where} is empty. To make a file use write_file.`);
    const seen = shown(marked);
    const wanted = plain(old_text);
    const first = seen.indexOf(wanted);
    if (first < 0) {
      throw new Error(`${where} is not in the file. Read it again and copy the text exactly.`);
    }
    if (seen.indexOf(wanted, first + 1) >= 0) {
      throw new Error(`${where} is in the file more than once. Take more of the lines around it.`);
    }
    const end = first + wanted.length;
    const put = weave(marked.slice(first, end), plain(new_text), endAt(marked, first));
    marked = marked.slice(0, first) + put + marked.slice(end);
  }
  return unmark(marked);
}

/** A whole new text in the place of `text`, with its line ends. */
export function rewrite(text: string, content: string): string {
  const marked = mark(text);
  const ends = marked.match(END);
  const place = ends?.at(-1) ?? (content.includes("\r\n") ? CRLF : "\n");
  return unmark(weave(marked, plain(content), place));
}

/** The line end of the line at `at`; in the last line that of the one before. */
function endAt(marked: string, at: number): string {
  END.lastIndex = at;
  const next = END.exec(marked)?.[0];
  END.lastIndex = 0;
  return next ?? marked.slice(0, at).match(END)?.at(-1) ?? "\n";
}

interface Line {
  body: string;
  /** "" at the end of a text without one. */
  end: string;
}

function toLines(text: string): Line[] {
  if (text === "") return [];
  return text.split(AFTER_END).map((line) => {
    const end = line.match(END)?.[0] ?? "";
    return { body: end === "" ? line : line.slice(0, -1), end };
  });
}

const keyOf = ({ body, end }: Line): string => withoutStrays(body) + (end === "" ? "" : "\n");

/**
 * `fresh` with the line ends and stray bytes of `old`; what is new takes the line ends of its
 * place.
 */
function weave(old: string, fresh: string, place: string): string {
  const was = toLines(old);
  const will = toLines(fresh);
  const woven: Line[] = [];
  let [i, j] = [0, 0];
  const same = sameLines(was.map(keyOf), will.map(keyOf));
  for (const [keptOld, keptNew] of [...same, [was.length, will.length] as const]) {
    const before = woven.at(-1)?.end || was[keptOld]?.end || place;
    woven.push(...weaveHunk(was.slice(i, keptOld), will.slice(j, keptNew), before, place));
    const kept = was[keptOld];
    if (kept) woven.push(kept);
    [i, j] = [keptOld + 1, keptNew + 1];
  }
  return woven.map(({ body, end }) => body + end).join("");
}

function weaveHunk(old: Line[], fresh: Line[], before: string, place: string): Line[] {
  const bodies = keepStrays(old, fresh);
  let last = before;
  return fresh.map(({ end }, index) => {
    const was = old[index];
    if (was?.end === "") last = place;
    else if (was) last = was.end;
    return { body: bodies[index] ?? "", end: end === "" ? "" : last };
  });
}

const UNREADABLE = /[\ufffd\u{dc80}-\u{dcff}]/gu;

/** The bytes that a model has seen as U+FFFD, in the places where it wrote that back. */
function keepStrays(old: readonly Line[], fresh: readonly Line[]): string[] {
  const bodies = fresh.map(({ body }) => body);
  const lost = old.flatMap(({ body }) => body.match(UNREADABLE) ?? []);
  if (!lost.some(hasStrays)) return bodies;
  const written = bodies.join("").match(/\ufffd/g)?.length ?? 0;
  if (written !== 0 && written !== lost.length) {
    throw new Error(
      "The text has bytes that cannot be read, shown as U+FFFD, and it is not clear which of them are to be kept. " +
        "Change fewer lines at once, and leave U+FFFD as it is or out.",
    );
  }
  let next = 0;
  return bodies.map((body) => body.replace(/\ufffd/g, (char) => lost[next++] ?? char));
}

/**
 * The lines `from` to `to`, counted from 1, as many as fit into `max`
 * characters, and a word on the rest.
 */
export function linesOf(text: string, from: number, to: number | undefined, max: number): string {
  const lines = text.split("\n");
  const first = Math.max(1, from);
  if (first > lines.length) return `[The file has ${lines.length} lines.]`;
  const last = Math.min(lines.length, to ?? lines.length);
  const kept: string[] = [];
  let size = 0;
  for (const line of lines.slice(first - 1, last)) {
    size += line.length + 1;
    if (size > max && kept.length > 0) break;
    kept.push(line.length > max ? `${line.slice(0, max)} [… the line goes on …]` : line);
  }
  const end = first + kept.length - 1;
  const whole = first === 1 && end === lines.length;
  const note = whole ? "" : `[Lines ${first} to ${end} of ${lines.length}.]\n`;
  return note + kept.join("\n");
}
