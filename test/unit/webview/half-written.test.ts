import assert from "node:assert/strict";
import fc from "fast-check";
import { closeMarks } from "../../../webview/markdown/half-written.ts";

const CASES: [given: string, shown: string][] = [
  ["plain text", "plain text"],
  ["**bo", "**bo**"],
  ["**bold** and **mo", "**bold** and **mo**"],
  ["**bold ", "**bold**"],
  ["text **", "text"],
  ["a *b **c", "a *b **c***"],
  ["see `cod", "see `cod`"],
  ["see `co*d", "see `co*d`"],
  ["`a` and ``b`", "`a` and ``b```"],
  ["~~old", "~~old~~"],
  ["_word", "_word_"],
  ["snake_case_name", "snake_case_name"],
  ["2 * 3 * 4", "2 * 3 * 4"],
  ["[the docs](https://exam", "the docs"],
  ["![a cat](htt", "a cat"],
  ["[the docs](https://e.example) **x", "[the docs](https://e.example) **x**"],
  ["* item", "* item"],
  ["- **item", "- **item**"],
  ["***", "***"],
  ["done **here**.\n\n*next", "done **here**.\n\n*next*"],
  ["\\*not", "\\*not"],
  ["one **two\nthree", "one **two\nthree**"],
  ["| a | **b", "| a | **b**"],
  ["\\(a *b", "\\(a *b"],
  ["**x** $$a *b", "**x** $$a *b"],
  ["$x^*$ and **bo", "$x^*$ and **bo**"],
  ["\\[x *y\\] **bo", "\\[x *y\\] **bo**"],
  ["costs $5 and **bo", "costs $5 and **bo**"],
];

describe("a half-written paragraph", () => {
  for (const [given, shown] of CASES) {
    it(`${JSON.stringify(given)} is shown as ${JSON.stringify(shown)}`, () => {
      assert.equal(closeMarks(given), shown);
    });
  }

  it("keeps everything before its last paragraph", () => {
    const pieces = fc.constantFrom(
      "*",
      "**",
      "`",
      "_",
      "[x](",
      "\n",
      "\n\n",
      " ",
      "word",
      "- ",
      "\\",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), (all) => {
        const text = `**first** paragraph\n\n${all.join("")}`;
        assert.ok(closeMarks(text).startsWith("**first** paragraph"));
      }),
    );
  });
});
