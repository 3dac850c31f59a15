// Attack cases W1 to W6 and W10, W11: what a model says must neither run,
// nor reach out, nor deceive.
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ask, closeBrowser, HOSTS, type OpenApp, withApp } from "./support/with-app.ts";

after(closeBrowser);

/** Counts what reaches it; nothing may. */
async function withSink(body: (origin: string, hits: string[]) => Promise<void>): Promise<void> {
  const hits: string[] = [];
  const server: Server = createServer((request, response) => {
    hits.push(request.url ?? "");
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, hits);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const ATTACKS = (sink: string): string => `
<script>window.pwned = 1; fetch("${sink}/script")</script>
<img src="${sink}/img" onerror="window.pwned = 1">
<svg onload="window.pwned = 1"><image href="${sink}/svg"/></svg>
<iframe srcdoc="<script>parent.pwned = 1</script>" src="${sink}/frame"></iframe>
<style>@import "${sink}/import"; body { background: url(${sink}/css) }</style>
<link rel="stylesheet" href="${sink}/link"><base href="${sink}/"><meta http-equiv="refresh" content="0;url=${sink}/meta">
<form action="${sink}/form"><button autofocus onfocus="window.pwned = 1">x</button></form>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.pwned=1&gt;">
<noscript><p title="</noscript><img src=x onerror=window.pwned=1>"></noscript>
<svg></p><style><a id="</style><img src=1 onerror=window.pwned=1>">
<details open ontoggle="window.pwned = 1"><video><source onerror="window.pwned = 1"></video>
<object data="${sink}/object"></object><embed src="${sink}/embed"><audio src="${sink}/audio" autoplay></audio>

![image](${sink}/markdown) ![reference][r] ![](//${sink.slice(7)}/slashes) ![svg](data:image/svg+xml,<svg onload=window.pwned=1>)

[r]: ${sink}/reference "title"

| a | b |
|---|:-:|
| <img src=x onerror=window.pwned=1> | ![x](${sink}/cell) |

> - <img src=x onerror=window.pwned=1>

\`\`\`html"><img/src=x/onerror=window.pwned=1>
</code></pre><script>window.pwned = 1</script>
\`\`\`

\`<img src=x onerror=window.pwned=1>\` and &lt;img src=x onerror=window.pwned=1&gt; [x](${sink} "t" onmouseover="window.pwned=1")

[js](javascript:window.pwned=1) [js](java&#10;script:window.pwned=1) [js](&#106;avascript:window.pwned=1) <javascript:window.pwned=1>
$\\href{javascript:window.pwned=1}{x}$ $\\url{${sink}/url}$ $$\\includegraphics{${sink}/graphics}$$ \\(\\htmlStyle{background:url(${sink}/style)}{x}\\)
\\(\\htmlClass{is-found}{x}\\) \\(\\htmlId{app}{x}\\) \\(\\htmlData{a=b}{x}\\) $\\text{<img src=x onerror=window.pwned=1>}$ $$\\def\\a{\\a\\a}\\a$$
$\\color{red;background:url(${sink}/color)}x$ $$\\kern-900em \\rule{900em}{900em} \\raisebox{90em}{over}$$ $\\sqrt{x}$ ${sink}/bare"onmouseover="window.pwned=1

[c](command:workbench.action.quit) [v](vscode://a.b/c) [f](file:///etc/passwd) [s](//e.example/x) [d](data:text/html,x)
`;

async function checkHarmless({ page }: OpenApp, hits: string[]): Promise<void> {
  assert.deepEqual(hits, [], "requests that reached the sink");
  assert.equal(await page.evaluate(() => "pwned" in window), false);
  const found = await page.evaluate(() => {
    const root = document.querySelector(".transcript");
    // What a formula is made of is KaTeX's; it has no more than lines of its own
    // drawing and their sizes.
    const inFormula = (element: Element): boolean => element.closest(".katex") !== null;
    const all = [...(root?.querySelectorAll("*") ?? [])];
    const elements = all.filter((element) => !inFormula(element));
    const formulas = all.filter(inFormula);
    return {
      unmathematical: formulas
        .filter((element) =>
          /^(a|img|image|script|style|iframe|use|foreignobject)$/i.test(element.tagName),
        )
        .map((element) => element.outerHTML),
      names: formulas.flatMap((element) =>
        [...element.attributes]
          .filter(({ name, value }) => /^(id|on|src|href|data-)/.test(name) || /url\(/.test(value))
          .map(({ name, value }) => `${name}=${value}`),
      ),
      foreign: elements
        .filter((element) =>
          /^(script|img|svg|iframe|style|link|base|meta|object|embed|audio|video|math|object)$/i.test(
            element.tagName,
          ),
        )
        .map((element) => element.outerHTML),
      handlers: elements
        .flatMap((element) => [...element.attributes])
        .filter(({ name }) => /^(on|style$|src)/.test(name))
        .map(({ name }) => name),
      links: [...document.querySelectorAll<HTMLAnchorElement>(".transcript a")]
        .map((link) => link.getAttribute("href") ?? "")
        .filter((href) => !/^https?:\/\//.test(href)),
    };
  });
  assert.deepEqual(found, {
    unmathematical: [],
    names: [],
    foreign: [],
    handlers: [],
    links: [],
  });
}

for (const host of HOSTS) {
  describe(`an untrusted answer in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("runs nothing and reaches nobody: all at once, character by character, and from history", () =>
      withSink((sink, hits) =>
        withApp({ host }, async (app) => {
          const { page, companion } = app;
          const attack = ATTACKS(sink);
          const { session, turnId } = await ask(app);
          companion.stream(session, turnId, attack, attack.length);
          companion.done(session, turnId);
          await page.getByText("Saved").waitFor();
          await page.locator(".katex").first().waitFor();
          await checkHarmless(app, hits);

          const second = companion.ask(session, "Again");
          for (const character of attack) {
            companion.say(session, second, { type: "assistant_message", token: character });
            if (character === "\n") await page.evaluate(() => new Promise(requestAnimationFrame));
          }
          await page.locator(".turn").nth(1).getByText("[d](data:text/html,x)").waitFor();
          await checkHarmless(app, hits);
          companion.done(session, second);
          await page.getByText("Saved").nth(1).waitFor();
          await checkHarmless(app, hits);

          await app.reload();
          await page.getByText("Saved").nth(1).waitFor();
          await page.locator(".turn").nth(1).getByText("[d](data:text/html,x)").waitFor();
          await checkHarmless(app, hits);
        }),
      ));

    it("runs nothing from reasoning, tools, agents, errors and titles either", () =>
      withSink((sink, hits) =>
        withApp({ host }, async (app) => {
          const { page, companion } = app;
          const bad = `<img src="${sink}/x" onerror="window.pwned=1"> \u001B]8;;${sink}\u0007link\u001B]8;;\u0007 \u202E`;
          const { session, turnId } = await ask(app);
          companion.say(
            session,
            turnId,
            { type: "reasoning", token: bad },
            { type: "agent_switched", metadata: { from_agent: "a", to_agent: bad, reason: bad } },
            {
              type: "tool_call",
              call_id: "c",
              tool_name: bad,
              arguments: { [bad]: bad },
              requires_approval: false,
            },
            { type: "tool_result", call_id: "c", tool_name: bad, content: bad },
            { type: "error", error: bad, metadata: { code: bad, hint: bad } },
          );
          session.title = bad;
          await page.getByText("The answer failed").waitFor();
          await page.getByRole("button", { name: "Chats" }).click();
          await page.locator(".session-title").first().waitFor();
          await checkHarmless(app, hits);
          assert.equal(await page.locator(".session-title img").count(), 0);
        }),
      ));

    it("shows what hides in code", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app);
        const code = "if (access\u202E\u2066// admin\u2069 \u2066) {\u200B}\n";
        for (const character of `\`\`\`c\n${code}`)
          companion.say(session, turnId, { type: "assistant_message", token: character });
        await page.locator("pre .hidden-character").nth(4).waitFor();
        companion.stream(session, turnId, "```\n\nNow \u202Eprose and `\u200B`");
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        await page.locator("p .hidden-character", { hasText: "U+202E" }).waitFor();
        await page.locator("p code .hidden-character", { hasText: "U+200B" }).waitFor();
        assert.deepEqual(await page.locator("pre .hidden-character").allTextContents(), [
          "U+202E",
          "U+2066",
          "U+2069",
          "U+2066",
          "U+200B",
        ]);
      }));

    it("bears lines, tables and nesting without measure", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app);
        const big = [
          "x".repeat(2_000_000),
          `${"> ".repeat(5_000)}deep\n`,
          `|a|\n|-|\n${"|b|\n".repeat(20_000)}`,
        ];
        companion.stream(session, turnId, `${big.join("\n\n")}\n\nend`, 100_000);
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        await page.getByText("more characters are not shown").waitFor();
        const question = companion.ask(session, "and on");
        companion.stream(session, question, "It goes on.");
        await page.getByText("It goes on.").waitFor();
      }));
  });
}

describe("a link of an answer", () => {
  it("opens from a browser only after its real host was shown", () =>
    withSink((sink, hits) =>
      withApp({}, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app);
        companion.stream(
          session,
          turnId,
          `[https://bank.example](https://аpple.example/login?x=1) and [sink](${sink}/clicked)`,
        );
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        await page.getByRole("link", { name: "https://bank.example" }).click();
        const dialog = page.getByRole("dialog");
        await dialog.getByText("xn--pple-43d.example", { exact: true }).waitFor();
        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "detached" });
        assert.equal(page.context().pages().length, 1);

        await page.getByRole("link", { name: "sink" }).click({ button: "middle" });
        await dialog.getByRole("button", { name: "Cancel" }).click();
        await page.getByRole("link", { name: "sink" }).click({ modifiers: ["ControlOrMeta"] });
        await dialog.waitFor();
        assert.deepEqual(hits, []);
        const opened = page.context().waitForEvent("page");
        await dialog.getByRole("button", { name: "Open" }).click();
        const tab = await opened;
        await tab.waitForLoadState();
        // The browser itself may ask for the icon of what it has opened.
        const asked = hits.filter((path) => path !== "/favicon.ico");
        assert.deepEqual(asked, ["/clicked"]);
        assert.equal(await tab.evaluate(() => window.opener), null);
      }),
    ));

  it("goes to VS Code, which asks by itself", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, companion, posted } = app;
      const { session, turnId } = await ask(app);
      companion.stream(session, turnId, "[docs](https://e.example/docs)");
      await page.getByRole("link", { name: "docs" }).click();
      await page.locator(".status-line.is-live").waitFor();
      const links = posted.filter(({ type }) => type === "open_link");
      assert.deepEqual(links, [{ type: "open_link", url: "https://e.example/docs" }]);
    }));
});
