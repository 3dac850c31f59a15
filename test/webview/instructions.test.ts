// What the model was told of people's instructions, under the question it went with.
import assert from "node:assert/strict";
import type { SentInstruction } from "../../server/protocol/instructions.ts";
import { findings, inEveryTheme } from "./support/axe.ts";
import { closeBrowser, HOSTS, type OpenApp, withApp } from "./support/with-app.ts";

after(closeBrowser);

const HASHES = ["a", "b"].map((letter) => letter.repeat(64));
const SENT: SentInstruction[] = [
  { name: "always.md", from: "user", chars: 9, hash: HASHES[0] },
  {
    name: "pkg/<b>/AGENTS.md",
    from: "workspace",
    applies_to: "pkg/**",
    chars: 60,
    hash: HASHES[1],
    notes: [{ code: "hidden_characters", detail: "2" }],
  },
  {
    name: ".cursor/rules/x.mdc",
    from: "workspace",
    chars: 0,
    notes: [{ code: "front_matter", detail: "line 3: bad" }],
  },
];

/** A chat whose one question went with these. */
async function show({ page, companion }: OpenApp, sent: SentInstruction[]): Promise<void> {
  companion.onMessage = (session, turnId) => companion.done(session, turnId);
  companion.metadata = { instructions: sent };
  await page.locator("textarea").fill("Do it");
  await page.keyboard.press("Enter");
  await page.locator(".question-text", { hasText: "Do it" }).waitFor();
}

for (const host of HOSTS) {
  describe(`instructions of a message in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("are counted, listed and read by the keyboard alone, with what is wrong with them", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        companion.instructions.set(HASHES[0] ?? "", "Rhyme <i>always</i>.");
        await show(app, SENT);
        const line = page.getByRole("button", { name: "2 instructions, 2 to look at" });
        await line.waitFor();
        assert.equal(await line.getAttribute("aria-expanded"), "false");
        assert.equal(await page.getByText("always.md").count(), 0);
        await line.focus();
        await page.keyboard.press("Enter");
        assert.equal(await line.getAttribute("aria-expanded"), "true");
        const items = page.locator(".instructions li");
        const lines = await items.allInnerTexts();
        assert.deepEqual(
          lines.map((line) => line.replaceAll(/\s+/g, " ")),
          [
            "always.md your own",
            "pkg/<b>/AGENTS.md for pkg/** Has hidden characters; they are shown as [U+…] (2)",
            ".cursor/rules/x.mdc Not told: what stands between its first --- is not understood (line 3: bad)",
          ],
        );
        await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        const text = page.getByRole("group", { name: "always.md" });
        await text.getByText("Rhyme <i>always</i>.").waitFor();
        const check = async (theme?: string): Promise<void> =>
          assert.deepEqual(await findings(page, ".instructions"), [], theme);
        if (host === "vscode") await inEveryTheme(page, check);
        else await check();
        await page.keyboard.press("Enter");
        await text.waitFor({ state: "detached" });
      }));

    it("say so where a text is not there any more, and are none where none went with it", () =>
      withApp({ host, allowErrors: true }, async (app) => {
        const { page, companion } = app;
        await show(app, SENT.slice(0, 1));
        await page.getByRole("button", { name: "1 instruction" }).click();
        await page.getByRole("button", { name: "always.md" }).click();
        await page.getByText("No such instructions.").waitFor();
        companion.metadata = {};
        companion.onMessage = (session, turnId) => companion.done(session, turnId);
        await app.send("Again");
        await page.locator(".question-text", { hasText: "Again" }).waitFor();
        assert.equal(await page.locator(".instructions").count(), 1);
      }));

    it("are told in Russian, with its plurals", () =>
      withApp({ host, language: "ru" }, async (app) => {
        const { page } = app;
        await show(app, [...SENT, ...SENT.slice(0, 1)]);
        await page.getByRole("button", { name: "3 указания, с замечаниями: 2" }).click();
        await page.getByText("ваше собственное").first().waitFor();
        await page.getByText("не понято то, что стоит между первыми ---").waitFor();
      }));
  });
}
