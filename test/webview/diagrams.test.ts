// Diagrams in the real page, under its real Content Security Policy: `withApp` fails
// a test that violates it.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { findings, inEveryTheme } from "./support/axe.ts";
import { ask, closeBrowser, HOSTS, withApp } from "./support/with-app.ts";

after(closeBrowser);

const FLOW =
  'flowchart TD\n  A["Start here"] --> B{Is it right?}\n  B -->|yes| C[Done]\n  style C fill:#ffe0e0';
const SEQUENCE = "sequenceDiagram\n  Reader->>Companion: asks\n  Companion-->>Reader: answers";
/** One of each kind that leave-out.mjs lets through. */
const KINDS = [
  FLOW,
  SEQUENCE,
  "classDiagram\n  Animal <|-- Duck\n  Duck : +swim()",
  "stateDiagram-v2\n  [*] --> Idle\n  Idle --> [*]",
  "erDiagram\n  CHAT ||--o{ TURN : has",
  "gantt\n  title Plan\n  dateFormat YYYY-MM-DD\n  section One\n  First : a, 2026-01-01, 3d",
  "journey\n  title A day\n  section Go\n    Walk: 5: Me",
  'quadrantChart\n  title Reach\n  x-axis Low --> High\n  y-axis Bad --> Good\n  "A": [0.3, 0.6]',
  'xychart-beta\n  title "Sales"\n  x-axis [jan, feb]\n  bar [5, 6]',
  'gitGraph\n  commit id: "one"\n  branch dev\n  commit tag: "v1"\n  checkout main\n  merge dev',
  'pie showData title Pets\n  "Dogs" : 386\n  "Cats" : 85.9',
  "timeline\n  title History\n  2002 : LinkedIn",
  "mindmap\n  root((mind))\n    Origins",
];
const fence = (code: string): string => `\`\`\`mermaid\n${code}\n\`\`\`\n`;

/** Of the picture, what a reader would see of it. */
async function isSeen(page: Page): Promise<boolean> {
  const picture = page.locator(".diagram img");
  return picture.evaluate(async (image) => {
    if (!(image instanceof HTMLImageElement)) return false;
    await image.decode();
    return image.naturalWidth > 50 && image.getBoundingClientRect().width > 50;
  });
}

for (const host of HOSTS) {
  describe(`diagrams in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("are drawn when their fence is complete, and can be read as code", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const asked: string[] = [];
        page.on("request", (request) => void asked.push(request.url()));
        const { session, turnId } = await ask(app);
        companion.stream(session, turnId, `Look:\n\n\`\`\`mermaid\n${FLOW}`);
        await page.getByText("style C fill").waitFor();
        assert.deepEqual(
          asked.filter((url) => /diagram/.test(url)),
          [],
        );
        companion.stream(session, turnId, "\n```\n\nAnd on");
        await page
          .getByRole("img", { name: "Diagram: yes, Start here, Is it right?, Done" })
          .waitFor();
        assert.ok(await isSeen(page));
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        await page.getByRole("button", { name: "Copy code" }).click();
        assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${FLOW}\n`);
        await page.getByRole("button", { name: "Show the code" }).press("Enter");
        await page.getByText("style C fill").waitFor();
        assert.equal(await page.locator(".diagram").count(), 0);
        await page.getByRole("button", { name: "Show the diagram" }).press("Enter");
        await page.locator(".diagram img").waitFor();
      }));

    it("say what is wrong with their code, and what could not be loaded", () =>
      withApp({ host, allowErrors: true }, async (app) => {
        const { page, companion } = app;
        await page.route("**/diagram.js*", (route) => route.abort());
        const { session, turnId } = await ask(app);
        companion.stream(session, turnId, fence(SEQUENCE));
        await page.getByText("could not be loaded").waitFor();
        await page.unroute("**/diagram.js*");
        await page.getByRole("button", { name: "Show the diagram" }).click();
        await page.locator(".diagram img").waitFor();
        assert.equal(await page.getByText("could not be loaded").count(), 0);
        companion.stream(session, turnId, `\n${fence("flowchart TD\n  A[Start --> B{oops")}`);
        await page.getByText("No diagram can be drawn from this: Parse error on line 2").waitFor();
        await page.getByText("A[Start --> B{oops").first().waitFor();
        companion.stream(session, turnId, `\n${fence("sankey-beta\nA,B,10")}`);
        await page.getByText("this kind of diagram is not drawn here").waitFor();
        companion.done(session, turnId);
      }));
  });
}

describe("diagrams of every kind", () => {
  it("are drawn, and what is wrong in one is said in its parser's words", () =>
    withApp({ host: "browser", allowErrors: true }, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app);
      const pictures = page.locator(".diagram img");
      // One at a time: what is far from the reader's eyes waits.
      for (const [index, kind] of KINDS.entries()) {
        companion.stream(session, turnId, `\n${fence(kind)}`);
        await pictures.nth(index).waitFor();
      }
      companion.stream(session, turnId, `\n${fence('pie\n  "Dogs" = 386')}`);
      await page.getByText("No diagram can be drawn from this: Parsing failed").waitFor();
      companion.done(session, turnId);
    }));
});

describe("diagrams of strangers", () => {
  it("that are large are drawn for whoever asks", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app);
      const boxes = Array.from({ length: 210 }, (_, index) => `N${index}[x]`).join(";");
      companion.stream(session, turnId, fence(`flowchart TD\n${boxes}`));
      companion.done(session, turnId);
      await page.getByText("This one is large").waitFor();
      assert.equal(await page.locator(".diagram").count(), 0);
      await page.getByRole("button", { name: "Show the diagram" }).waitFor();
    }));

  it("at which the page ended are not tried again by themselves", () =>
    withApp({ host: "browser" }, async (app) => {
      const { page, companion } = app;
      await page.evaluate(() => {
        const { setItem } = Storage.prototype;
        Storage.prototype.setItem = function (name, value) {
          setItem.call(this, name, value);
          if (name === "streamkeeper.diagrams" && value !== "[]") setItem.call(this, "seen", value);
        };
      });
      const { session, turnId } = await ask(app);
      companion.stream(session, turnId, fence(SEQUENCE));
      companion.done(session, turnId);
      await page.locator(".diagram img").waitFor();
      // As it stands there when a page is ended while it draws.
      await page.evaluate(() =>
        localStorage.setItem("streamkeeper.diagrams", localStorage.getItem("seen") ?? ""),
      );
      await app.reload();
      await page.getByText("Drawing this took too long the last time").waitFor();
      await page.getByRole("button", { name: "Show the diagram" }).click();
      await page.locator(".diagram img").waitFor();
      await app.reload();
      await page.locator(".diagram img").waitFor();
    }));

  it("run, load and choose nothing", () =>
    withApp({ host: "browser", theme: "light" }, async (app) => {
      const { page, companion } = app;
      const asked: string[] = [];
      page.on("request", (request) => void asked.push(request.url()));
      const { session, turnId } = await ask(app);
      const source = [
        '%%{init: {"theme": "dark", "securityLevel": "loose", "htmlLabels": true, "themeCSS": "* { fill: red }"}}%%',
        "flowchart LR",
        '  A["one"] --> B["two"]',
        '  click A href "javascript:alert(1)"',
        '  click B href "https://evil.example/click"',
        "  classDef x fill:#eee,background:#eee",
        "  class A x",
      ].join("\n");
      companion.stream(session, turnId, fence(source));
      companion.done(session, turnId);
      await page.getByRole("img", { name: "Diagram: one, two" }).waitFor();
      const svg = await page
        .locator(".diagram img")
        .evaluate((image) => (image instanceof HTMLImageElement ? image.src : ""))
        .then(decodeURIComponent);
      assert.doesNotMatch(svg, /javascript:|<script|fill: ?red|foreignObject/i);
      assert.deepEqual(
        asked.filter((url) => !url.startsWith(companion.origin) && !url.startsWith("data:")),
        [],
      );
      assert.equal(await page.locator(".diagram-stage").count(), 0);
    }));
});

describe("diagrams for everybody", () => {
  it("are read without hindrance in every theme", () =>
    withApp({ host: "vscode", width: 200 }, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app);
      companion.stream(session, turnId, fence(FLOW));
      companion.done(session, turnId);
      await page.locator(".diagram img").waitFor();
      await page.getByText("Saved").waitFor();
      await inEveryTheme(page, async (theme) => {
        assert.deepEqual(await findings(page), [], theme);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(over <= 0, `${theme}: ${over} pixels wider than the page`);
      });
    }));

  it("are drawn anew when the theme changes", () =>
    withApp({ host: "browser" }, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app);
      companion.stream(session, turnId, fence(SEQUENCE));
      companion.done(session, turnId);
      const picture = page.locator(".diagram img");
      const dark = await picture.getAttribute("src");
      await page.emulateMedia({ colorScheme: "light" });
      await page.waitForFunction(
        (before) => document.querySelector(".diagram img")?.getAttribute("src") !== before,
        dark,
      );
    }));
});
