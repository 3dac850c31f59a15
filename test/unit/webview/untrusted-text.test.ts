import assert from "node:assert/strict";
import fc from "fast-check";
import { splitHidden } from "../../../webview/markdown/syntax/hidden-characters.ts";
import { toSafeUrl } from "../../../webview/markdown/syntax/links.ts";
import { createMarkdown } from "../../../webview/markdown/syntax/parser.ts";

const REFUSED = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  " javascript:alert(1)",
  "java\nscript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:x",
  "file:///etc/passwd",
  "command:workbench.action.quit",
  "vscode://publisher.extension/run",
  "vscode-insiders://x/y",
  "cursor://x/y",
  "ms-word:ofe|u|https://e.example",
  "//e.example/x",
  "\\\\host\\share",
  "/relative",
  "relative",
  "#fragment",
  "https:e.example",
  "https:/e.example",
  "https:\\\\e.example",
  "https://user:secret@e.example",
  "https://bank.example@e.example",
  "http://",
  "https://%",
  "mailto:a@e.example?body=x",
  "mailto:a@e.example,b@e.example",
  "mailto:a@e.example%0d%0abcc:b@e.example",
  "mailto:a b@e.example",
  "mailto:",
  "ftp://e.example",
  "blob:https://e.example/1",
  "about:blank",
  "",
];

describe("links", () => {
  it("lead to http and https with a plain host, to one mail address, and nowhere else", () => {
    for (const url of REFUSED) assert.equal(toSafeUrl(url), null, url);
    assert.equal(toSafeUrl("https://e.example/a?b#c")?.href, "https://e.example/a?b#c");
    assert.equal(toSafeUrl("HTTP://E.example")?.href, "http://e.example/");
    assert.equal(toSafeUrl("mailto:a.b+c@e.example")?.href, "mailto:a.b+c@e.example");
  });

  it("show a host in another script as Punycode", () => {
    assert.equal(toSafeUrl("https://аpple.example/")?.host, "xn--pple-43d.example");
  });

  it("are not made of anything else by Markdown, however it is written", () => {
    const md = createMarkdown("image");
    for (const url of REFUSED) {
      for (const text of [
        `[x](${url})`,
        `[x](<${url}>)`,
        `![x](${url})`,
        `<${url}>`,
        `[x]\n\n[x]: ${url}`,
      ]) {
        const html = md.render(text);
        const elsewhere = /<a [^>]*href="(?!https?:\/\/|mailto:[ab]@e\.example")/i;
        assert.ok(!elsewhere.test(html), `${text} became ${html}`);
        assert.ok(!/<img/i.test(html), html);
      }
    }
    assert.match(md.render("[x](&#106;avascript:alert(1))"), /^<p>\[x\]/);
  });

  it("never make an image, only a link to it", () => {
    const md = createMarkdown("image");
    assert.equal(
      md.render("![a cat](https://e.example/cat.png)"),
      '<p><a href="https://e.example/cat.png" class="image-link">a cat</a></p>\n',
    );
    assert.equal(
      md.render("[![](https://e.example/i.png)](https://e.example/to)"),
      '<p><a href="https://e.example/to">image</a></p>\n',
    );
  });
});

describe("Markdown", () => {
  it("makes no element from raw HTML and no inline style", () => {
    const md = createMarkdown("image");
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            "<script>",
            "</script>",
            "<img src=x onerror=y>",
            "<svg/onload=y>",
            "<style>",
            "<iframe srcdoc=x>",
            "`",
            "```\n",
            "\n\n",
            "> ",
            "- ",
            "|a|\n|:-:|\n|b|\n",
            "<!--",
            "-->",
            "<![CDATA[",
            "&lt;",
            '" onclick="',
            "<a href=x>",
            "text",
          ),
          { maxLength: 12 },
        ),
        (pieces) => {
          const html = md.render(pieces.join(""));
          const tags = [...html.matchAll(/<\/?([a-z0-9-]+)([^>]*)>/gi)];
          for (const [tag, name, attributes] of tags) {
            assert.match(
              name ?? "",
              /^(p|ul|li|pre|code|blockquote|table|thead|tbody|tr|th|td|br|h[4-6]|hr|strong|em|span|a)$/,
              tag,
            );
            assert.ok(!/\s(on\w+|style|src|srcdoc)=/i.test(attributes ?? ""), tag);
          }
        },
      ),
    );
  });
});

describe("characters that hide", () => {
  it("are shown in code, every one", () => {
    const hidden = [
      "\u202E",
      "\u2066",
      "\u200B",
      "\u200D",
      "\uFEFF",
      "\u00AD",
      "\u{E0041}",
      "\u0000",
      "\u001B",
      "\u061C",
      "\uFE0F",
    ];
    for (const character of hidden) {
      const runs = splitHidden(`a${character}b`, "code");
      assert.deepEqual(
        runs.map((run) => run.hidden),
        [false, true, false],
        JSON.stringify(character),
      );
    }
    assert.equal(splitHidden("\u{E0041}", "code")[0]?.text, "U+E0041");
  });

  it("are left alone in prose where languages and emoji need them", () => {
    assert.deepEqual(splitHidden("👩‍💻 می‌خواهم ❤️", "prose"), [
      { text: "👩‍💻 می‌خواهم ❤️", hidden: false },
    ]);
    assert.equal(splitHidden("a\u202Eb", "prose").length, 3);
    assert.equal(splitHidden("a\u{E0041}b", "prose").length, 3);
  });

  it("lose nothing else of the text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.constantFrom("prose" as const, "code" as const),
        (text, where) => {
          const shown = splitHidden(text, where)
            .filter((run) => !run.hidden)
            .map((run) => run.text)
            .join("");
          const kept = Array.from(text)
            .filter((character) => splitHidden(character, where)[0]?.hidden === false)
            .join("");
          assert.equal(shown, kept);
        },
      ),
    );
  });
});
