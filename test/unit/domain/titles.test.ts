// What a chat is called: its first words, with each sign that belongs to them.
import assert from "node:assert/strict";
import { titleFrom, titleOfCopy } from "../../../server/domain/titles.ts";

describe("the title of a chat", () => {
  for (const said of [
    "Explain C# and F#",
    "Why a->b and a > b?",
    "List<Map<String, int>> fails",
    "#include <stdio.h> is missing",
    "*args and **kwargs in Python",
    "src/**/x/** and *.ts",
    "2**3 and a*b*c",
    "__init__ and snake_case",
    ">=3 fails",
  ]) {
    it(`keeps ${said}`, () => assert.equal(titleFrom(said), said));
  }

  for (const [said, title] of [
    ["# A heading", "A heading"],
    ["> - **Note:** *really* `a*b`", "Note: really a*b"],
    ["这是**重点**吗", "这是重点吗"],
    ["```js\n# a()\n```\nWhat is wrong?", "# a()"],
    ["---\n\n[docs](https://e.org/a_(b)) are old", "docs are old"],
    ["```\n```\n#", "New chat"],
    ["\u200B\u2060\n\u3164\nseen", "seen"],
    ["a\u0007b\u001B[31m", "a b [31m"],
  ] as const) {
    it(`is ${title} of ${JSON.stringify(said)}`, () => assert.equal(titleFrom(said), title));
  }
});

describe("the title of a copy", () => {
  for (const [title, others, copy] of [
    ["Notes", [], "Notes (2)"],
    ["Notes", ["Notes (2)", "Notes (3)", "Notes (5)"], "Notes (4)"],
    ["Notes (2)", ["Notes"], "Notes (3)"],
    ["Notes (3)", ["Notes (2)"], "Notes (4)"],
    ["Windows (11)", ["Windows (11)", "Windows 10", "Windows"], "Windows (2)"],
    ["Windows (11)", ["Windows (11)", "Windows 10"], "Windows (11) (2)"],
    ["f(2)", ["f"], "f(2) (2)"],
    ["New chat", ["New chat"], "New chat"],
    ["x".repeat(200), [], `${"x".repeat(196)} (2)`],
    [`${"x".repeat(195)}😀x`, [], `${"x".repeat(195)} (2)`],
  ] as const) {
    it(`is ${copy.slice(-30)} of ${title.slice(-30)} beside ${JSON.stringify(others)}`, () =>
      assert.equal(titleOfCopy(title, [title, ...others]), copy));
  }
});
