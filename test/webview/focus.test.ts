// The keyboard's focus is somewhere of use after everything that goes away.
import assert from "node:assert/strict";
import { ask, closeBrowser, HOSTS, type OpenApp, withApp } from "./support/with-app.ts";

after(closeBrowser);

/** What has the focus, in a few words. */
const focused = ({ page }: OpenApp): Promise<string> =>
  page.evaluate(() => {
    const { activeElement } = document;
    if (!activeElement || activeElement === document.body) return "nothing";
    const name = activeElement.getAttribute("aria-label") ?? activeElement.textContent ?? "";
    return `${activeElement.localName} ${name.trim()}`;
  });

/** Says what has it, should it stay anything else. */
async function checkFocus(app: OpenApp, wanted: RegExp): Promise<void> {
  let now = "";
  for (let tries = 0; tries < 40; tries += 1) {
    now = await focused(app);
    if (wanted.test(now)) break;
    await app.page.waitForTimeout(50);
  }
  assert.match(now, wanted);
  // And stays there.
  await app.page.waitForTimeout(60);
  assert.match(await focused(app), wanted);
}

function call(app: OpenApp, ...ids: string[]): void {
  const [session] = app.companion.sessions.values();
  assert.ok(session);
  const waiting_for = ids.map((call_id) => ({ kind: "tool_decision", call_id }));
  for (const call_id of ids) {
    app.companion.say(session, session.turn?.id, {
      type: "tool_call",
      call_id,
      tool_name: `tool_${call_id}`,
      arguments: {},
      requires_approval: true,
    });
  }
  const metadata = { state: "waiting", waiting_for };
  app.companion.say(session, session.turn?.id, { type: "status", metadata });
}

const COMPOSER = /^textarea Your message/;

for (const host of HOSTS) {
  describe(`the focus in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("goes to the next row after a chat was deleted, and to the search after the last", () =>
      withApp(
        {
          host,
          prepare(companion) {
            for (const title of ["One", "Two", "Three"]) {
              const session = companion.addSession(title);
              companion.done(session, companion.ask(session, title));
            }
          },
        },
        async (app) => {
          const { page } = app;
          await page.getByRole("button", { name: "Chats" }).press("Enter");
          await page.locator(".session-title").nth(2).waitFor();
          const titles = await page.locator(".session-title").allTextContents();
          assert.equal(titles.length, 3);
          const [first = "", second = "", third = ""] = titles;
          const remove = async (title: string): Promise<void> => {
            await page.getByRole("button", { name: `Delete “${title}”` }).press("Enter");
            await page.getByRole("dialog").getByRole("button", { name: "Delete" }).press("Enter");
            await page.locator(".session", { hasText: title }).waitFor({ state: "detached" });
          };
          await remove(second);
          await checkFocus(app, new RegExp(`^button ${third}`));
          await remove(third);
          await checkFocus(app, new RegExp(`^button ${first}`));
          await remove(first);
          await checkFocus(app, /^input Search chats/);
        },
      ));

    it("goes to the next call that waits after one was approved, to it as a whole, and then to the composer", () =>
      withApp({ host }, async (app) => {
        const { page } = app;
        await ask(app, "Run three");
        call(app, "a", "b", "c");
        const approve = page.getByRole("button", { name: "Approve" });
        await approve.nth(1).press("Enter");
        await checkFocus(app, /^form May tool_c run/);
        // Once more by mistake: nobody has looked at this one.
        await page.keyboard.press("Enter");
        await page.keyboard.press("Tab");
        await checkFocus(app, /^button Approve/);
        await page.keyboard.press("Enter");
        await checkFocus(app, /^form May tool_a run/);
        await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        await checkFocus(app, COMPOSER);
        const decided = app.companion.messages.flatMap(({ message }) =>
          message.type === "tool_decision" ? [message.call_id] : [],
        );
        assert.deepEqual(decided, ["b", "c", "a"]);
      }));

    it("goes to the composer after a no by Enter, and stays there when the card goes", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Run one");
        call(app, "a");
        await page.getByLabel("Why not?").fill("no");
        await page.keyboard.press("Enter");
        await checkFocus(app, COMPOSER);
        companion.say(session, turnId, {
          type: "tool_result",
          call_id: "a",
          tool_name: "tool_a",
          error: "no",
        });
        await page.getByRole("button", { name: "Approve" }).waitFor({ state: "detached" });
        await checkFocus(app, COMPOSER);
      }));

    it("stays with what it was about when a call is closed from elsewhere", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Run one");
        call(app, "a");
        await page.getByRole("button", { name: "Approve" }).focus();
        companion.say(session, turnId, {
          type: "tool_result",
          call_id: "a",
          tool_name: "tool_a",
          error: "no",
        });
        await page.getByRole("button", { name: "Approve" }).waitFor({ state: "detached" });
        await checkFocus(app, /^article Answer/);
      }));

    // Only an editor adds any.
    if (host === "vscode") {
      it("goes to the next chip, and to the composer after the last", () =>
        withApp({ host }, async (app) => {
          const context = ["a.ts", "b.ts"].map((label) => ({
            type: "file" as const,
            label,
            content: "x",
          }));
          await app.post({ type: "compose", text: "", context });
          await app.page.getByRole("button", { name: "Remove a.ts" }).press("Enter");
          await checkFocus(app, /^button Remove b.ts/);
          await app.page.keyboard.press("Enter");
          await checkFocus(app, COMPOSER);
        }));
    }

    it("goes to the composer when a message was put away, or the answer is asked for again", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Try");
        companion.say(session, turnId, { type: "error", error: "no", metadata: {} });
        await page.getByRole("button", { name: "Retry" }).press("Enter");
        await checkFocus(app, COMPOSER);
        await page.locator(".status-line.is-live").waitFor();
        companion.refusals.push({ status: 409, code: "session_busy", message: "Not now." });
        await app.send("More");
        await page.getByText("This chat is answering another message").waitFor();
        await page.getByRole("button", { name: "Dismiss" }).press("Enter");
        await checkFocus(app, COMPOSER);
      }));

    it("moves between messages by Alt+Up, and begins no edit with it in the composer", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "First");
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        for (const key of ["Alt+ArrowUp", "Shift+ArrowUp", "Control+ArrowUp"]) {
          await page.getByLabel("Your message").press(key);
        }
        assert.equal(await page.getByText("Editing your message").count(), 0);
      }));
  });
}
