// Markdown as models write it, where CommonMark alone would read it otherwise than it is meant.
import assert from "node:assert/strict";
import { createMarkdown } from "../../../webview/markdown/syntax/parser.ts";

const md = createMarkdown("image");
const inline = (text: string): string => md.renderInline(text);
const linkTo = (href: string, text = href): string => `<a href="${href}">${text}</a>`;

function checkAll(cases: readonly (readonly [given: string, shown: string])[]): void {
  for (const [given, shown] of cases) assert.equal(inline(given), shown, given);
}

describe("emphasis beside other scripts and left-out spaces", () => {
  it("is read where a mark stands inside or outside of it", () =>
    checkAll([
      ["这是**术语**的", "这是<strong>术语</strong>的"],
      ["这是**“术语”**的说明。", "这是<strong>“术语”</strong>的说明。"],
      ["**该文本。**后面", "<strong>该文本。</strong>后面"],
      ["**標記（x）**は", "<strong>標記（x）</strong>は"],
      ["**标记（x）**is", "<strong>标记（x）</strong>is"],
      ['한국어 **"강조"**입니다', "한국어 <strong>&quot;강조&quot;</strong>입니다"],
      ["**「A」**なので**「B」**", "<strong>「A」</strong>なので<strong>「B」</strong>"],
      ["「A」**なので**「B」", "「A」<strong>なので</strong>「B」"],
      ["*「斜」*だ ***「強」***だ", "<em>「斜」</em>だ <em><strong>「強」</strong></em>だ"],
      ["~~「旧」~~新", "<s>「旧」</s>新"],
      ["**Важно:**текст", "<strong>Важно:</strong>текст"],
      ["слово**«Важно»**, да", "слово<strong>«Важно»</strong>, да"],
      ["**Note:**text", "<strong>Note:</strong>text"],
      ["**𠮷（x）**𠮷", "<strong>𠮷（x）</strong>𠮷"],
    ]));

  it("is not made of powers, globs and arguments", () => {
    for (const text of [
      "f(**kwargs) and g(**opts)",
      "x**(2) + y**(3)",
      "(2)**y and (3)**z",
      "2 ** 3 ** 4",
      "a * b * c",
      "大约 ** 3 ** 天",
    ]) {
      assert.equal(inline(text), text);
    }
  });
});

describe("bare addresses", () => {
  it("are links up to where the sentence goes on", () =>
    checkAll([
      [
        "See https://e.example/a?x=1&y=2 now",
        `See ${linkTo("https://e.example/a?x=1&amp;y=2")} now`,
      ],
      ["at http://localhost:3000/x.", `at ${linkTo("http://localhost:3000/x")}.`],
      ["(see https://e.example/a_(b)).", `(see ${linkTo("https://e.example/a_(b)")}).`],
      ["[x https://e.example/y] z", `[x ${linkTo("https://e.example/y")}] z`],
      ["https://e.example/a_b_c!", `${linkTo("https://e.example/a_b_c")}!`],
      ["**https://e.example**", `<strong>${linkTo("https://e.example")}</strong>`],
      ["“https://e.example”", `“${linkTo("https://e.example")}”`],
      ["https://e.example/docs（说明）", `${linkTo("https://e.example/docs")}（说明）`],
      ["见https://e.example/docs了解", `见${linkTo("https://e.example/docs")}了解`],
      ["https://e.example，然后", `${linkTo("https://e.example")}，然后`],
      [
        "https://e.example/вики.",
        `${linkTo(encodeURI("https://e.example/вики"), "https://e.example/вики")}.`,
      ],
      [
        "https://e.example/北京。",
        `${linkTo(encodeURI("https://e.example/北京"), "https://e.example/北京")}。`,
      ],
      ["[https://a.example](https://b.example)", linkTo("https://b.example", "https://a.example")],
    ]));

  it("are made of what begins with www and of mail addresses, up to where they end", () =>
    checkAll([
      [
        "see www.e.example/a_b_c.",
        `see ${linkTo("http://www.e.example/a_b_c", "www.e.example/a_b_c")}.`,
      ],
      ["访问www.e.example查看", `访问${linkTo("http://www.e.example", "www.e.example")}查看`],
      ["Ask me@e.example.", `Ask ${linkTo("mailto:me@e.example", "me@e.example")}.`],
      [
        "(mailto:a.b+c@e.example)",
        `(${linkTo("mailto:a.b+c@e.example", "mailto:a.b+c@e.example")})`,
      ],
      [
        "**me@e.example**, <me@e.example>",
        `<strong>${linkTo("mailto:me@e.example", "me@e.example")}</strong>, ${linkTo("mailto:me@e.example", "me@e.example")}`,
      ],
      ["[www.a.example](https://b.example)", linkTo("https://b.example", "www.a.example")],
    ]));

  it("are not made of code, file names and what leads elsewhere", () =>
    checkAll([
      ["`https://e.example`", "<code>https://e.example</code>"],
      ["main.rs README.md e.example www. www.x", "main.rs README.md e.example www. www.x"],
      ["`www.e.example` `a@e.example`", "<code>www.e.example</code> <code>a@e.example</code>"],
      ["pkg@1.2.3 @types/node@20.1.0 me@host", "pkg@1.2.3 @types/node@20.1.0 me@host"],
      ["git@e.example:a/b.git me@e.example/x", "git@e.example:a/b.git me@e.example/x"],
      [
        "javascript:alert(1) javascript://e.example/%0aalert(1)",
        "javascript:alert(1) javascript://e.example/%0aalert(1)",
      ],
      ["file:///etc/passwd vscode://a.b/c", "file:///etc/passwd vscode://a.b/c"],
      ["xhttps://e.example", "xhttps://e.example"],
      ["https://bank.example@e.example/", "https://bank.example@e.example/"],
      ["https://user:pw@e.example", "https://user:pw@e.example"],
      ["https://", "https://"],
      ["http://[", "http://["],
    ]));
});

describe("<br>", () => {
  it("breaks the line in cells and between words, and stays text where it is meant", () => {
    assert.match(
      md.render("| a |\n|---|\n| x<br>y <br/> z `<br>` |"),
      /<td>x<br>\ny <br>\n z <code>/,
    );
    checkAll([
      ["one<br>two<BR />", "one<br>\ntwo<br>\n"],
      ["the <br> tag", "the &lt;br&gt; tag"],
      ["`<br>`", "<code>&lt;br&gt;</code>"],
      ['<br onclick="x">', "&lt;br onclick=&quot;x&quot;&gt;"],
    ]);
  });
});

describe("cells", () => {
  const rows = (text: string): string[] =>
    [...md.render(text).matchAll(/<tr>\n([^]*?)\n<\/tr>/g)].map(([, row = ""]) =>
      row.replaceAll(/<\/?t[dh][^>]*>/g, "|").replaceAll("|\n|", "|"),
    );
  const table = (...lines: string[]): string[] =>
    rows(["| a | b |", "|---|---|", ...lines].join("\n")).slice(1);

  it("keep the bars of formulas and code, where the row would have too many", () => {
    assert.deepEqual(
      table(
        "| $|x|$ | y |",
        "| \\(|x|\\) | `a|b` |",
        "| $P(A|B)$ | $$|z|^2$$ |",
        "| `a || b` | or",
      ),
      [
        `|${formula("$|x|$")}|y|`,
        `|${formula("\\(|x|\\)")}|<code>a|b</code>|`,
        `|${formula("$P(A|B)$")}|${formula("$$|z|^2$$", true)}|`,
        "|<code>a || b</code>|or|",
      ],
    );
    assert.deepEqual(table("| $5 | $6 |", "| `a | b` |", "| 1 | 2 | 3 |", "| x \\| y | z |"), [
      "|$5|$6|",
      "|`a|b`|",
      "|1|2|",
      "|x | y|z|",
    ]);
    assert.deepEqual(rows("| `x|y` | b |\n|---|---|\n| 1 | 2 |")[0], "|<code>x|y</code>|b|");
    assert.match(
      md.render("> - | a | b |\n>   |---|---|\n>   | `x|y` | z |"),
      /<code>x\|y<\/code><\/td>\n<td>z/,
    );
    const code = "| a | b |\n|---|---|\n| `x|y` | z |\n";
    assert.match(md.render(`\`\`\`\n${code}\`\`\``), /\| `x\|y` \| z \|\n<\/code>/);
  });

  it("leave the bars of what stands right behind a table, or behind what is none", () => {
    const code = "echo `a | b | c`";
    for (const above of ["| a | b |\n|---|---|\n| 1 | 2 |", "---\n-|-"]) {
      for (const fence of ["```sh", "~~~ x|y `a|b`"]) {
        const shown = md.render(`${above}\n${fence}\n${code}\n${fence.slice(0, 3)}`);
        assert.ok(shown.includes(code), shown);
        assert.doesNotMatch(shown, /\uFDD0/);
      }
    }
  });

  it("have the items of a list one below the other", () => {
    assert.deepEqual(table("| - **x** one<br>- two | - [ ] t<br/>- [x] u - v |"), [
      "|• <strong>x</strong> one<br>\n• two|☐ t<br>\n☑ u - v|",
    ]);
  });
});

describe("small marks", () => {
  it("are footnotes, their texts apart, and elements that Markdown has no word for", () => {
    assert.equal(
      md.render("So[^1] it is[^2].\n\n[^1]: https://e.example\n[^2]: The *text*\n"),
      `<p>So<sup>1</sup> it is<sup>2</sup>.</p>\n<p><sup>1</sup> ${linkTo("https://e.example")}</p>\n` +
        "<p><sup>2</sup> The <em>text</em></p>\n",
    );
    checkAll([
      ["[^x] [^a-z]+ `[^1]`", "[^x] [^a-z]+ <code>[^1]</code>"],
      ["H<sub>2</sub>O, <kbd>Ctrl</kbd>", "H<sub>2</sub>O, <kbd>Ctrl</kbd>"],
      ["<sub onclick=x>y</sub> <sub>", "&lt;sub onclick=x&gt;y&lt;/sub&gt; &lt;sub&gt;"],
      ["<sup><b>x</b></sup>", "&lt;sup&gt;&lt;b&gt;x&lt;/b&gt;&lt;/sup&gt;"],
    ]);
  });
});

const formula = (source: string, display = false): string =>
  `<span class="math${display ? " math-display" : ""}">${source}</span>`;

describe("formulas", () => {
  it("are found in all four ways of writing, in a line and on lines of their own", () => {
    checkAll([
      [
        "so \\(a_1 * b_1 = c\\), $x^2$",
        `so ${formula("\\(a_1 * b_1 = c\\)")}, ${formula("$x^2$")}`,
      ],
      ["the $n$th; 公式$x$是", `the ${formula("$n$")}th; 公式${formula("$x$")}是`],
      [
        "in line $$x$$ or \\[ y \\]",
        `in line ${formula("$$x$$", true)} or ${formula("\\[ y \\]", true)}`,
      ],
      ["**$x$** and $ABC$", `<strong>${formula("$x$")}</strong> and ${formula("$ABC$")}`],
      ["$100,000$ or $2ab + \\alpha$", `${formula("$100,000$")} or ${formula("$2ab + \\alpha$")}`],
    ]);
    for (const source of [
      "$$\nx *y*\n\n\\\\ z\n$$",
      "\\[\n\\frac{1}{2} \\\\ *x*\n\\]",
      "$$x$$",
      "\\begin{align*}\na &= *b* \\\\\nc\n\\end{align*}",
    ]) {
      assert.equal(
        md.render(`text\n${source}\nmore`),
        `<p>text</p>\n<p class="math math-display">${source.replace("&", "&amp;")}</p>\n<p>more</p>\n`,
      );
    }
    assert.match(
      md.render("- a\n  $$\n  x\n  $$\n- b"),
      /<li>a<p class="math math-display">\$\$\nx\n/,
    );
  });

  it("are not made of prices, variables, code and escaped brackets", () => {
    for (const text of [
      "It costs $5 and $6.",
      "$5/$6 $1,000-$2,000 ($5, $10) $5,$10, US$5 and HK$6",
      "Q1 ($100K), Q2 ($115K), total ($215K)",
      "about $516.54 delivered, the only way under $700 that",
      "$/PR is down but $/session is up",
      "$HOME and $PATH, $HOME/bin:$PATH ${A}/${B}",
      "$5 and 6$, $10 or 3$",
      "costs 5$ or 6$",
      "$$ for the pid, and $$ is",
      "$$$ and $$$",
    ]) {
      assert.equal(inline(text), text);
    }
    checkAll([
      ["`$x$` and $5 `echo $a`", "<code>$x$</code> and $5 <code>echo $a</code>"],
      ["\\$5 and \\$6$", "$5 and $6$"],
      ["\\[1\\], \\(optional\\), \\[see this\\], f\\(x\\)", "[1], (optional), [see this], f(x)"],
    ]);
    assert.ok(!md.render("| $5 | $6 |\n|--|--|\n| $7 | $8 |").includes("math"));
    assert.ok(!md.render("```\n$x$ $$y$$\n```").includes("math"));
    assert.ok(!md.render("\\begin{itemize}\nx\n\\end{itemize}").includes("math"));
    assert.ok(!md.render("$$\nnever closed\n\n# heading").includes("math"));
  });
});

describe("a document in a fence", () => {
  const codes = (text: string): string[] =>
    md.parse(text, {}).flatMap(({ type, content }) => (type === "fence" ? [content] : []));
  const inFence = (text: string, language = "markdown"): string =>
    `\`\`\`${language}\n${text}\`\`\`\n`;

  it("keeps the fences that it has", () => {
    for (const inner of [
      "# Title\n\n```sh\nnpm i\n```\n\nText\n",
      "# A\n\n```js\na\n```\n\n```py\nb\n```\n",
      "# A\n\n```\nplain\n```\n\nRun:\n```\nthat\n```\n\nend\n",
      "```sh\nfirst line\n```\n",
      "- a\n  ```sh\n  b\n  ```\n",
      "````md\n```js\na\n```\n````\n",
      "no fence\n",
    ]) {
      for (const language of ["markdown", "md", "Markdown title=README.md"]) {
        const text = `${inFence(inner, language)}\nafter\n`;
        assert.deepEqual(codes(text), [inner], inner);
        const tildes = (marked: string): string => marked.replaceAll("`", "~");
        assert.deepEqual(codes(tildes(text)), [tildes(inner)]);
      }
      assert.match(md.render(`${inFence(inner)}\nafter **it**\n`), /<p>after <strong>it/);
    }
  });

  it("ends at its first end where that is meant", () => {
    assert.deepEqual(codes(`${inFence("# A\n")}\nThen:\n\n${inFence("x\n", "js")}`), [
      "# A\n",
      "x\n",
    ]);
    assert.deepEqual(codes(`${inFence("# A\n")}This is it.\n`), ["# A\n"]);
    assert.deepEqual(codes("````markdown\n```js\na\n```\n````\n"), ["```js\na\n```\n"]);
    // The document's own end was forgotten: CommonMark's reading is what is left.
    assert.deepEqual(codes("```markdown\n```js\na\n```\n\nend\n"), ["```js\na\n"]);
    assert.deepEqual(codes(inFence("```markdown\na\n", "js")), ["```markdown\na\n"]);
    assert.deepEqual(codes("```js\na\n```\n\n```js\nb\n```\n"), ["a\n", "b\n"]);
  });
});
