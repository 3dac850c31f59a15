import assert from "node:assert/strict";
import fc from "fast-check";
import { nextSentences } from "../../../webview/components/announcer.ts";

/** All that is said while `text` grows by the given steps. */
function said(text: string, steps: readonly number[]): string {
  let from = 0;
  const all: string[] = [];
  for (const step of [...steps, text.length]) {
    const isOver = step === text.length;
    const { sentences, length } = nextSentences(text.slice(0, step), from, isOver, "Code.");
    from = length;
    all.push(...sentences);
    if (isOver) break;
  }
  return all.join(" ");
}

describe("what a screen reader is told of a growing answer", () => {
  it("is whole sentences, not tokens", () => {
    assert.deepEqual(nextSentences("One two. Three fo", 0, false, "Code."), {
      sentences: ["One two."],
      length: 9,
    });
    assert.deepEqual(nextSentences("One two. Three fo", 9, false, "Code.").sentences, []);
    assert.deepEqual(nextSentences("One two. Three fo", 9, true, "Code.").sentences, ["Three fo"]);
  });

  it("names code instead of reading it, and waits until it is closed", () => {
    const text = "Look:\n\n```ts\nlet a = 1;\nlet b = 2;\n```\n\nDone.";
    const open = nextSentences(text.slice(0, 30), 0, false, "Code.");
    assert.deepEqual(open.sentences, ["Look:"]);
    assert.deepEqual(nextSentences(text, open.length, true, "Code.").sentences, ["Code. Done."]);
  });

  it("leaves the marks of Markdown out", () => {
    const text =
      "## Title\n\n- **bold** and `code`\n- [text](https://e.example/x)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
    assert.equal(said(text, []), "Title bold and code text a b 1 2");
  });

  it("is the same words however the answer arrives", () => {
    const text = "First one. Second two!\n\n```js\nx()\n```\n\nThird three? Last.";
    fc.assert(
      fc.property(fc.array(fc.nat(text.length - 1)), (steps) => {
        assert.equal(
          said(
            text,
            steps.toSorted((a, b) => a - b),
          ),
          said(text, []),
        );
      }),
    );
  });
});
