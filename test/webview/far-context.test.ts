// Pages of the web and past chats with a message: the real companion, a real site.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { findings } from "./support/axe.ts";
import { withRealCompanion } from "./support/real-companion.ts";
import { closeBrowser, withPage } from "./support/with-app.ts";

after(closeBrowser);

describe("context of no editor in the web app", () => {
  it("is a page or a past chat, chosen by keyboard, sent with the message and the same later", async () => {
    const { port, close } = await startSite();
    try {
      await withRealCompanion(
        (companion) =>
          withPage(async (page) => {
            await page.goto(companion.url());
            await page.getByRole("button", { name: "Compare SQLite and Postgres" }).click();
            await page.getByText(/^Saved · demo\/demo/).waitFor();
            await page.getByRole("button", { name: "New chat" }).first().click();

            const input = page.getByLabel("Your message");
            await input.pressSequentially("Read @");
            const list = page.getByRole("listbox", { name: "Add to the message" });
            await list.getByRole("option", { name: "@url a page of the web" }).waitFor();
            assert.equal(await list.getByRole("option").count(), 2);
            assert.deepEqual(await findings(page), []);
            await input.pressSequentially(`url:http://localhost:${port}/guide`);
            await list.getByRole("option", { name: /guide add this page/ }).waitFor();
            await page.keyboard.press("Enter");
            const chips = page.locator(".composer .chip");
            await chips.getByText(`http://localhost:${port}/guide`).waitFor();

            await input.pressSequentially("and @chat:");
            await list.getByRole("option", { name: /^Compare SQLite/ }).waitFor();
            await page.keyboard.press("Enter");
            await chips.getByText("@chat Compare SQLite").waitFor();
            // What leads inside is refused, and said so.
            await input.pressSequentially("@url:http://169.254.169.254/latest");
            await list.getByRole("option", { name: /latest add this page/ }).waitFor();
            await page.keyboard.press("Enter");
            await page.getByRole("alert").getByText("is not on the public internet").waitFor();
            assert.equal(await chips.count(), 2);

            await page.keyboard.press("Enter");
            await page.getByText(/^Saved · demo\/demo/).waitFor();
            await page.reload();
            const sent = page.locator(".question .chip");
            await sent.getByText("@chat Compare SQLite").waitFor();
            await sent.getByText(`http://localhost:${port}/guide`).click();
            await page.getByText("Turn it off and on.").waitFor();
            await page.getByText("was written by strangers").waitFor();
          }),
        ["--private-hosts", "localhost"],
      );
    } finally {
      close();
    }
  });

  it("is a page whose address is pasted alone, once that was asked for", async () => {
    const { port, asked, close } = await startSite();
    try {
      await withRealCompanion(
        (companion) =>
          withPage(async (page) => {
            await page.goto(companion.url());
            const input = page.getByLabel("Your message");
            const paste = async (text: string): Promise<void> => {
              await input.fill(text);
              for (const key of ["a", "x", "v"]) await page.keyboard.press(`Control+${key}`);
            };
            const site = `http://localhost:${port}`;
            const offer = page.getByRole("group", { name: /^Attach the page/ });
            await paste(`${site}/first`);
            await offer.getByText(`Attach the page localhost:${port}/first?`).waitFor();
            assert.equal(await input.inputValue(), `${site}/first`);
            assert.deepEqual(await findings(page), []);
            await input.press("Escape");
            await offer.waitFor({ state: "detached" });
            // Who has said no is not asked again, and an address within words is none alone.
            await paste(`${site}/first`);
            await paste(`see ${site}/second there`);
            await paste(`${site}/third`);
            await offer.getByText("/third?").waitFor();
            assert.equal(await offer.count(), 1);
            await input.fill("");
            await offer.waitFor({ state: "detached" });
            assert.deepEqual(asked, [], "nothing was fetched");

            await paste(`${site}/fourth`);
            await offer.waitFor();
            await page.keyboard.press("Shift+Tab");
            await page.keyboard.press("Shift+Tab");
            await page.keyboard.press("Enter");
            await page.locator(".composer .chip").getByText(`${site}/fourth`).waitFor();
            assert.deepEqual(asked, ["/fourth"]);
            assert.equal(await offer.count(), 0);
            assert.ok(await input.evaluate((element) => element === document.activeElement));
            await paste(`${site}/fourth`);
            await paste(`${site}/fifth`);
            await offer.getByText("/fifth?").waitFor();
            await input.press("Enter");
            await page.getByText(/^Saved · demo\/demo/).waitFor();
            assert.equal(await offer.count(), 0);
            assert.deepEqual(asked, ["/fourth"], "sent, it is gone");
          }),
        ["--private-hosts", "localhost"],
      );
    } finally {
      close();
    }
  });
});

async function startSite(): Promise<{ port: number; asked: string[]; close: () => void }> {
  const asked: string[] = [];
  const site = createServer(({ url = "" }, response) => {
    asked.push(url);
    const html = "<title>Guide</title><main><h1>Guide</h1><p>Turn it off and on.</p></main>";
    response.writeHead(200, { "content-type": "text/html" }).end(html);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  const close = (): void => {
    site.closeAllConnections();
    site.close();
  };
  return { port: (site.address() as AddressInfo).port, asked, close };
}
