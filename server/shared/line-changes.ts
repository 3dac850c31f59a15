// What becomes of the lines of a text: which stay, go and come. Also where only
// the end of a line changes.

/** Of a change, so that it is read in a chat; the editor has all of it. */
export const MAX_SHOWN_LINES = 200;

export type LineEnd = "\n" | "\r\n" | "\r" | "";

export interface ChangedLine {
  sign: "+" | "-" | " ";
  text: string;
  /** "" at the end of a text without one. */
  end: LineEnd;
}

const LINE = /([^\r\n]*)(\r\n|\n|\r|$)/g;

/** With its end each; what follows the last end is a line only if there is something. */
export function linesOf(text: string): Omit<ChangedLine, "sign">[] {
  return [...text.matchAll(LINE)]
    .map(([, body = "", end = ""]) => ({ text: body, end: end as LineEnd }))
    .filter(({ text, end }) => text !== "" || end !== "");
}

export function lineChanges(before: string, after: string): ChangedLine[] {
  const [was, will] = [linesOf(before), linesOf(after)];
  const key = ({ text, end }: Omit<ChangedLine, "sign">): string => text + end;
  const changes: ChangedLine[] = [];
  let [i, j] = [0, 0];
  const upTo = (x: number, y: number): void => {
    for (const line of was.slice(i, x)) changes.push({ sign: "-", ...line });
    for (const line of will.slice(j, y)) changes.push({ sign: "+", ...line });
    [i, j] = [x + 1, y + 1];
  };
  for (const [x, y] of sameLines(was.map(key), will.map(key))) {
    upTo(x, y);
    const line = was[x];
    if (line) changes.push({ sign: " ", ...line });
  }
  upTo(was.length, will.length);
  return changes;
}

export function countChanges(before: string, after: string): { added: number; removed: number } {
  return countSigns(lineChanges(before, after));
}

export function countSigns(all: readonly ChangedLine[]): { added: number; removed: number } {
  const count = (sign: ChangedLine["sign"]): number =>
    all.filter((line) => line.sign === sign).length;
  return { added: count("+"), removed: count("-") };
}

/** Above that many comparisons only the lines at both ends are looked at. */
const MAX_COMPARED = 4_000_000;

/** Pairs of places of lines that a change leaves as they are, in order. */
export function sameLines(
  a: readonly string[],
  b: readonly string[],
): (readonly [number, number])[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  const most = Math.min(a.length, b.length) - head;
  while (tail < most && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const range = (length: number, toPair: (index: number) => readonly [number, number]) =>
    Array.from({ length }, (_, index) => toPair(index));
  return [
    ...range(head, (index) => [index, index]),
    ...longest(a.slice(head, a.length - tail), b.slice(head, b.length - tail)).map(
      ([x, y]) => [x + head, y + head] as const,
    ),
    ...range(tail, (index) => [a.length - tail + index, b.length - tail + index]),
  ];
}

/** The longest common subsequence. */
function longest(a: readonly string[], b: readonly string[]): (readonly [number, number])[] {
  const width = b.length + 1;
  if (a.length * b.length === 0 || a.length * b.length > MAX_COMPARED) return [];
  const lengths = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: (readonly [number, number])[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return pairs;
}
