import assert from "node:assert/strict";
import fc from "fast-check";
import { type Hunk, hunksOf, undoHunks, withHunks } from "../../../extension/changes/hunks.ts";

/** Texts whose lines end in all ways, the last also in none, and repeat each other. */
const LINE = fc.constantFrom("a", "b", "c", "{", "}", "", "  a", "ä\u{1F600}");
const END = fc.constantFrom("\n", "\r\n", "\r");
const TEXT = fc
  .tuple(fc.array(fc.tuple(LINE, END), { maxLength: 12 }), fc.constantFrom("", "z"))
  .map(([lines, last]) => lines.flat().join("") + last);
/** One kind of ends in all of it, as most files are. */
const TIDY = fc
  .tuple(fc.array(LINE, { maxLength: 12 }), END, fc.boolean())
  .map(([lines, end, isEnded]) => lines.join(end) + (isEnded && lines.length > 0 ? end : ""));

const undo = (before: string, after: string, now: string, hunks: readonly Hunk[]): string =>
  undoHunks({ before, after, now }, hunks, new Set()).text;

const chosen = (hunks: readonly Hunk[], bits: number): [Hunk[], Hunk[]] => {
  const isIn = (_: Hunk, n: number): boolean => ((bits >> n) & 1) === 1;
  return [hunks.filter(isIn), hunks.filter((hunk, n) => !isIn(hunk, n))];
};

describe("the places of a change", () => {
  it("are undone in every choice of them, exactly, whatever the line ends", () => {
    fc.assert(
      fc.property(fc.oneof(TEXT, TIDY), fc.oneof(TEXT, TIDY), fc.nat(), (before, after, bits) => {
        const hunks = hunksOf(before, after);
        const [gone, left] = chosen(hunks, bits);
        assert.equal(undo(before, after, after, gone), withHunks(before, after, left));
        assert.equal(undo(before, after, after, hunks), before);
        assert.equal(withHunks(before, after, hunks), after);
      }),
      { numRuns: 2_000 },
    );
  });

  it("are undone one after another in any order, and once: what is undone is known to be", () => {
    const ORDER = fc.array(fc.nat(), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(TIDY, TIDY, ORDER, (before, after, order) => {
        const hunks = hunksOf(before, after);
        const shuffled = hunks
          .map((hunk, n) => ({ hunk, key: order[n] ?? 0 }))
          .toSorted((a, b) => a.key - b.key);
        let now = after;
        const gone = new Set<string>();
        for (const { hunk } of shuffled) {
          const { text, undone } = undoHunks({ before, after, now }, [hunk], gone);
          assert.deepEqual(undone, [hunk]);
          now = text;
          // Before anybody could store it.
          assert.equal(undoHunks({ before, after, now }, [hunk], gone).text, now);
          gone.add(hunk.id);
        }
        assert.equal(now, before);
      }),
      {
        numRuns: 500,
        // A diff of what is left takes another of these lines for the one that came.
        examples: [["a\r\nb\r\n  a\r\na\r\na", "b\r\na\r\nb", [0, 2, ...Array(10).fill(0)]]],
      },
    );
  });

  it("never cost a line that a person has written since, nor bring back one that they removed", () => {
    const WORK = fc.array(fc.record({ at: fc.nat(), remove: fc.nat(2), insert: fc.nat(2) }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(TIDY, TIDY, WORK, fc.nat(), (before, after, work, bits) => {
        const lines = after.split(/(?<=\r\n|\n|\r(?!\n))/);
        for (const [n, { at, remove, insert }] of work.entries()) {
          const own = Array.from({ length: insert }, (_, k) => `mine ${n} ${k}\n`);
          lines.splice(at % (lines.length + 1), remove, ...own);
        }
        const now = lines.join("");
        const hunks = hunksOf(before, after);
        const [gone] = chosen(hunks, bits);
        const result = undo(before, after, now, gone);
        const own = (text: string): string[] => text.match(/mine \d \d/g) ?? [];
        assert.deepEqual(own(result), own(now));
        const restored = gone.reduce((sum, { before: { from, to } }) => sum + to - from, 0);
        assert.ok(countLines(result) <= countLines(now) + restored);
      }),
      { numRuns: 1_000 },
    );
  });

  for (const [what, before, after, now, expected] of [
    [
      "in a file that was given other line ends since",
      "a\nb\nc\n",
      "a\nB\nc\n",
      "a\r\nB\r\nc\r\n",
      "a\r\nb\r\nc\r\n",
    ],
    [
      "at an end without a line feed, that got more lines since",
      "a\nb",
      "a\nb\nc\n",
      "a\nb\nc\nd\n",
      "a\nb\nd\n",
    ],
    [
      "after a last line that has lost its line feed since",
      "x\na\nb\n",
      "x\na\n",
      "x\na",
      "x\na\nb\n",
    ],
    [
      "beside lines that were written since",
      "a\nb\n",
      "a\nX\nb\n",
      "0\na\nX\nb\n1\n",
      "0\na\nb\n1\n",
    ],
    ["not where somebody has changed them", "a\nb\nc\n", "a\nB\nc\n", "a\nB!\nc\n", "a\nB!\nc\n"],
    [
      "not where somebody has written between",
      "a\nc\n",
      "a\nB\nB\nc\n",
      "a\nB\n!\nB\nc\n",
      "a\nB\n!\nB\nc\n",
    ],
    [
      "not where lines were taken out and others stand now",
      "a\nb\nc\n",
      "a\nc\n",
      "a\n!\nc\n",
      "a\n!\nc\n",
    ],
    ["down to nothing", "", "a\n", "a\n", ""],
    ["back from nothing", "a\r\nb", "", "", "a\r\nb"],
  ] as const) {
    it(`are undone ${what}`, () => {
      assert.equal(undo(before, after, now, hunksOf(before, after)), expected);
    });
  }

  it("are found in texts of very different lines, too, in a moment", () => {
    const text = (word: string): string =>
      Array.from({ length: 20_000 }, (_, n) => `${word} ${n}\n`).join("");
    const [before, after] = [`head\n${text("old")}`, `head\n${text("new")}`];
    const start = performance.now();
    const hunks = hunksOf(before, after);
    assert.deepEqual(
      hunks.map(({ id }) => id),
      ["-1,20000+1,20000"],
    );
    assert.equal(undo(before, after, after, hunks), before);
    assert.ok(performance.now() - start < 10_000);
  });
});

const countLines = (text: string): number => (text.match(/\r\n|\n|\r|[^\r\n]$/g) ?? []).length;
