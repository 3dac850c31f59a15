import assert from "node:assert/strict";
import { htmlToText } from "../../../server/pages/html-to-text.ts";
import { readPage } from "../../../server/pages/read-page.ts";

const BASE = new URL("https://docs.example/guide/start.html");
const textOf = async (html: string): Promise<string> => (await htmlToText(html, BASE)).text;

describe("a page as text", () => {
  it("keeps headings, lists, code, tables, quotes and links as Markdown", async () => {
    const page = await htmlToText(
      `<!doctype html><html><head><title>Start &amp; go</title><style>p{}</style></head><body>
      <nav><a href="/">Home</a></nav>
      <h1>Getting <em>started</em></h1>
      <p>Read <a href="../api/#top">the   API</a>
        first, <b>then</b> run <code>npm ci</code>.<br>Twice.</p>
      <ul><li>one<ul><li><p>inner</p></li></ul></li><li>two</li></ul>
      <ol start="3"><li>three</li><li>four</li></ol>
      <pre class="highlight language-ts"><span>const</span> a = 1;
  if (a &lt; 2) {}
</pre>
      <table><thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><td><p>1</p></td><td>x|y</td></tr></tbody></table>
      <blockquote><p>said</p><p>more</p></blockquote><hr>
      <img src="x.png" alt="A diagram"><script>alert(1)</script><button>Copy</button>
      <footer>© 2030</footer></body></html>`,
      BASE,
    );
    assert.equal(page.title, "Start & go");
    assert.equal(
      page.text,
      `# Getting started

Read [the API](https://docs.example/api/#top) first, **then** run \`npm ci\`.
Twice.

- one
  - inner
- two

3. three
4. four

\`\`\`ts
const a = 1;
  if (a < 2) {}
\`\`\`

| A | B |
|---|---|
| 1 | x\\|y |

> said
>
> more

---

[image: A diagram]`,
    );
  });

  it("is of what the page is about, where it says so", async () => {
    const long = "About this thing there is much to be said. ".repeat(8).trim();
    const around = (inner: string) =>
      `<body><header>Brand</header><div>Sign in</div>${inner}<aside>Ads</aside></body>`;
    assert.equal(
      await textOf(around(`<main><header><h1>T</h1></header>${long}</main>`)),
      `# T\n\n${long}`,
    );
    assert.equal(
      await textOf(around(`<div role="main"><article>${long}</article>!</div>`)),
      `${long}\n\n!`,
    );
    assert.equal(await textOf(around(`<article>${long}</article>`)), long);
    assert.equal(await textOf(around("<main></main><p>Text</p>")), "Sign in\n\nText");
  });

  it("has nothing in it that people do not see", async () => {
    for (const hidden of [
      `<p hidden>secret orders</p>`,
      `<div style="color:red; display: none">secret <b>orders</b></div>`,
      `<span style="font-size:0">secret orders</span>`,
      `<p style="opacity:0">secret orders</p>`,
      `<p aria-hidden="true">secret orders</p>`,
      `<!-- secret orders --><template>secret orders</template><noscript>secret orders</noscript>`,
      `<svg><text>secret orders</text><title>secret orders</title></svg>`,
    ]) {
      const text = await textOf(`<body><p>before</p>${hidden}<p>after</p></body>`);
      assert.equal(text, "before\n\nafter", hidden);
    }
    const source = "<p>a\u{E0073}\u{E0065}\u200Bb\u202Ec\u0007</p>";
    assert.equal((await readPage(source, "text/html", BASE)).text, "abc");
    assert.equal(await textOf(`<p>opacity <i style="opacity:0.5">0.5</i></p>`), "opacity 0.5");
  });

  it("leads nowhere but to the web", async () => {
    const links = [
      "javascript:alert(1)",
      "data:text/html,x",
      "file:///etc/passwd",
      "#here",
      "http://",
    ];
    for (const link of links) assert.equal(await textOf(`<a href="${link}">x</a>`), "x", link);
    assert.equal(await textOf(`<a href="/a_(b)">x</a>`), "[x](https://docs.example/a_%28b%29)");
  });

  it("is read in a moment, however it is made", async () => {
    const made: Record<string, string> = {
      deep: "<div>".repeat(300_000),
      deepAndClosed: "<b>".repeat(100_000) + "</i>".repeat(100_000),
      attributes: `<p ${"a=1 ".repeat(300_000)}>x</p>`,
      entities: "&amp;".repeat(500_000),
      open: "<p <".repeat(300_000),
      comment: `<!--${"-".repeat(1_000_000)}`,
      links: `<a href="/x">`.repeat(100_000),
      rows: "<table><tr><td>".repeat(50_000),
      lists: "<ul><li>".repeat(50_000),
      code: `<pre>${"```\n".repeat(200_000)}</pre>`,
      spaces: `<p>${" \n".repeat(1_000_000)}x`,
    };
    for (const [name, html] of Object.entries(made)) {
      const begun = performance.now();
      await htmlToText(html, BASE);
      const took = performance.now() - begun;
      assert.ok(took < 4_000, `${name} took ${Math.round(took)} ms`);
    }
  });
});
