// Chats out and in through the web app: the real companion, real downloads, real files.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { findings } from "./support/axe.ts";
import { withRealCompanion } from "./support/real-companion.ts";
import { closeBrowser, withApp, withPage } from "./support/with-app.ts";

after(closeBrowser);

async function openTransfer(page: Page): Promise<Locator> {
  await page.getByRole("button", { name: "Export and import" }).click();
  const dialog = page.getByRole("dialog", { name: "Export and import" });
  await dialog.waitFor();
  return dialog;
}

async function savedBy(page: Page, button: Locator): Promise<{ name: string; text: string }> {
  const coming = page.waitForEvent("download");
  await button.click();
  const download = await coming;
  const text = readFileSync(await download.path(), "utf8");
  return { name: download.suggestedFilename(), text };
}

async function chooseFile(page: Page, dialog: Locator, path: string): Promise<void> {
  const chooser = page.waitForEvent("filechooser");
  await dialog.getByRole("button", { name: "Choose files…" }).click();
  await (await chooser).setFiles(path);
}

describe("export, import and copies in the web app", () => {
  it("save whole chats as files, take them in again once, and go on in a copy", () =>
    withRealCompanion((companion) =>
      withPage(async (page) => {
        await page.goto(companion.url());
        await page.getByRole("button", { name: "Compare SQLite and Postgres" }).click();
        await page.getByText(/^Saved · demo\/demo/).waitFor();
        await page.getByRole("button", { name: "Chats" }).click();
        const dialog = await openTransfer(page);
        assert.deepEqual(await findings(page), []);

        const exportChat = dialog.getByRole("button", { name: "Export chat" });
        const whole = await savedBy(page, exportChat);
        assert.match(whole.name, /Compare SQLite.*\.jsonl$/);
        await dialog.getByText(`Exported: ${whole.name}`).waitFor();
        await dialog.getByLabel("As").selectOption("markdown");
        const shown = await savedBy(page, exportChat);
        assert.match(shown.name, /\.md$/);
        assert.match(shown.text, /Compare SQLite and Postgres/);
        const all = await savedBy(page, dialog.getByRole("button", { name: "Export all chats" }));
        assert.ok(all.text.includes("Compare SQLite"));

        await dialog.getByRole("button", { name: "Go on in a copy" }).click();
        await dialog.waitFor({ state: "detached" });
        await page.locator(".session").nth(1).waitFor();
        await page.getByText(/^Saved · demo\/demo/).waitFor();
        // The copy goes, and the one it was taken from.
        for (const left of [1, 0]) {
          await page.locator(".session:not(.deleted-chats *)").first().hover();
          await page
            .getByRole("button", { name: /^Delete “Compare/ })
            .first()
            .click();
          await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
          await page.locator(`.sessions > .session-list > .session >> nth=${left}`).waitFor({
            state: "detached",
          });
        }

        const file = join(companion.dataDir, "chat.jsonl");
        writeFileSync(file, whole.text);
        const again = await openTransfer(page);
        await chooseFile(page, again, file);
        await again.getByText("Imported chats: 1; here already: 0.").waitFor();
        await chooseFile(page, again, file);
        await again.getByText("Imported chats: 0; here already: 1.").waitFor();
        writeFileSync(file, whole.text.slice(0, -200));
        await chooseFile(page, again, file);
        await again.locator(".transfer-problems, .transfer-state:has-text('not whole')").waitFor();
        await page.keyboard.press("Escape");
        await again.waitFor({ state: "detached" });
        assert.equal(await page.locator(".sessions > .session-list > .session").count(), 1);
      }),
    ));

  it("can be cancelled, and say when the connection broke off; nothing is saved then", () =>
    withApp({ host: "browser", allowErrors: true }, async ({ page, companion }) => {
      let downloads = 0;
      page.on("download", () => (downloads += 1));
      const begun = { type: "application/jsonl", body: '{"begun":true}\n' };
      companion.pages.set("/v1/export", { ...begun, after: "hold" });
      await page.getByRole("button", { name: "Chats" }).click();
      const dialog = await openTransfer(page);
      const exportAll = dialog.getByRole("button", { name: "Export all chats" });
      await exportAll.click();
      await dialog.getByRole("progressbar", { name: "Exporting…" }).waitFor();
      assert.ok(await exportAll.isDisabled());
      await dialog.getByRole("button", { name: "Cancel" }).click();
      await dialog.getByText("Cancelled.").waitFor();
      companion.pages.set("/v1/export", { ...begun, after: "break" });
      await exportAll.click();
      await dialog.getByRole("alert").getByText("The connection broke off").waitFor();
      assert.equal(downloads, 0);
    }));

  it("speak Russian, and are left to commands in VS Code", async () => {
    await withApp({ host: "browser", language: "ru" }, async ({ page }) => {
      await page.getByRole("button", { name: "Чаты" }).click();
      await page.getByRole("button", { name: "Экспорт и импорт" }).click();
      await page.getByRole("dialog").getByText("Откройте чат").waitFor();
      assert.deepEqual(await findings(page), []);
    });
    await withApp({ host: "vscode" }, async ({ page }) => {
      await page.getByRole("button", { name: "Chats" }).click();
      await page.getByLabel("Search chats").waitFor();
      assert.equal(await page.getByRole("button", { name: "Export and import" }).count(), 0);
    });
  });
});
