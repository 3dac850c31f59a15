import assert from "node:assert/strict";
import { ask, closeBrowser, only, withApp } from "./support/with-app.ts";

after(closeBrowser);

describe("the chat in VS Code's webview", () => {
  it("copies and inserts exactly the code that is shown", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, companion, posted } = app;
      const { session, turnId } = await ask(app, "Code");
      const code = 'if (a < b && c) {\n\treturn "<b>";\n}\n';
      companion.stream(session, turnId, `\`\`\`js\n${code}\`\`\`\n`);
      companion.done(session, turnId);
      await page.locator("pre .hljs-keyword").first().waitFor();
      await page.getByRole("button", { name: "Copy code" }).click();
      await page.getByRole("button", { name: "Insert at cursor" }).click();
      await page.getByRole("button", { name: "Copied" }).waitFor();
      assert.equal(await page.locator("pre").textContent(), code);
      const asked = posted.filter(({ type }) => type === "copy" || type === "use_code");
      assert.deepEqual(asked, [
        { type: "copy", text: code },
        {
          type: "use_code",
          use: { how: "insert", text: code, language: "js", info: "", hint: "" },
        },
      ]);
    }));

  it("opens the places in files that an answer names, by mouse and keyboard", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, companion, posted } = app;
      const { session, turnId } = await ask(app, "Where");
      const text =
        "See `src/a.ts:12:3` and **lib/b.rs:7**, not [x/c.ts:1](https://e.example) or https://e.example/d.ts:2\n\n```\nx/e.ts:5\n```\n";
      companion.stream(session, turnId, text, 9);
      companion.done(session, turnId);
      await page.getByText("Saved").waitFor();
      const links = page.locator(".answer .file-link");
      assert.deepEqual(await links.allTextContents(), ["src/a.ts:12:3", "lib/b.rs:7"]);
      await links.first().click();
      await links.last().press("Enter");
      assert.deepEqual(
        posted.filter(({ type }) => type === "open_file"),
        [
          { type: "open_file", path: "src/a.ts", line: 12, column: 3 },
          { type: "open_file", path: "lib/b.rs", line: 7 },
        ],
      );
    }));

  it("does what the host's commands say", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, companion, post } = app;
      const context = [{ type: "selection" as const, label: "main.ts:3-9", content: "let a" }];
      await post({ type: "compose", text: "What is this?", context });
      await page.getByText("main.ts:3-9").waitFor();
      assert.equal(await page.getByLabel("Your message").inputValue(), "What is this?");
      await page.getByLabel("Your message").press("Enter");
      await page.locator(".question .chip", { hasText: "main.ts:3-9" }).waitFor();
      await page.locator(".status-line.is-live").waitFor();
      const sent = companion.messages[0]?.message;
      assert.deepEqual(sent?.type === "user_message" && sent.context, context);
      await post({ type: "do", action: "stop" });
      await page.getByText("Stopped. What had arrived is kept.").waitFor();
      await post({ type: "do", action: "new_chat" });
      await page.getByText("What you see is saved").waitFor();
      await post({ type: "do", action: "show_sessions" });
      await page.getByLabel("Search chats").waitFor();
      await post({ type: "open_session", session_id: only(app).id });
      await page.locator(".question-text", { hasText: "What is this?" }).waitFor();
    }));

  it("uncovers the chat for what the host's commands bring to it, in a narrow place", () =>
    withApp({ host: "vscode", width: 300 }, async (app) => {
      const { page, post } = app;
      const { session } = await ask(app, "First");
      const search = page.getByLabel("Search chats");
      for (const message of [
        { type: "do" as const, action: "new_chat" as const },
        { type: "open_session" as const, session_id: session.id },
        { type: "do" as const, action: "focus_composer" as const },
        { type: "compose" as const, text: "What is this?", context: [] },
      ]) {
        await post({ type: "do", action: "show_sessions" });
        await search.waitFor();
        await post(message);
        await search.waitFor({ state: "detached" });
      }
    }));

  it("brings a draft, and a message that was not sent, back with their context after a reload", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, companion, post } = app;
      const { session, turnId } = await ask(app, "First");
      companion.done(session, turnId);
      await page.getByText("Saved").waitFor();
      const file = { type: "file" as const, label: "main.ts", content: "let a", uri: "file:///a" };
      const other = { type: "file" as const, label: "other.ts", content: "let b" };
      const message = page.getByLabel("Your message");
      await post({ type: "compose", text: "", context: [file] });
      await message.fill("What is this?");
      await app.reload();
      await page.locator(".composer .chip", { hasText: "main.ts" }).waitFor();
      assert.equal(await message.inputValue(), "What is this?");

      await companion.stop();
      await message.press("Enter");
      await page.getByText("Not sent yet").waitFor();
      await post({ type: "compose", text: "And then", context: [other] });
      await companion.start();
      await app.reload();
      await page.locator(".question .chip", { hasText: "main.ts" }).waitFor();
      await page.locator(".composer .chip", { hasText: "other.ts" }).waitFor();
      assert.equal(await page.locator(".composer .chip").count(), 1);
      assert.equal(await message.inputValue(), "And then");
      await page.locator(".status-line.is-live").waitFor();
      const sent = companion.messages.at(-1)?.message;
      assert.deepEqual(sent?.type === "user_message" && sent.context, [file]);
    }));

  it("tells the host what is shown and whether it runs", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { companion, posted, page } = app;
      const { session, turnId } = await ask(app, "Name me");
      companion.done(session, turnId);
      await page.getByText("Saved").waitFor();
      const states = posted.filter((message) => message.type === "view_state");
      assert.deepEqual(states[0], {
        type: "view_state",
        session_id: null,
        title: "",
        streaming: false,
      });
      assert.ok(states.some(({ streaming }) => streaming));
      assert.deepEqual(states.at(-1), {
        type: "view_state",
        session_id: session.id,
        title: "Name me",
        streaming: false,
      });
    }));

  it("ignores messages that are not of its contract", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app, "Hi");
      await page.evaluate((sessionId) => {
        const forged: unknown[] = [
          null,
          1,
          "x",
          [],
          {},
          { type: "nope" },
          { type: "__proto__" },
          { type: "constructor" },
          { type: "chunks", subscription: 1, chunks: "x" },
          { type: "chunks", subscription: 1, chunks: [null, { seq: "1" }] },
          { type: "failure", id: 1, error: null },
          { type: "connection", connection: { state: "gone" } },
          { type: "compose", text: 5, context: [] },
          {
            type: "chunks",
            subscription: 99,
            chunks: [{ type: "done", seq: 3, session_id: sessionId }],
          },
        ];
        for (const message of forged) window.postMessage(message, "*");
        for (let index = 0; index < 5_000; index += 1)
          window.postMessage({ type: "flood", index }, "*");
      }, session.id);
      companion.stream(session, turnId, "still here");
      companion.done(session, turnId);
      await page.getByText("still here").waitFor();
      await page.getByText("Saved").waitFor();
    }));
});
