// In a browser each chat has an address: for Back and Forward, a reload, and a link.
import assert from "node:assert/strict";
import { closeBrowser, type OpenApp, withApp } from "./support/with-app.ts";

after(closeBrowser);

async function withTwo(
  body: (app: OpenApp, ids: { one: string; two: string }) => Promise<void>,
): Promise<void> {
  const ids: string[] = [];
  await withApp(
    {
      prepare(companion) {
        for (const name of ["one", "two"]) {
          const session = companion.addSession(`Chat ${name}`);
          const turnId = companion.ask(session, `question ${name}`);
          companion.stream(session, turnId, `answer ${name}`, 100);
          companion.done(session, turnId);
          ids.push(session.id);
        }
      },
    },
    (app) => body(app, { one: ids[0] ?? "", two: ids[1] ?? "" }),
  );
}

async function open({ page }: OpenApp, name: string): Promise<void> {
  await page.getByRole("button", { name: new RegExp(`^Chat ${name}`) }).click();
  await page.getByText(`answer ${name}`).waitFor();
}

const shows = (page: OpenApp["page"], title: string) =>
  page.waitForFunction((wanted) => document.title === wanted, `${title} · Streamkeeper`);

describe("the address of a chat", () => {
  it("is gone through by Back and Forward, and names no token", () =>
    withTwo(async (app, { one, two }) => {
      const { page, companion } = app;
      await page.waitForURL(`${companion.origin}/`);
      await page.getByRole("button", { name: "Chats" }).click();
      await open(app, "one");
      assert.equal(page.url(), `${companion.origin}/#session=${one}`);
      await open(app, "two");
      assert.equal(page.url(), `${companion.origin}/#session=${two}`);
      await page.goBack();
      await page.getByText("answer one").waitFor();
      await shows(page, "Chat one");
      await page.goBack();
      await page.getByRole("heading", { level: 2, name: "New chat" }).waitFor();
      assert.equal(page.url(), `${companion.origin}/`);
      await page.goForward();
      await page.getByText("answer one").waitFor();
      await page.goForward();
      await page.getByText("answer two").waitFor();
      await shows(page, "Chat two");
      // A new chat becomes one with an address when something is said in it.
      await page.getByRole("button", { name: "New chat" }).first().click();
      await page.waitForURL(`${companion.origin}/`);
      await app.send("Hello");
      await page.waitForURL(/#session=/);
      assert.equal(
        page.url(),
        `${companion.origin}/#session=${[...companion.sessions.keys()].at(-1)}`,
      );
    }));

  it("opens the same chat after a reload, with what is written in it", () =>
    withTwo(async (app, { one, two }) => {
      const { page, companion } = app;
      await page.getByRole("button", { name: "Chats" }).click();
      await open(app, "one");
      await open(app, "two");
      await page.getByLabel("Your message").fill("not sent");
      await app.reload();
      await page.getByText("answer two").waitFor();
      assert.equal(await page.getByLabel("Your message").inputValue(), "not sent");
      assert.equal(page.url(), `${companion.origin}/#session=${two}`);
      await page.goBack();
      await page.getByText("answer one").waitFor();
      // Another chat's address before the reload: that one.
      await page.evaluate((id) => history.replaceState(null, "", `#session=${id}`), two);
      await app.reload();
      await page.getByText("answer two").waitFor();
      assert.equal(page.url(), `${companion.origin}/#session=${two}`);
      assert.notEqual(one, two);
    }));

  it("says so where there is no such chat", () =>
    withTwo(async (app, { one }) => {
      const { page } = app;
      await page.getByRole("button", { name: "Chats" }).click();
      await open(app, "one");
      await page.getByRole("button", { name: "Delete “Chat one”" }).press("Enter");
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await page.getByRole("heading", { level: 2, name: "New chat" }).waitFor();
      await page.goBack();
      await page.getByText("This chat is not there any more").waitFor();
      assert.ok(page.url().endsWith(`#session=${one}`));
      // And it is left like any other.
      await open(app, "two");
    }));
});
