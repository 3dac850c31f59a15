import assert from "node:assert/strict";
import { ask, closeBrowser, HOSTS, withApp } from "./support/with-app.ts";

after(closeBrowser);

for (const host of HOSTS) {
  describe(`chats, choices and scrolling in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("finds, opens, renames and deletes chats", () =>
      withApp(
        {
          host,
          prepare(companion) {
            for (const title of ["About SQLite", "About Postgres"]) {
              const session = companion.addSession(title);
              const turnId = companion.ask(session, `question of ${title}`);
              companion.stream(session, turnId, `answer of ${title}`);
              companion.done(session, turnId);
            }
          },
        },
        async (app) => {
          const { page, companion } = app;
          await page.getByRole("button", { name: "Chats" }).click();
          await page.getByLabel("Search chats").fill("sqlite");
          await page
            .getByRole("button", { name: /^About Postgres/ })
            .waitFor({ state: "detached" });
          await page.getByRole("button", { name: /^About SQLite/ }).click();
          await page.getByText("answer of About SQLite").waitFor();

          await page.getByRole("button", { name: "Rename “About SQLite”" }).press("Enter");
          await page.getByLabel("Title of the chat").fill("On SQLite");
          await page.keyboard.press("Enter");
          await page.getByRole("heading", { level: 2, name: "On SQLite" }).waitFor();

          await page.getByLabel("Search chats").fill("");
          await page.getByRole("button", { name: "Delete “On SQLite”" }).press("Enter");
          await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
          assert.equal(companion.sessions.size, 2);
          await page.getByRole("button", { name: "Delete “On SQLite”" }).press("Enter");
          await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
          await page.getByRole("heading", { level: 2, name: "New chat" }).waitFor();
          assert.equal(companion.sessions.size, 1);
        },
      ));

    it("shows chats by day, pins them, and puts them away until that is undone", () =>
      withApp(
        {
          host,
          prepare(companion) {
            const days = (count: number) => new Date(Date.now() - count * 86_400_000);
            for (const [title, ago] of [
              ["Long ago", 100],
              ["Last week", 5],
              ["Just now", 0],
            ] as const) {
              const session = companion.addSession(title);
              companion.done(session, companion.ask(session, "q"));
              session.updated_at = days(ago).toISOString();
            }
          },
        },
        async ({ page }) => {
          await page.getByRole("button", { name: "Chats" }).click();
          const until = (text: string) =>
            page.waitForFunction((wanted) => {
              const all = document.querySelectorAll<HTMLElement>(
                ".session-list .session-group, .session-list .session-title",
              );
              return Array.from(all, (one) => one.innerText).join(" | ") === wanted;
            }, text);
          await until("Today | Just now | Previous 7 days | Last week | Older | Long ago");
          await page.getByRole("button", { name: "Pin “Long ago”" }).press("Enter");
          await until("Pinned | Long ago | Today | Just now | Previous 7 days | Last week");
          await page.getByRole("heading", { level: 3, name: "Pinned" }).waitFor();

          await page.getByRole("button", { name: "Archive “Last week”" }).press("Enter");
          await until("Pinned | Long ago | Today | Just now");
          await page.getByText("“Last week” is archived.").waitFor();
          await page.getByRole("button", { name: "Undo" }).click();
          await until("Pinned | Long ago | Today | Just now | Previous 7 days | Last week");

          await page.getByRole("button", { name: "Archive “Long ago”" }).press("Enter");
          await until("Today | Just now | Previous 7 days | Last week");
          await page.getByLabel("Chats to show").selectOption("Archive");
          await until("Older | Long ago");
          await page
            .getByRole("button", { name: "Take “Long ago” out of the archive" })
            .press("Enter");
          await page.getByText("Nothing is archived.").waitFor();
          await page.getByLabel("Chats to show").selectOption("All chats");
          await until("Pinned | Long ago | Today | Just now | Previous 7 days | Last week");
          await page.getByRole("button", { name: "Unpin “Long ago”" }).press("Enter");
          await until("Today | Just now | Previous 7 days | Last week | Older | Long ago");
        },
      ));

    it("shows the title that the model has given after the first answer", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "How do I write a parser?");
        await page.getByRole("button", { name: "Chats" }).click();
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        session.title = "Writing a parser";
        await page.getByRole("heading", { level: 2, name: "Writing a parser" }).waitFor();
        await page.getByRole("button", { name: /^Writing a parser/ }).waitFor();
      }));

    it("shows the chats of one workspace", () =>
      withApp(
        {
          host,
          prepare(companion) {
            for (const [title, workspace] of [
              ["Of the web", "/home/me/web"],
              ["Of the server", "/home/me/server"],
              ["Of none", undefined],
            ] as const) {
              const fields = workspace === undefined ? {} : { workspace };
              const session = companion.addSession(title, fields);
              companion.done(session, companion.ask(session, "q"));
            }
          },
        },
        async ({ page }) => {
          await page.getByRole("button", { name: "Chats" }).click();
          await page.getByRole("button", { name: /^Of the web .* · web$/ }).waitFor();
          await page.getByLabel("Chats to show").selectOption("server");
          await page.getByRole("button", { name: /^Of the web/ }).waitFor({ state: "detached" });
          await page.getByRole("button", { name: /^Of the server/ }).waitFor();
          assert.equal(await page.locator(".session").count(), 1);
          // A search looks everywhere, and says so by having no choice of places.
          await page.getByLabel("Search chats").fill("of");
          await page.getByRole("button", { name: /^Of none/ }).waitFor();
          assert.equal(await page.getByLabel("Chats to show").count(), 0);
        },
      ));

    it("shows in the list which chats write, wait and have failed, as that changes", () =>
      withApp(
        {
          host,
          prepare(companion) {
            const turn = (status: "waiting" | "running" | "error", asks = false) => ({
              turn: { id: status, status, ...(asks && { asks }) },
            });
            companion.addSession("Asks", turn("waiting", true));
            companion.addSession("Runs a tool", turn("waiting"));
            companion.addSession("Writes", turn("running"));
            companion.addSession("Broke off", turn("error"));
          },
        },
        async ({ page, companion }) => {
          await page.getByRole("button", { name: "Chats" }).click();
          for (const name of [
            "Asks Waits for you",
            "Runs a tool Writing",
            "Writes Writing",
            "Broke off Failed",
          ]) {
            await page.getByRole("button", { name: new RegExp(`^${name} ·`) }).waitFor();
          }
          const session = [...companion.sessions.values()].find(({ title }) => title === "Writes");
          assert.ok(session);
          session.turn = { id: "running", status: "waiting", asks: true };
          await page.getByRole("button", { name: /^Writes Waits for you ·/ }).waitFor();
        },
      ));

    it("sends with the model and the agent that were chosen, and marks models without a key", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const models = page.getByLabel("Model", { exact: true });
        await models.selectOption("openai/gpt");
        await page.getByText("GPT answers.").waitFor();
        await page.getByLabel("Agent", { exact: true }).selectOption("coder");
        assert.equal(
          await models.locator("option", { hasText: "Claude" }).textContent(),
          "Claude — needs a key",
        );
        await models.selectOption("anthropic/claude");
        if (host === "browser") {
          await page.getByRole("dialog", { name: "Keys of models" }).waitFor();
          await page.keyboard.press("Escape");
        } else {
          await page.getByRole("alert").getByText("Claude: needs a key").waitFor();
        }
        assert.equal(await models.inputValue(), "openai/gpt");
        await ask(app, "Hi");
        assert.equal(companion.messages[0]?.model, "openai/gpt");
        assert.equal(companion.messages[0]?.agent_type, "coder");
        assert.equal(await models.inputValue(), "openai/gpt");
      }));

    it("stays at the end while the answer grows, unless the reader has gone up", () =>
      withApp({ host, height: 500 }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Long");
        const lines = (from: number) =>
          Array.from({ length: 40 }, (_, index) => `line ${from + index}\n\n`).join("");
        companion.stream(session, turnId, lines(0), 200);
        await page.getByText("line 39", { exact: true }).waitFor();
        const log = page.getByRole("log");
        const gap = () =>
          log.evaluate(
            (element) => element.scrollHeight - element.scrollTop - element.clientHeight,
          );
        await page.waitForFunction(() => {
          const element = document.querySelector(".transcript");
          return element && element.scrollHeight - element.scrollTop - element.clientHeight < 2;
        });
        await log.hover();
        await page.mouse.wheel(0, -400);
        await page.getByRole("button", { name: "Jump to latest" }).waitFor();
        const top = await log.evaluate((element) => element.scrollTop);
        companion.stream(session, turnId, lines(40), 200);
        companion.done(session, turnId);
        await page.getByText("line 79", { exact: true }).waitFor();
        assert.equal(await log.evaluate((element) => element.scrollTop), top);
        await page.getByRole("button", { name: "Jump to latest" }).click();
        await page.getByRole("button", { name: "Jump to latest" }).waitFor({ state: "detached" });
        assert.ok((await gap()) < 2);
      }));

    it("opens a long chat at its end and shows more when the reader goes up", () =>
      withApp(
        {
          host,
          prepare(companion) {
            const session = companion.addSession("Long");
            for (let index = 0; index < 120; index += 1) {
              const turnId = companion.ask(session, `question ${index}`);
              companion.stream(session, turnId, `answer ${index}`, 100);
              companion.done(session, turnId);
            }
          },
        },
        async ({ page }) => {
          await page.getByRole("button", { name: "Chats" }).click();
          await page.getByRole("button", { name: /^Long/ }).click();
          await page.getByText("answer 119").waitFor();
          assert.equal(await page.locator(".turn").count(), 30);
          await page.getByRole("log").evaluate((element) => element.scrollTo(0, 0));
          await page.getByText("question 70", { exact: true }).waitFor({ state: "attached" });
          assert.ok((await page.locator(".turn").count()) >= 60);
        },
      ));
  });
}
