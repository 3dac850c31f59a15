// A copy of a chat from any of its answers on: the real companion, a real browser.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { findings } from "./support/axe.ts";
import { withRealCompanion } from "./support/real-companion.ts";
import { closeBrowser, withPage } from "./support/with-app.ts";

after(closeBrowser);

const COPY = "Go on in a copy from here";

function withChat(body: (page: Page) => Promise<void>): Promise<void> {
  return withRealCompanion((companion) =>
    withPage(async (page) => {
      await page.goto(companion.url());
      await page.getByText("You are talking to the built-in demo").waitFor();
      await body(page);
    }),
  );
}

const asks = (page: Page, ...questions: string[]) =>
  page.waitForFunction(
    (wanted) =>
      [...document.querySelectorAll(".question-text")].map((one) => one.textContent).join() ===
      wanted,
    questions.join(),
  );

/** Resolves when it is answered. */
async function send(page: Page, text: string): Promise<void> {
  await page.getByLabel("Your message").fill(text);
  await page.keyboard.press("Enter");
  await page.locator(".turn").last().getByText(text, { exact: true }).waitFor();
  await page
    .locator(".turn")
    .last()
    .getByText(/^Saved/)
    .waitFor();
}

const copies = (page: Page) => page.getByRole("button", { name: COPY });

describe("a copy of a chat from an answer on", () => {
  it("has what was said up to it, by keyboard, and leaves the first chat as it was", () =>
    withChat(async (page) => {
      for (const question of ["One?", "Two?", "Three?"]) await send(page, question);
      const [first] = new URL(page.url()).hash.match(/session=[^&]+/) ?? [];
      await copies(page).nth(1).waitFor();
      assert.equal(await copies(page).count(), 3);
      await page.getByRole("button", { name: "Retry" }).nth(1).focus();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await asks(page, "One?", "Two?");
      const told = page.getByRole("status").filter({ hasText: "This is a copy of the chat" });
      await told.waitFor();
      await page.getByLabel("Your message").and(page.locator(":focus")).waitFor();
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await findings(page), [], colorScheme);
      }
      await send(page, "Another way?");
      await told.waitFor({ state: "detached" });
      await page.goBack();
      await asks(page, "One?", "Two?", "Three?");
      assert.equal(new URL(page.url()).hash.match(/session=[^&]+/)?.[0], first);
    }));

  it("shows the version that it was made from, whatever was chosen in between", () =>
    withChat(async (page) => {
      await send(page, "One?");
      await send(page, "Two?");
      await page.getByRole("button", { name: "Edit message" }).nth(1).click();
      await send(page, "Two, or three?");
      const switchTo = (which: "Older" | "Newer") =>
        page.getByRole("button", { name: new RegExp(`^${which} version`) }).click();
      await switchTo("Older");
      await asks(page, "One?", "Two?");
      await send(page, "Why two?");
      await switchTo("Newer");
      await asks(page, "One?", "Two, or three?");
      await copies(page).nth(1).click();
      await page.getByText("This is a copy of the chat").waitFor();
      await asks(page, "One?", "Two, or three?");
    }));
});
