// The build leaves our icons alone in the font; what is left draws as VS Code's own.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ICONS } from "../../webview/icons.ts";
import { closeBrowser, withPage } from "./support/with-app.ts";

after(closeBrowser);

describe("icons", () => {
  it("are drawn as VS Code's font draws them", async () => {
    const drawn: Buffer[] = [];
    for (const font of [
      "dist/webview/codicon.ttf",
      "node_modules/@vscode/codicons/dist/codicon.ttf",
    ]) {
      await withPage(async (page) => {
        const source = `url(data:font/ttf;base64,${readFileSync(font).toString("base64")})`;
        await page.setContent(
          `<style>@font-face{font-family:f;src:${source}}p{font:32px/48px f}</style>` +
            `<p>${Object.values(ICONS).join(" ")}</p>`,
        );
        const loaded = () =>
          document.fonts.ready.then(() => document.fonts.check("32px f", "\uea60"));
        assert.ok(await page.evaluate(loaded));
        drawn.push(await page.locator("p").screenshot());
      });
    }
    assert.ok(drawn[0]?.equals(drawn[1] ?? Buffer.alloc(0)));
  });
});
