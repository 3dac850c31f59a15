import assert from "node:assert/strict";
import { ask, closeBrowser, HOSTS, only, withApp } from "./support/with-app.ts";

after(closeBrowser);

const ANSWER = `It **runs once**.

\`\`\`ts
const a: number = 1;
\`\`\`

| x | y |
|---|---|
| 1 | 2 |
`;

for (const host of HOSTS) {
  describe(`the chat in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("shows an answer as it streams in and says when it is saved", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        await page.getByText("answers from a script, offline").waitFor();
        const { session, turnId } = await ask(app, "Explain");
        companion.stream(session, turnId, ANSWER.slice(0, 30));
        await page.locator(".markdown strong", { hasText: "runs once" }).waitFor();
        assert.equal(await page.getByRole("log").getAttribute("aria-busy"), "true");
        companion.stream(session, turnId, ANSWER.slice(30));
        companion.done(session, turnId);
        await page.getByText("Saved · demo/demo · 1.2 s · 148 tokens").waitFor();
        await page.locator("pre .hljs-keyword", { hasText: "const" }).waitFor();
        assert.equal(await page.locator(".code-language").textContent(), "TypeScript");
        assert.equal(await page.locator("td").count(), 2);
        assert.equal(await page.getByRole("log").getAttribute("aria-busy"), "false");
        const [message] = companion.messages;
        assert.equal(
          message?.message.type === "user_message" && message.message.content,
          "Explain",
        );
        assert.match(message?.request_id ?? "", /^[0-9a-f-]{36}$/);
      }));

    it("keeps numbers of lists and languages of nested code, and paints no code twice", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Explain");
        const text =
          "1. one\n\n   ```py\n   x = 1\n   ```\n\ntext\n\n3. three\n\n```py\ny = 2\n```\n";
        companion.stream(session, turnId, text);
        companion.done(session, turnId);
        await page.locator(".code-block .hljs-number").nth(1).waitFor();
        assert.deepEqual(await page.locator(".code-language").allTextContents(), [
          "Python",
          "Python",
        ]);
        assert.equal(await page.locator("ol").nth(1).getAttribute("start"), "3");
        const painted = await page
          .locator("pre code")
          .evaluateAll((all) => all.map((code) => getComputedStyle(code).backgroundColor));
        assert.deepEqual(painted, ["rgba(0, 0, 0, 0)", "rgba(0, 0, 0, 0)"]);
      }));

    it("sends by Enter, breaks the line by Shift+Enter, and has the next wait for the answer", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const input = page.getByLabel("Your message");
        await input.pressSequentially("one");
        await page.keyboard.press("Shift+Enter");
        await input.pressSequentially("two");
        assert.equal(await input.inputValue(), "one\ntwo");
        assert.equal(companion.messages.length, 0);
        await page.keyboard.press("Enter");
        await page.locator(".status-line.is-live").waitFor();
        assert.equal(await input.inputValue(), "");
        await input.pressSequentially("three");
        await page.keyboard.press("Enter");
        await page.locator(".queue li", { hasText: "three" }).waitFor();
        assert.equal(await input.inputValue(), "");
        assert.equal(await page.locator(".question-text").count(), 1);
        assert.deepEqual(
          companion.messages.map(({ message, when_busy }) => [
            message.type === "user_message" && message.content,
            when_busy,
          ]),
          [
            ["one\ntwo", undefined],
            ["three", "queue"],
          ],
        );
      }));

    it("begins with an example prompt", () =>
      withApp({ host }, async ({ page, companion }) => {
        await page.getByRole("button", { name: "Compare SQLite and Postgres" }).click();
        await page.locator(".question-text", { hasText: "in a table" }).waitFor();
        await page.locator(".status-line.is-live").waitFor();
        assert.equal(companion.messages.length, 1);
      }));

    it("stops by Escape, keeps what had arrived, and goes on by Continue", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Count");
        companion.stream(session, turnId, "one two");
        await page.getByText("one two").waitFor();
        await page.keyboard.press("Escape");
        await page.getByText("Stopped. What had arrived is kept.").waitFor();
        await page.getByText("one two").waitFor();
        await page.getByRole("button", { name: "Continue" }).click();
        await page.locator(".question-text", { hasText: "Continue your last answer" }).waitFor();
        assert.equal(companion.messages.length, 2);
      }));

    it("stops an answer that has not begun yet as soon as it has", () =>
      withApp({ host }, async (app) => {
        const { page } = app;
        await page.getByLabel("Your message").fill("Never mind");
        // In one go: the message is still on its way when Stop is asked for.
        await page.evaluate(() => {
          const input = document.querySelector("textarea");
          for (const key of ["Enter", "Escape"]) {
            input?.dispatchEvent(
              new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
            );
          }
        });
        await page.getByText("Stopped. What had arrived is kept.").waitFor();
      }));

    it("stops by its button", () =>
      withApp({ host }, async (app) => {
        await ask(app, "Count");
        await app.page.getByRole("button", { name: "Stop the answer" }).click();
        await app.page.getByText("Stopped. What had arrived is kept.").waitFor();
      }));

    it("rewrites the last message by Up, and shows the new turn in the old one's place", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Frist");
        companion.stream(session, turnId, "old answer");
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        const input = page.getByLabel("Your message");
        await input.press("ArrowUp");
        await page.getByText("Editing your message").waitFor();
        assert.equal(await input.inputValue(), "Frist");
        await input.fill("First");
        await page.keyboard.press("Enter");
        await page.locator(".question-text", { hasText: "First" }).waitFor();
        await page.getByText("old answer").waitFor({ state: "detached" });
        assert.equal(await page.locator(".question").count(), 1);
        const sent = companion.messages[1]?.message;
        assert.equal(sent?.type === "user_message" && sent.replaces_turn_id, turnId);
      }));

    it("leaves an edit by Escape without sending", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "First");
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        await page.getByLabel("Your message").press("ArrowUp");
        await page.getByText("Editing your message").waitFor();
        await page.keyboard.press("Escape");
        await page.getByText("Editing your message").waitFor({ state: "detached" });
        assert.equal(await page.getByLabel("Your message").inputValue(), "");
      }));

    it("says why an answer failed, what was kept, and asks again by Retry", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Explain");
        companion.stream(session, turnId, "half an ans");
        companion.say(session, turnId, {
          type: "error",
          error: "The model server cut the connection.",
          metadata: {
            code: "upstream_cut",
            hint: "Try again later.",
            retryable: true,
            kept_chars: 11,
          },
        });
        await page.getByText("The model server cut the connection.").waitFor();
        await page.getByText("Try again later.").waitFor();
        await page.getByText("What had arrived is saved").waitFor();
        await page.getByRole("button", { name: "Retry" }).click();
        await page.getByText("half an ans").waitFor({ state: "detached" });
        const sent = companion.messages[1]?.message;
        assert.deepEqual(sent, {
          type: "user_message",
          content: "Explain",
          replaces_turn_id: turnId,
        });
      }));

    it("goes on after a reload in the middle of an answer", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Explain");
        companion.stream(session, turnId, "first half, ");
        await page.getByText("first half").waitFor();
        await page.getByLabel("Your message").fill("my draft");
        await app.reload();
        await page.getByText("first half").waitFor();
        assert.equal(await page.getByLabel("Your message").inputValue(), "my draft");
        companion.stream(session, turnId, "second half");
        companion.done(session, turnId);
        await page.getByText("first half, second half").waitFor();
        await page.getByText("Saved").waitFor();
      }));

    it("says calmly that another window was faster, keeps the draft, and forgets it with that answer", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId: before } = await ask(app);
        companion.done(session, before);
        await page.getByText("Saved").waitFor();
        companion.refusals.push({
          status: 409,
          code: "session_busy",
          message: "It is answered by the companion on desk.",
          hint: "Wait.",
        });
        await app.send("Precious words");
        const note = page.locator(".banner", { hasText: "This chat is answering another message" });
        await note.getByText("the companion on desk").waitFor();
        assert.equal(await note.getAttribute("role"), "status");
        assert.equal(await page.getByLabel("Your message").inputValue(), "Precious words");
        assert.equal(await page.locator(".question").count(), 1);
        // What the other window asked comes, and can be stopped from here.
        const turnId = companion.ask(session, "The other's question");
        companion.stream(session, turnId, "its answer");
        await page.getByRole("button", { name: "Stop the answer" }).waitFor();
        assert.equal(await note.count(), 1);
        companion.done(session, turnId);
        await note.waitFor({ state: "detached" });
        await page.getByLabel("Your message").press("Enter");
        await page.locator(".question-text", { hasText: "Precious words" }).waitFor();
      }));

    it("shows a message that was refused, with the reason, and gives it back", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        companion.refusals.push({
          status: 429,
          code: "rate_limited",
          message: "Too many streams are open.",
          hint: "Wait.",
        });
        await app.send("Precious words");
        await page.getByText("Too many streams are open.").waitFor();
        await page.getByRole("button", { name: "Back to the draft" }).click();
        await page.locator(".question").waitFor({ state: "detached" });
        assert.equal(await page.getByLabel("Your message").inputValue(), "Precious words");
      }));
  });
}

describe("the chat in Russian", () => {
  it("speaks Russian everywhere", () =>
    withApp({ language: "ru-RU" }, async (app) => {
      const { page, companion } = app;
      await page.getByText("Отвечает встроенная демонстрация").waitFor();
      await page.getByLabel("Ваше сообщение").fill("Привет");
      await page.keyboard.press("Enter");
      await page.locator(".status-line.is-live", { hasText: "Пишет" }).waitFor();
      const session = only(app);
      companion.done(session, session.turn?.id ?? "");
      await page.getByText("Сохранено · demo/demo · 1,2 с · 148 токенов").waitFor();
      assert.equal(await page.locator("html").getAttribute("lang"), "ru-RU");
    }));
});
