// Formulas in the real page: set when they are complete, once, in every theme, with what is
// loaded for the first one.
import assert from "node:assert/strict";
import { findings, inEveryTheme } from "./support/axe.ts";
import { ask, closeBrowser, HOSTS, withApp } from "./support/with-app.ts";

after(closeBrowser);

const TEXT =
  "Euler: \\(e^{i\\pi} + 1 = 0\\), $x^2$ and $5.\n\n$$\n\\int_0^1 f(x)\\,dx\n$$\n\n| a |\n|---|\n| $\\alpha$ |\n\nBad: $\\frac{$ and $\\nosuch{x}$.\n";

for (const host of HOSTS) {
  describe(`formulas in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("are set when they are complete, and not loaded for without one", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const asked: string[] = [];
        page.on("request", (request) => void asked.push(request.url()));
        const { session, turnId } = await ask(app);
        companion.stream(session, turnId, "It costs $5 and $6.\n\n");
        await page.getByText("It costs $5 and $6.").waitFor();
        assert.deepEqual(
          asked.filter((url) => /katex|formula/i.test(url)),
          [],
        );
        companion.stream(session, turnId, "Now \\(a_1 * b_1");
        await page.getByText("Now \\(a_1 * b_1").waitFor();
        assert.equal(await page.locator(".katex, .markdown em").count(), 0);
        companion.stream(session, turnId, "\\) and on");
        await page.locator(".katex").waitFor();
        companion.stream(session, turnId, `\n\n${TEXT}`, 3);
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        await page.locator("td .katex").waitFor();
        assert.equal(await page.locator(".katex").count(), 5);
        // What cannot be set stays as it was written.
        await page.getByText("Bad: $\\frac{$ and $\\nosuch{x}$.").waitFor();
        assert.equal(await page.locator(".math-display math").count(), 1);
        const font = await page.evaluate(() => document.fonts.check('16px "KaTeX_Main"'));
        assert.ok(font, "KaTeX's font is there");
      }));

    it("does not fall back to its source while its paragraph goes on", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app);
        companion.stream(session, turnId, "First $x^2$ and");
        await page.locator(".katex").waitFor();
        await page.evaluate(() => {
          const seen = { without: 0 };
          Object.assign(window, { seen });
          const look = (): void => {
            if (!document.querySelector(".katex")) seen.without += 1;
            requestAnimationFrame(look);
          };
          look();
        });
        for (let times = 0; times < 12; times += 1) {
          companion.stream(session, turnId, ` word ${times}`);
          await page.getByText(`word ${times}`).waitFor();
        }
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        const seen = await page.evaluate(
          () => (window as unknown as { seen: { without: number } }).seen.without,
        );
        assert.equal(seen, 0);
      }));
  });
}

describe("formulas for everybody", () => {
  it("are read without hindrance in every theme", () =>
    withApp({ host: "vscode", width: 300 }, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app);
      const long = `$$ ${"a_1 + ".repeat(60)} b $$`;
      companion.stream(session, turnId, `${TEXT}\n${long}\n`);
      companion.done(session, turnId);
      await page.locator(".katex").nth(4).waitFor();
      await page.getByText("Saved").waitFor();
      await inEveryTheme(page, async (theme) => {
        assert.deepEqual(await findings(page), [], theme);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(over <= 0, `${theme}: ${over} pixels wider than the page`);
      });
    }));
});
