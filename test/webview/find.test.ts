// Ctrl+F in a chat: finds also what is not drawn yet, and what is folded away.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { findings } from "./support/axe.ts";
import { closeBrowser, HOSTS, type OpenApp, withApp } from "./support/with-app.ts";

after(closeBrowser);

const TURNS = 70;

async function withLongChat(
  host: (typeof HOSTS)[number],
  body: (app: OpenApp) => Promise<void>,
): Promise<void> {
  await withApp(
    {
      host,
      prepare(companion) {
        const session = companion.addSession("Long");
        for (let index = 0; index < TURNS; index += 1) {
          const turnId = companion.ask(session, `question ${index}`);
          if (index === 2)
            companion.say(session, turnId, { type: "reasoning", token: "Думаю о ёлке." });
          companion.stream(session, turnId, ANSWERS[index] ?? `answer ${index}`, 100);
          companion.done(session, turnId);
        }
      },
    },
    async (app) => {
      await app.page.getByRole("button", { name: "Chats" }).click();
      await app.page.getByRole("button", { name: /^Long/ }).click();
      await app.page.getByText(`question ${TURNS - 1}`, { exact: true }).waitFor();
      await body(app);
    },
  );
}

const ANSWERS: Record<number, string> = {
  1: "A **nee**dle in `one` of the first.",
  2: "ЕЛКА и ёлка, a+b\u00A0(c).",
  60: "| a | b |\n|---|---|\n| need | le |\n\nA needle",
};

const count = (page: Page, text: string) =>
  page.locator(".find-count").getByText(text, { exact: true }).waitFor();
const marked = (page: Page, name: string) =>
  page.evaluate((of) => Array.from(CSS.highlights.get(of) ?? [], String), name);

for (const host of HOSTS) {
  describe(`finding in a chat in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("finds what is not drawn yet, over marks and not over cells, and gives the focus back", () =>
      withLongChat(host, async ({ page }) => {
        assert.equal(await page.locator(".turn").count(), 30);
        await page.getByLabel("Your message").focus();
        await page.keyboard.press("Control+f");
        const input = page.getByRole("textbox", { name: "Find in this chat" });
        await input.pressSequentially("NEEDLE");
        await count(page, "2 of 2");
        assert.equal(await page.locator(".turn").count(), TURNS);
        assert.deepEqual(await marked(page, "find-places"), ["needle", "needle"]);
        await page.keyboard.press("F3");
        await count(page, "1 of 2");
        await page.waitForFunction(() => {
          const frame = document.querySelector(".transcript")?.getBoundingClientRect();
          const [here] = CSS.highlights.get("find-place") ?? [];
          const place = here instanceof Range ? here.getBoundingClientRect() : undefined;
          return frame && place && place.top > frame.top + 40 && place.bottom < frame.bottom;
        });
        assert.deepEqual(await findings(page), []);
        await page.keyboard.press("Shift+F3");
        await count(page, "2 of 2");
        await page.keyboard.press("Enter");
        await count(page, "1 of 2");
        // Two blocks are no text.
        await input.fill("question 1A needle");
        await count(page, "Nothing found");
        await page.keyboard.press("Escape");
        await input.waitFor({ state: "detached" });
        assert.deepEqual(await marked(page, "find-places"), []);
        const focused = await page.evaluate(() =>
          document.activeElement?.getAttribute("aria-label"),
        );
        assert.equal(focused, "Your message");
      }));

    it("takes Е for Ё and ё, a blank for any, signs for themselves, and opens what is folded", () =>
      withLongChat(host, async ({ page }) => {
        await page.keyboard.press("Control+f");
        const input = page.getByRole("textbox", { name: "Find in this chat" });
        await input.fill("ёЛК");
        await page.locator(".find-count", { hasText: "of 3" }).waitFor();
        assert.deepEqual(await marked(page, "find-places"), ["ёлк", "ЕЛК", "ёлк"]);
        while (!(await page.locator(".find-count").innerText()).startsWith("1 ")) {
          await page.keyboard.press("F3");
        }
        await page.getByText("Думаю о ёлке.").waitFor({ state: "visible" });
        await input.fill("A+B (c)");
        await count(page, "1 of 1");
        await input.fill("a.b");
        await count(page, "Nothing found");
      }));

    it("is asked for by the key of F on any keyboard, and follows an answer that grows", () =>
      withLongChat(host, async (app) => {
        const { page, companion } = app;
        await page.evaluate(() =>
          document.body.dispatchEvent(
            new KeyboardEvent("keydown", { key: "а", code: "KeyF", ctrlKey: true, bubbles: true }),
          ),
        );
        await page.getByRole("textbox", { name: "Find in this chat" }).fill("sapphire");
        await count(page, "Nothing found");
        const [session] = companion.sessions.values();
        assert.ok(session);
        const turnId = companion.ask(session, "Which stone?");
        companion.stream(session, turnId, "A sapphire, and one more sapphire.", 5);
        await page.locator(".find-count", { hasText: "of 2" }).waitFor();
        companion.done(session, turnId);
      }));
  });
}
