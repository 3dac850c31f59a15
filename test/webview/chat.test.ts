import assert from "node:assert/strict";
import { closeBrowser, HOSTS, type OpenApp, withApp } from "./support/with-app.ts";
import type { ScriptedSession } from "./support/scripted-companion.ts";

after(closeBrowser);

const ANSWER = `It **runs once**.

\`\`\`ts
const a: number = 1;
\`\`\`

| x | y |
|---|---|
| 1 | 2 |
`;

/** The one session there is. */
function only({ companion }: OpenApp): ScriptedSession {
  const [session] = companion.sessions.values();
  assert.ok(session);
  return session;
}

/** Sends, and waits until the companion has the message. */
async function ask(app: OpenApp, text: string): Promise<{ session: ScriptedSession; turnId: string }> {
  await app.send(text);
  await app.page.locator(".question-text", { hasText: text }).last().waitFor();
  await app.page.locator(".status-line.is-live").waitFor();
  const session = only(app);
  return { session, turnId: session.turn?.id ?? "" };
}

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
        assert.equal(message?.message.type === "user_message" && message.message.content, "Explain");
        assert.match(message?.request_id ?? "", /^[0-9a-f-]{36}$/);
      }));

    it("sends by Enter, breaks the line by Shift+Enter, and waits for the answer before the next", () =>
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
        assert.equal(await input.inputValue(), "three");
        const session = only(app);
        companion.done(session, session.turn?.id ?? "");
        await page.getByRole("button", { name: "Send" }).and(page.locator(":enabled")).waitFor();
        await page.keyboard.press("Enter");
        await page.locator(".question-text", { hasText: "three" }).waitFor();
        assert.deepEqual(
          companion.messages.map(({ message }) => message.type === "user_message" && message.content),
          ["one\ntwo", "three"],
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
            input?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
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
        await input.focus();
        await page.keyboard.press("ArrowUp");
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
          metadata: { code: "upstream_cut", hint: "Try again later.", retryable: true, kept_chars: 11 },
        });
        await page.getByText("The model server cut the connection.").waitFor();
        await page.getByText("Try again later.").waitFor();
        await page.getByText("What had arrived is saved").waitFor();
        await page.getByRole("button", { name: "Retry" }).click();
        await page.getByText("half an ans").waitFor({ state: "detached" });
        const sent = companion.messages[1]?.message;
        assert.deepEqual(sent, { type: "user_message", content: "Explain", replaces_turn_id: turnId });
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

    it("shows a message that was refused, with the reason, and gives it back", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        companion.refusals.push({ status: 409, code: "session_busy", message: "Another window is answering.", hint: "Wait." });
        await app.send("Precious words");
        await page.getByText("Another window is answering.").waitFor();
        await page.getByRole("button", { name: "Back to the draft" }).click();
        await page.locator(".question").waitFor({ state: "detached" });
        assert.equal(await page.getByLabel("Your message").inputValue(), "Precious words");
      }));

    it("asks before a tool runs, and takes the answer once", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Read it");
        companion.say(
          session,
          turnId,
          { type: "tool_call", call_id: "c1", tool_name: "read_file", arguments: { path: "a\u202Eb.txt" }, requires_approval: true },
          { type: "status", metadata: { state: "waiting", waiting_for: [{ kind: "tool_decision", call_id: "c1" }] } },
        );
        await page.getByText("May read_file run?").waitFor();
        await page.locator(".shown .hidden-character", { hasText: "U+202E" }).waitFor();
        await page.getByRole("button", { name: "Approve" }).click();
        await page.getByRole("button", { name: "Approve" }).and(page.locator(":disabled")).waitFor();
        companion.say(session, turnId, { type: "tool_result", call_id: "c1", tool_name: "read_file", content: "hello" });
        companion.done(session, turnId);
        await page.getByText("Tool read_file").waitFor();
        await page.getByRole("button", { name: "Approve" }).waitFor({ state: "detached" });
        const decisions = companion.messages.map(({ message }) => message).slice(1);
        assert.deepEqual(decisions, [{ type: "tool_decision", call_id: "c1", decision: "approve" }]);
      }));

    it("rejects a tool with a reason", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Delete it");
        companion.say(
          session,
          turnId,
          { type: "tool_call", call_id: "c1", tool_name: "delete", arguments: {}, requires_approval: true },
          { type: "status", metadata: { state: "waiting", waiting_for: [{ kind: "tool_decision", call_id: "c1" }] } },
        );
        await page.getByLabel("Why not?").fill("too risky");
        await page.getByRole("button", { name: "Reject" }).click();
        await page.getByRole("button", { name: "Reject" }).and(page.locator(":disabled")).waitFor();
        companion.say(session, turnId, { type: "tool_result", call_id: "c1", tool_name: "delete", error: "rejected" });
        await page.getByRole("button", { name: "Reject" }).waitFor({ state: "detached" });
        assert.deepEqual(companion.messages[1]?.message, {
          type: "tool_decision",
          call_id: "c1",
          decision: "reject",
          feedback: "too risky",
        });
      }));

    it("shows reasoning folded away and a change of agent", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Think");
        companion.say(session, turnId, { type: "reasoning", token: "hmm, well" });
        companion.say(session, turnId, {
          type: "agent_switched",
          metadata: { from_agent: "universal", to_agent: "coder", reason: "code was asked for" },
        });
        companion.stream(session, turnId, "Done.");
        companion.done(session, turnId);
        await page.getByText("Coder takes over").waitFor();
        assert.equal(await page.getByText("hmm, well").isVisible(), false);
        await page.getByText("Reasoning", { exact: true }).click();
        await page.getByText("hmm, well").waitFor();
      }));

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
          await page.getByRole("button", { name: /^About Postgres/ }).waitFor({ state: "detached" });
          await page.getByRole("button", { name: /^About SQLite/ }).click();
          await page.getByText("answer of About SQLite").waitFor();

          await page.getByRole("button", { name: "Rename “About SQLite”" }).focus();
          await page.keyboard.press("Enter");
          await page.getByLabel("Title of the chat").fill("On SQLite");
          await page.keyboard.press("Enter");
          await page.getByRole("heading", { level: 2, name: "On SQLite" }).waitFor();

          await page.getByLabel("Search chats").fill("");
          await page.getByRole("button", { name: "Delete “On SQLite”" }).focus();
          await page.keyboard.press("Enter");
          await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
          assert.equal(companion.sessions.size, 2);
          await page.getByRole("button", { name: "Delete “On SQLite”" }).focus();
          await page.keyboard.press("Enter");
          await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
          await page.getByRole("heading", { level: 2, name: "New chat" }).waitFor();
          assert.equal(companion.sessions.size, 1);
        },
      ));

    it("sends with the model and the agent that were chosen, and marks models without a key", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const models = page.getByLabel("Model", { exact: true });
        await models.selectOption("openai/gpt");
        await page.getByText("GPT answers.").waitFor();
        await page.getByLabel("Agent", { exact: true }).selectOption("coder");
        assert.equal(await models.locator("option", { hasText: "Claude" }).textContent(), "Claude — needs a key");
        await models.selectOption("anthropic/claude");
        await page.getByRole("alert").getByText("Claude: needs a key").waitFor();
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
        const gap = () => log.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight);
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
      const asked = posted.filter(({ type }) => type === "copy" || type === "insert_at_cursor");
      assert.deepEqual(asked, [
        { type: "copy", text: code },
        { type: "insert_at_cursor", text: code },
      ]);
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

  it("tells the host what is shown and whether it runs", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { companion, posted, page } = app;
      const { session, turnId } = await ask(app, "Name me");
      companion.done(session, turnId);
      await page.getByText("Saved").waitFor();
      const states = posted.filter((message) => message.type === "view_state");
      assert.deepEqual(states[0], { type: "view_state", session_id: null, title: "", streaming: false });
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
          null, 1, "x", [], {}, { type: "nope" }, { type: "__proto__" }, { type: "constructor" },
          { type: "chunks", subscription: 1, chunks: "x" }, { type: "chunks", subscription: 1, chunks: [null, { seq: "1" }] },
          { type: "failure", id: 1, error: null }, { type: "connection", connection: { state: "gone" } },
          { type: "compose", text: 5, context: [] }, { type: "chunks", subscription: 99, chunks: [{ type: "done", seq: 3, session_id: sessionId }] },
        ];
        for (const message of forged) window.postMessage(message, "*");
        for (let index = 0; index < 5_000; index += 1) window.postMessage({ type: "flood", index }, "*");
      }, session.id);
      companion.stream(session, turnId, "still here");
      companion.done(session, turnId);
      await page.getByText("still here").waitFor();
      await page.getByText("Saved").waitFor();
    }));
});

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
