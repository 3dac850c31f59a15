import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_BLOCK, MarkdownDocument, type Progress } from "../../../webview/markdown/document.ts";
import type { Piece } from "../../../webview/markdown/pieces.ts";
import { createMarkdown } from "../../../webview/markdown/syntax/parser.ts";

const md = createMarkdown("image");

function toHtml(pieces: readonly Piece[]): string {
  return pieces
    .map((piece) => {
      switch (piece.kind) {
        case "html":
          return piece.html;
        case "group":
          return piece.open + piece.children.join("") + piece.close;
        case "code":
          return `<pre data-language="${md.utils.escapeHtml(piece.language)}" data-info="${md.utils.escapeHtml(piece.info)}"${piece.open ? ' data-open=""' : ""}><code>${md.utils.escapeHtml(piece.code)}</code></pre>\n`;
        case "plain":
          return `<plain>${piece.text}</plain>`;
      }
    })
    .join("");
}

/** All steps, as a reader with time would see them. */
function advance(document: MarkdownDocument, text: string, isFinal: boolean): Progress {
  let changedFrom = Number.POSITIVE_INFINITY;
  for (;;) {
    const step = document.advance(text, isFinal);
    changedFrom = Math.min(changedFrom, step.changedFrom);
    if (!step.more) return { ...step, changedFrom };
  }
}

function streamed(text: string, cuts: readonly number[]): string {
  const document = new MarkdownDocument(md);
  for (const cut of cuts) document.advance(text.slice(0, cut), false);
  return toHtml(advance(document, text, true).pieces);
}

const LINES = [
  "",
  "",
  "",
  "text",
  "more *text* here",
  "**bold",
  "end** of it",
  "# heading",
  "#",
  "#tag",
  "===",
  "---",
  "- item",
  "- ",
  "* other",
  "  continued",
  "    indented",
  "1. one",
  "2. two",
  "10) ten",
  "- [x] done",
  "```",
  "```ts",
  "```markdown",
  "```markdown",
  "```",
  "````",
  "Run:",
  "  ```md",
  "~~~",
  "~~~~",
  "    ```",
  "> quote",
  "> - in it",
  ">",
  "lazy",
  "| a | b |",
  "|---|:-:|",
  "| 1 | 2 |",
  "a | b",
  "-|-",
  "[ref]: https://e.example/1",
  "[ref]:",
  "https://e.example/2",
  '"title',
  'goes on"',
  "see [ref] and [other]",
  "[other]: <https://e.example/3> 'x'",
  "![pic](https://e.example/p)",
  "[l](javascript:alert(1))",
  "&amp; &copy; &#x41;",
  "`code",
  "span`",
  "<b>html</b>",
  "\t- tab",
  "\u202Ebidi",
  'done\n\n[late]: https://e.example/4\n"title\ngoes on"\n[late]',
  "text\n#tag",
  "text\n\n-\n--",
  "[late] and [ref]",
  "***",
  "- - nested",
  "\\",
  "line\\",
  "two  ",
  "これは**「重要」**な",
  "**Важно:**текст",
  "see https://e.example/a_b. And",
  "(https://e.example/x) <br>here",
  "a<br>b",
  "$$",
  "$$",
  "\\[",
  "\\]",
  "  $$",
  "> $$",
  "$$x_1$$",
  "x = *1*",
  "a $x_1$, $5 and \\(y*z\\) **b",
  "open \\(a_1 *b",
  "\u00A0",
];
const documents = fc
  .array(fc.tuple(fc.constantFrom(...LINES), fc.constantFrom("\n", "\n", "\n", "\r\n", "\n\n")), {
    maxLength: 30,
  })
  .map((lines) => lines.flat().join(""));
const cutsOf = (text: string) =>
  fc
    .uniqueArray(fc.nat(text.length), { maxLength: 40 })
    .map((cuts) => cuts.toSorted((a, b) => a - b));

const ROWS = [
  "| 1 | 2 |",
  "| **bold | end** |",
  "| `a | b` | c |",
  "| [ref] | [late] |",
  "| \\(a_1 *b | $x |",
  "1 | 2 | 3",
  "only one",
  "| | |",
  "|---|---|",
  "  | in | it |",
  "| [l](https://e.exa | x |",
  "[ref]: https://e.example/1",
];
/** Longer than what is held of a table at once, with what there may be before and behind it. */
const withTables = fc
  .tuple(
    documents,
    fc.constantFrom("", "\n", "\n\n", "text\n", "# heading\n", "[late]: https://e.example/4\n"),
    fc.array(fc.constantFrom(...ROWS), { minLength: 20, maxLength: 60 }),
    fc.constantFrom("\n", "\r\n"),
    fc.constantFrom("", "\n", "\n\n", "# heading\n", "```\n", "\n[late]: https://e.example/5\n"),
    documents,
  )
  .map(([before, gap, rows, end, behind, after]) =>
    [before, gap, ["| a | b |", "|---|:-:|", ...rows, ""].join(end), behind, after].join(""),
  );

describe("a streamed Markdown document", () => {
  it("ends as the whole text rendered at once, however it was cut", () => {
    fc.assert(
      fc.property(
        documents.chain((text) => fc.tuple(fc.constant(text), cutsOf(text))),
        ([text, cuts]) => {
          assert.equal(streamed(text, cuts), md.render(text));
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it("ends the same when it comes character by character", () => {
    fc.assert(
      fc.property(documents, (text) => {
        const cuts = Array.from({ length: text.length }, (_, index) => index);
        assert.equal(streamed(text, cuts), md.render(text));
      }),
      { numRuns: 200 },
    );
  });

  it("ends the same with long tables", () => {
    fc.assert(
      fc.property(
        withTables.chain((text) => fc.tuple(fc.constant(text), cutsOf(text))),
        ([text, cuts]) => {
          assert.equal(streamed(text, cuts), md.render(text));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("shows a long table at each moment as its text is", () => {
    const rows = Array.from({ length: 200 }, (_, row) => `| ${row} | \`a\` | *b* ${row} |\n`);
    const text = `before\n\n| n | a | b |\n|---|---|---|\n${rows.join("")}`;
    const document = new MarkdownDocument(md);
    for (let cut = 1; cut <= text.length; cut += 37) {
      const whole = advance(new MarkdownDocument(md), text.slice(0, cut), false);
      const grown = advance(document, text.slice(0, cut), false);
      assert.equal(toHtml(grown.pieces), toHtml(whole.pieces));
    }
  });

  it("parses of a long table no more than its last rows", () => {
    const rows = Array.from(
      { length: 900 },
      (_, row) => `| ${row} | some words | more of them |\n`,
    );
    const text = `| n | a | b |\n|---|---|---|\n${rows.join("")}`;
    let longest = 0;
    const counting = Object.create(md) as typeof md;
    counting.parse = (part, env) => {
      longest = Math.max(longest, part.length);
      return md.parse(part, env);
    };
    const document = new MarkdownDocument(counting);
    for (let cut = 50; cut < text.length; cut += 50) advance(document, text.slice(0, cut), false);
    assert.ok(toHtml(advance(document, text, true).pieces) === md.render(text));
    assert.ok(text.length > 30_000 && longest < 1_500, `${longest} characters at once`);
  });

  it("says from where on it changed", () => {
    fc.assert(
      fc.property(
        documents.chain((text) => fc.tuple(fc.constant(text), cutsOf(text))),
        ([text, cuts]) => {
          const document = new MarkdownDocument(md);
          let shown: Piece[] = [];
          for (const cut of [...cuts, text.length]) {
            const { pieces, changedFrom } = advance(document, text.slice(0, cut), false);
            shown = [...shown.slice(0, changedFrom), ...pieces.slice(changedFrom)];
            assert.equal(toHtml(shown), toHtml(pieces));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("is done in small steps", () => {
    const text = "paragraph of some length\n\n".repeat(4_000);
    const document = new MarkdownDocument(md);
    let steps = 1;
    let progress = document.advance(text, true);
    while (progress.more) {
      steps += 1;
      progress = document.advance(text, true);
    }
    assert.ok(toHtml(progress.pieces) === md.render(text));
    assert.ok(steps > 20, `${steps} steps`);
  });

  it("shows a block beyond all measure as plain text, streamed or not", () => {
    const text = `before\n\n${"one long paragraph\n".repeat(4_000)}**y**\n\nafter`;
    const expected = `<p>before</p>\n<plain>${text.slice(8)}</plain>`;
    // Not assert.equal, whose report would be as long as the text.
    assert.ok(streamed(text, [5, 9, 5_000, 40_000, MAX_BLOCK, MAX_BLOCK + 20]) === expected);
    assert.ok(streamed(text, []) === expected);
    assert.ok(text.length > MAX_BLOCK);
  });

  it("does not show a closing fence while it is half there", () => {
    const document = new MarkdownDocument(md);
    const { pieces } = document.advance("```js\nlet a\n``", false);
    assert.deepEqual(pieces, [
      { kind: "code", language: "js", info: "js", code: "let a\n", open: true },
    ]);
  });
});
