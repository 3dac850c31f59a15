// The whole way: the companion's own process with its demo model, its database, its
// pages, in a real browser.
import assert from "node:assert/strict";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { type RealCompanion, withRealCompanion } from "./support/real-companion.ts";
import { closeBrowser, withPage } from "./support/with-app.ts";

after(closeBrowser);

function withChat(body: (page: Page, companion: RealCompanion) => Promise<void>): Promise<void> {
  return withRealCompanion((companion) =>
    withPage(async (page) => {
      await page.goto(companion.url());
      await page.getByText("You are talking to the built-in demo").waitFor();
      await body(page, companion);
    }),
  );
}

async function send(page: Page, text: string): Promise<void> {
  await page.getByLabel("Your message").fill(text);
  await page.keyboard.press("Enter");
  await page.locator(".status-line.is-live").waitFor();
}

const shownAnswer = (page: Page): Promise<string> =>
  page.locator(".answer .markdown").last().innerText();

async function waitForText(page: Page, length: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => (document.querySelector(".answer .markdown")?.textContent?.length ?? 0) > wanted,
    length,
  );
}

describe("the web app and the real companion", () => {
  it("stream an answer, keep it, and show the same after a reload", () =>
    withChat(async (page) => {
      await page.getByText("every commit synced").waitFor();
      await page.getByRole("button", { name: "Compare SQLite and Postgres" }).click();
      await page.getByText(/^Saved · demo\/demo/).waitFor();
      const answer = await shownAnswer(page);
      assert.ok((await page.locator(".answer td").count()) > 3);
      await page.reload();
      await page.getByText(/^Saved · demo\/demo/).waitFor();
      await page.locator(".answer td").first().waitFor();
      assert.equal(await shownAnswer(page), answer);
      await page.getByRole("heading", { level: 2, name: /Compare SQLite and Postgres/ }).waitFor();
    }));

  it("keep on the screen what a restored copy of the database does not have, and say so", () =>
    withChat(async (page, companion) => {
      const database = join(companion.dataDir, "streamkeeper.db");
      const copyTo = (to: string, from: string) => {
        for (const part of ["", "-wal"]) cpSync(from + part, to + part, { force: true });
        rmSync(`${to}-shm`, { force: true });
      };
      await send(page, "First question");
      await page.getByText(/^Saved · demo\/demo/).waitFor();
      await companion.kill();
      const copy = join(companion.dataDir, "copy.db");
      copyTo(copy, database);
      await companion.start();
      await send(page, "Second question");
      await page.locator(".turn[data-status=done]").nth(1).waitFor();
      await companion.kill();
      copyTo(database, copy);
      await companion.start();
      const gone = page.locator(".gone-words");
      await gone.getByText(/^\d+ chunks that you saw are not in the restored copy/).waitFor();
      await gone.getByText("Second question").waitFor();
      assert.ok((await gone.locator(".answer .markdown").innerText()).length > 50);
      assert.equal(await gone.getByText("First question").count(), 0);
      assert.equal(await page.locator(".turn").count(), 1);
      // The chat goes on, with numbers that the page has seen before.
      await send(page, "Third question");
      await page.locator(".turn[data-status=done]").nth(1).waitFor();
      assert.match(await page.locator(".turn").nth(1).innerText(), /Third question/);
      await gone.getByText("Second question").waitFor();
    })).timeout(60_000);

  it("have every file that the build has made, and none of them is a secret", () =>
    withRealCompanion(async (companion) => {
      const names = readdirSync(new URL("../../dist/webview/", import.meta.url));
      const loaded = names.filter((name) => /\.(?:js|css|ttf|woff2)$/.test(name));
      assert.ok(loaded.includes("mention-list.js") && loaded.includes("highlight.js"));
      for (const name of loaded) {
        const response = await fetch(new URL(`/${name}`, companion.url()));
        assert.equal(response.status, 200, name);
        assert.notEqual(response.headers.get("content-type"), null, name);
        await response.arrayBuffer();
      }
      for (const name of ["package.json", "..%2fserver%2fmain.js", "app.js%00", "nothing.js"]) {
        assert.equal((await fetch(new URL(`/${name}`, companion.url()))).status, 401, name);
      }
    }));

  it("offer the agents at a slash", () =>
    withChat(async (page) => {
      await page.getByLabel("Your message").pressSequentially("/arch");
      await page.getByRole("option", { name: /^\/architect/ }).waitFor();
    }));

  it("go on with the answer after a reload in its middle", () =>
    withChat(async (page) => {
      await send(page, "Give me a long answer");
      await waitForText(page, 60);
      const before = await shownAnswer(page);
      await page.reload();
      await page.locator(".status-line.is-live").waitFor();
      await waitForText(page, before.length + 40);
      assert.ok((await shownAnswer(page)).startsWith(before.slice(0, 60)));
      await page.getByRole("button", { name: "Stop the answer" }).click();
      await page.getByText("Stopped. What had arrived is kept.").waitFor();
    }));

  it("have everything that was seen when the companion is killed, and offer to continue", () =>
    withChat(async (page, companion) => {
      await send(page, "Give me a long answer");
      await waitForText(page, 200);
      await companion.kill();
      await page.getByText("The companion is away").waitFor();
      const seen = await shownAnswer(page);
      await companion.start();
      await page.getByRole("button", { name: "Try now" }).click();
      await page.getByRole("button", { name: "Continue" }).waitFor();
      const kept = await shownAnswer(page);
      assert.ok(
        kept.startsWith(seen),
        `seen ${JSON.stringify(seen)}, kept ${JSON.stringify(kept)}`,
      );
      await page.getByRole("button", { name: "Continue" }).click();
      await page.locator(".status-line.is-live").waitFor();
      await page.getByRole("button", { name: "Stop the answer" }).click();
    }));

  it("ask before the demo's tool runs, and switch its agent", () =>
    withChat(async (page) => {
      await send(page, "Use a tool");
      await page.getByText("May demo_word_count run?", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Approve" }).click();
      await page.getByText("Tool demo_word_count").waitFor();
      await page.getByText(/^Saved · demo\/demo/).waitFor();
      await send(page, "Now switch the agent");
      await page.getByText("Coder takes over").waitFor();
      await page
        .getByText(/^Saved · demo\/demo/)
        .nth(1)
        .waitFor();
      assert.equal(await page.getByLabel("Agent", { exact: true }).inputValue(), "coder");
    }));

  it("replace an answer by Retry and a message by its edit", () =>
    withChat(async (page) => {
      await send(page, "Show me some code");
      await page.getByText(/^Saved/).waitFor();
      await page.getByRole("button", { name: "Retry" }).click();
      await page.locator(".status-line.is-live").waitFor();
      await page.getByText(/^Saved/).waitFor();
      await page.getByLabel("Your message").press("ArrowUp");
      await page.getByText("Editing your message").waitFor();
      await page.getByLabel("Your message").fill("Compare in a table");
      await page.keyboard.press("Enter");
      await page.locator(".answer td").first().waitFor();
      await page.getByText(/^Saved/).waitFor();
      assert.deepEqual(await page.locator(".question-text").allInnerTexts(), [
        "Compare in a table",
      ]);
      await page.reload();
      await page.locator(".answer td").first().waitFor();
      assert.deepEqual(await page.locator(".question-text").allInnerTexts(), [
        "Compare in a table",
      ]);
    }));

  it("find, rename and delete a chat", () =>
    withChat(async (page) => {
      await send(page, "Tell me of the quick brown fox");
      await page.getByText(/^Saved/).waitFor();
      await page.getByRole("button", { name: "New chat" }).click();
      await page.getByRole("button", { name: "Chats" }).click();
      await page.getByLabel("Search chats").fill("brown");
      const found = page.locator(".session-open");
      await found.first().waitFor();
      assert.equal(await found.count(), 1);
      await page.getByRole("button", { name: /^Rename/ }).press("Enter");
      await page.getByLabel("Title of the chat").fill("The fox");
      await page.keyboard.press("Enter");
      await page.locator(".session-title", { hasText: "The fox" }).waitFor();
      await page.getByRole("button", { name: "Delete “The fox”" }).press("Enter");
      await page.getByText(/bring it back for 30 days/).waitFor();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await found.first().waitFor({ state: "detached" });
    }));

  it("bring a deleted chat back, at once or from the list, until it is deleted for good", () =>
    withChat(async (page) => {
      await send(page, "Tell me of the quick brown fox");
      await page.getByText(/^Saved/).waitFor();
      await page.getByRole("button", { name: "Chats" }).click();
      const row = page.locator(".session-open");
      const remove = async (): Promise<void> => {
        await row.first().waitFor();
        await page.getByRole("button", { name: /^Delete “/ }).press("Enter");
        await page.getByRole("dialog").getByRole("button", { name: "Delete" }).press("Enter");
        await row.first().waitFor({ state: "detached" });
      };
      await remove();
      await page.getByRole("button", { name: "Undo" }).press("Enter");
      await row.first().click();
      await page.locator(".message", { hasText: "quick brown fox" }).first().waitFor();
      await remove();
      await page.locator("summary", { hasText: "Deleted chats (1)" }).press("Enter");
      await page.getByRole("button", { name: /^Bring “/ }).press("Enter");
      await page.locator("summary", { hasText: "Deleted chats" }).waitFor({ state: "detached" });
      await remove();
      await page.locator("summary", { hasText: "Deleted chats (1)" }).press("Enter");
      await page.getByRole("button", { name: /for good$/ }).press("Enter");
      await page.getByText("removed for good").waitFor();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).press("Enter");
      await page.locator("summary", { hasText: "Deleted chats" }).waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Undo" }).waitFor({ state: "detached" });
    }));

  it("show the same answer in two windows as it is written", () =>
    withChat(async (page, companion) => {
      await send(page, "Give me a long answer");
      await waitForText(page, 60);
      const state = await page.evaluate(() => sessionStorage.getItem("streamkeeper.state"));
      const other = await page.context().newPage();
      await other.goto(companion.url());
      await other.evaluate(
        (saved) => sessionStorage.setItem("streamkeeper.state", saved ?? ""),
        state,
      );
      await other.reload();
      await other.locator(".status-line.is-live").waitFor();
      await waitForText(other, 120);
      await other.getByRole("button", { name: "Stop the answer" }).click();
      for (const window of [page, other]) {
        await window.getByText("Stopped. What had arrived is kept.").waitFor();
      }
      const answer = await shownAnswer(other);
      // The other window draws in its own time.
      await page.waitForFunction(
        (wanted) => document.querySelector<HTMLElement>(".answer .markdown")?.innerText === wanted,
        answer,
      );
    }));
});
