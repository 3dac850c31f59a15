// The places where a turn has changed a text, and what undoing some of them makes of the text as it
// is now, which a person may have changed since. Lines count with their ends; where only those of
// the whole file were changed since, what is put back takes them.
import { diffArrays } from "diff";
import { type LineEnd, linesOf } from "../../server/shared/line-changes.ts";

interface Line {
  text: string;
  end: LineEnd;
}

/** Lines, from 0, without the last. */
interface Span {
  from: number;
  to: number;
}

export interface Hunk {
  /** What it is stored by: both spans are of texts that never change. */
  id: string;
  before: Span;
  after: Span;
}

/** Where a hunk is in the text as it is now; undefined where somebody has changed it since. */
export interface Place {
  hunk: Hunk;
  at: Span | undefined;
  /** The text is there as it was before the turn. */
  isUndone: boolean;
}

/** So many lines that differ are taken as one place: what is beyond would take minutes. */
const MAX_EDITS = 1_000;

export function hunksOf(before: string, after: string): Hunk[] {
  return differences(keysOf(linesOf(before)), keysOf(linesOf(after)));
}

/** `before` with these hunks in it: where one looks for what is left to decide. */
export function withHunks(before: string, after: string, hunks: readonly Hunk[]): string {
  const made = linesOf(after);
  const put = hunks.map(({ before: at, after: { from, to } }) => ({
    at,
    lines: made.slice(from, to),
  }));
  return replaced(linesOf(before), put);
}

/** Where they are in `now`. */
export function placesOf(
  before: string,
  after: string,
  now: string,
  hunks: readonly Hunk[],
): Place[] {
  const [was, made, is] = [linesOf(before), linesOf(after), linesOf(now)];
  const same = sameLines(made.map(textOf), is.map(textOf));
  return hunks.map((hunk) => {
    const at = spanNow(hunk.after, same, made.length, is.length);
    if (at !== undefined) return { hunk, at, isUndone: false };
    const gap = gapNow(hunk.after, same, made.length, is.length);
    const old = was.slice(hunk.before.from, hunk.before.to).map(textOf);
    const there = gap && is.slice(gap.from, gap.to).map(textOf);
    return { hunk, at, isUndone: there !== undefined && isSame(there, old) };
  });
}

export interface Undoing {
  /** `now` without what was changed in the places that could be undone. */
  text: string;
  undone: Hunk[];
  /** Somebody has changed them since. */
  stuck: Hunk[];
}

/** `gone`: what was undone before. What is undone already, though nobody knew, counts as done. */
export function undoHunks(
  { before, after, now }: { before: string; after: string; now: string },
  wanted: readonly Hunk[],
  gone: ReadonlySet<string>,
): Undoing {
  const ids = new Set(wanted.map(({ id }) => id));
  const standing = hunksOf(before, after).filter(({ id }) => !gone.has(id));
  const left = standing.filter(({ id }) => !ids.has(id));
  // Exactly, where nobody has written since: among lines that repeat each other another place may
  // look like the one that is meant, or a second undoing take another one.
  for (const known of [left, standing]) {
    if (withHunks(before, after, known) !== now) continue;
    return { text: withHunks(before, after, left), undone: [...wanted], stuck: [] };
  }
  const places = placesOf(before, after, now, wanted);
  const isDone = ({ at, isUndone }: Place): boolean => at !== undefined || isUndone;
  return {
    text: withoutPlaces({ before, after, now }, places),
    undone: places.filter(isDone).map(({ hunk }) => hunk),
    stuck: places.filter((place) => !isDone(place)).map(({ hunk }) => hunk),
  };
}

function withoutPlaces(
  { before, after, now }: { before: string; after: string; now: string },
  places: readonly Place[],
): string {
  const [was, is] = [linesOf(before), linesOf(now)];
  const end = usualEnd(is);
  const isSameEnd = now === after || end === usualEnd(linesOf(after));
  const put = places.flatMap(({ hunk, at }) => {
    if (at === undefined) return [];
    const lines = was.slice(hunk.before.from, hunk.before.to);
    const fit = (line: Line): Line => (line.end === "" ? line : { ...line, end });
    return [{ at, lines: isSameEnd ? lines : lines.map(fit) }];
  });
  return put.length === 0 ? now : replaced(is, put);
}

function differences(was: readonly string[], will: readonly string[]): Hunk[] {
  const hunks: Hunk[] = [];
  let [i, j] = [0, 0];
  for (const [x, y] of [...sameLines(was, will), [was.length, will.length] as const]) {
    if (x > i || y > j) hunks.push(hunk({ from: i, to: x }, { from: j, to: y }));
    [i, j] = [x + 1, y + 1];
  }
  return hunks;
}

function hunk(before: Span, after: Span): Hunk {
  const id = `-${before.from},${before.to - before.from}+${after.from},${after.to - after.from}`;
  return { id, before, after };
}

/** Pairs of lines that stand in both, in order. */
function sameLines(a: readonly string[], b: readonly string[]): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  const changes = diffArrays([...a], [...b], { maxEditLength: MAX_EDITS });
  if (!changes) return sameAtEnds(a, b);
  let [i, j] = [0, 0];
  for (const { added, removed, value } of changes) {
    if (added) j += value.length;
    else if (removed) i += value.length;
    else for (const _ of value) pairs.push([i++, j++]);
  }
  return pairs;
}

function sameAtEnds(a: readonly string[], b: readonly string[]): (readonly [number, number])[] {
  const most = Math.min(a.length, b.length);
  let head = 0;
  while (head < most && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < most - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  return [
    ...Array.from({ length: head }, (_, n) => [n, n] as const),
    ...Array.from({ length: tail }, (_, n) => [a.length - tail + n, b.length - tail + n] as const),
  ];
}

/** Where a span of the first text stands whole in the second, between what stood around it. */
function spanNow(
  span: Span,
  same: readonly (readonly [number, number])[],
  length: number,
  lengthNow: number,
): Span | undefined {
  const now = new Map(same);
  if (span.from === span.to) {
    const gap = gapNow(span, same, length, lengthNow);
    return gap && gap.from === gap.to ? gap : undefined;
  }
  const from = now.get(span.from);
  if (from === undefined) return undefined;
  for (let n = 1; n < span.to - span.from; n += 1) {
    if (now.get(span.from + n) !== from + n) return undefined;
  }
  return { from, to: from + span.to - span.from };
}

/** What stands between the lines that stood around a span; undefined where they do not any more. */
function gapNow(
  { from, to }: Span,
  same: readonly (readonly [number, number])[],
  length: number,
  lengthNow: number,
): Span | undefined {
  const now = new Map(same);
  const above = from === 0 ? -1 : now.get(from - 1);
  const below = to === length ? lengthNow : now.get(to);
  return above === undefined || below === undefined ? undefined : { from: above + 1, to: below };
}

/** A line that was the last and is so no more gets an end: it would run into the next. */
function replaced(
  lines: readonly Line[],
  put: readonly { at: Span; lines: readonly Line[] }[],
): string {
  const next = [...lines];
  // From the last to the first, so that the places stay what they are.
  for (const one of put.toSorted((a, b) => b.at.from - a.at.from)) {
    next.splice(one.at.from, one.at.to - one.at.from, ...one.lines);
  }
  const usual = usualEnd(next);
  const last = next.length - 1;
  return next.map(({ text, end }, n) => text + (n < last ? end || usual : end)).join("");
}

function usualEnd(lines: readonly Line[]): LineEnd {
  const count = (end: LineEnd): number => lines.filter((line) => line.end === end).length;
  const [first] = (["\n", "\r\n", "\r"] as const).toSorted((a, b) => count(b) - count(a));
  return first ?? "\n";
}

const textOf = ({ text }: Line): string => text;
const keysOf = (lines: readonly Line[]): string[] => lines.map(({ text, end }) => text + end);

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, n) => line === other[n]);
}
