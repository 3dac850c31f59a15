// Messages that are sent while an answer runs: shown as waiting, changed, taken back, sent now.
import assert from "node:assert/strict";
import { findings } from "./support/axe.ts";
import { withRealCompanion } from "./support/real-companion.ts";
import { ask, closeBrowser, HOSTS, type OpenApp, withApp, withPage } from "./support/with-app.ts";

after(closeBrowser);

const field = ({ page }: Pick<OpenApp, "page">) => page.getByLabel("Your message");
const row = ({ page }: Pick<OpenApp, "page">, words: string) =>
  page.locator(".queue li", { hasText: words });

async function queue(app: OpenApp, words: string): Promise<void> {
  await app.send(words);
  await row(app, words).waitFor();
}

/** As fast as can be: nothing is answered in between. */
async function type(app: OpenApp, ...written: string[]): Promise<void> {
  await field(app).waitFor();
  await app.page.evaluate((texts) => {
    const input = document.querySelector("textarea");
    for (const text of texts) {
      if (!input) continue;
      input.value = text.replace("⏎", "");
      input.dispatchEvent(new InputEvent("input", { bubbles: true }));
      if (!text.endsWith("⏎")) continue;
      const enter = { key: "Enter", bubbles: true, cancelable: true };
      input.dispatchEvent(new KeyboardEvent("keydown", enter));
    }
  }, written);
}

for (const host of HOSTS) {
  describe(`messages that wait in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("stand above the composer in their order, by keyboard alone, and go when they are sent", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app);
        await queue(app, "First of two");
        await queue(app, "Second of two");
        assert.equal(await field(app).inputValue(), "");
        await page.getByRole("status").getByText("2 messages wait").waitFor();
        assert.deepEqual(
          companion.messages.slice(1).map(({ when_busy }) => when_busy),
          ["queue", "queue"],
        );
        await app.reload();
        await row(app, "Second of two").waitFor();
        assert.deepEqual(await page.locator(".queue-text").allInnerTexts(), [
          "First of two",
          "Second of two",
        ]);
        companion.done(session, turnId);
        const [first] = companion.queues.of(session.id);
        companion.ask(session, "First of two", { request_id: first?.id });
        companion.queues.set(session.id, companion.queues.of(session.id).slice(1));
        await row(app, "First of two").waitFor({ state: "detached" });
        assert.equal(await row(app, "Second of two").count(), 1);
        assert.equal(await page.locator(".question").count(), 2);
      }));

    it("wait for one that is on its way, too, and leave what is being written", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        await type(app, "One⏎", "Two⏎", "TwoThree⏎", "TwoThree⏎", "TwoThreeFour");
        await row(app, "Three").waitFor();
        assert.deepEqual(await page.locator(".queue-text").allInnerTexts(), ["Two", "Three"]);
        assert.equal(await field(app).inputValue(), "Four");
        assert.deepEqual(
          companion.messages.map(({ when_busy }) => when_busy),
          [undefined, "queue", "queue"],
        );
        assert.equal(await page.getByText("answering another message").count(), 0);
      }));

    it("stay in the composer where the one on its way is refused, or when they are changed", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        companion.refusals.push({ status: 400, code: "invalid_request", message: "Not so." });
        await type(app, "One⏎", "Two⏎");
        await page.getByText("Not so.").waitFor();
        assert.equal(await field(app).inputValue(), "Two");
        await page.getByRole("button", { name: "Try again" }).click();
        await page.locator(".status-line.is-live").waitFor();
        assert.equal(companion.messages.length, 2);
        await type(app, "Two⏎", "Three⏎", "Other");
        await row(app, "Two").waitFor();
        assert.equal(await field(app).inputValue(), "Other");
        assert.equal(await page.locator(".queue li").count(), 1);
      }));

    it("are changed in their place, and what is written is kept when they were sent meanwhile", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session } = await ask(app);
        await queue(app, "Tpyo");
        await page.getByRole("button", { name: "Edit “Tpyo”" }).press("Enter");
        const edit = page.getByLabel("Message that waits");
        await edit.fill("Typo");
        await edit.press("Enter");
        await row(app, "Typo").waitFor();
        await page.getByRole("button", { name: "Edit “Typo”" }).click();
        await edit.press("Escape");
        await edit.waitFor({ state: "detached" });
        await page.getByRole("button", { name: "Stop the answer" }).waitFor();
        await page.getByRole("button", { name: "Edit “Typo”" }).click();
        await edit.fill("Typo, and more");
        companion.queues.set(session.id, []);
        await page.getByText("The message was sent as it was before").waitFor();
        assert.equal(await field(app).inputValue(), "Typo, and more");
      }));

    it("are taken back into the draft, with the focus, and sent now with Ctrl+Enter", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app);
        await queue(app, "Not yet");
        await page.getByRole("button", { name: "Take back into the draft: “Not yet”" }).click();
        await row(app, "Not yet").waitFor({ state: "detached" });
        assert.equal(await field(app).inputValue(), "Not yet");
        assert.ok(await field(app).evaluate((one) => one === document.activeElement));
        await field(app).press("Control+Enter");
        await row(app, "read at the next step").waitFor();
        assert.equal(companion.messages.at(-1)?.when_busy, "steer");
        companion.stream(session, turnId, "before it");
        const [one] = companion.queues.of(session.id);
        companion.say(session, turnId, {
          type: "user_message",
          content: "Not yet",
          metadata: { model: "demo/demo", agent_type: "universal", request_id: one?.id },
        });
        companion.queues.set(session.id, []);
        companion.stream(session, turnId, "after it");
        companion.done(session, turnId);
        await page.getByText("after it").waitFor();
        assert.equal(await page.locator(".turn").count(), 1);
        assert.deepEqual(await page.locator(".question-text, .answer .markdown").allInnerTexts(), [
          "Explain",
          "before it",
          "Not yet",
          "after it",
        ]);
        assert.equal((await page.locator(".turn-end, .ending-line").count()) <= 1, true);
      }));

    it("say why they are held, are sent by a button, and have no fault that axe finds", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session } = await ask(app);
        await queue(app, "Later");
        await queue(app, "Later still");
        const held = companion.queues.of(session.id).map((one) => ({ ...one, held: "stopped" }));
        companion.queues.set(session.id, held);
        await page.getByText("You stopped the answer, so these wait for you.").waitFor();
        assert.deepEqual(await findings(page), []);
        await page.getByRole("button", { name: "Edit “Later”" }).click();
        assert.deepEqual(await findings(page), []);
        await page.getByRole("button", { name: "Cancel" }).click();
        await page.getByRole("button", { name: "Send them" }).click();
        await page.getByText("You stopped the answer").waitFor({ state: "detached" });
        assert.ok(companion.queues.of(session.id).every((one) => one.held === undefined));
        await page.getByRole("button", { name: "Send now: “Later still”" }).click();
        await row(app, "read at the next step").waitFor();
      }));
  });
}

describe("messages that wait for the real companion", () => {
  it("are answered one after the other, also after kill -9, and held by a stop", () =>
    withRealCompanion((companion) =>
      withPage(async (page) => {
        await page.goto(companion.url());
        await page.getByText("You are talking to the built-in demo").waitFor();
        const say = async (words: string): Promise<void> => {
          await field({ page }).fill(words);
          await field({ page }).press("Enter");
        };
        await say("Compare SQLite and Postgres");
        await page.locator(".answer .markdown").first().waitFor();
        await say("Second question");
        await say("Third question");
        await row({ page }, "Third question").waitFor();
        await companion.kill();
        await companion.start();
        await page.locator(".question-text", { hasText: "Third question" }).waitFor();
        await page.locator(".turn[data-status=done]").nth(1).waitFor();
        assert.deepEqual(await page.locator(".question-text").allInnerTexts(), [
          "Compare SQLite and Postgres",
          "Second question",
          "Third question",
        ]);
        await say("Compare SQLite and Postgres");
        await page.locator(".turn").nth(3).locator(".answer .markdown").waitFor();
        await say("Fourth question");
        await row({ page }, "Fourth question").waitFor();
        await page.getByRole("button", { name: "Stop the answer" }).click();
        await page.getByText("You stopped the answer, so these wait for you.").waitFor();
        await page.locator(".turn[data-status=interrupted]").nth(1).waitFor();
        assert.equal(await page.locator(".question-text").count(), 4);
        await page.getByRole("button", { name: "Send them" }).click();
        await page.locator(".question-text", { hasText: "Fourth question" }).waitFor();
        await row({ page }, "Fourth question").waitFor({ state: "detached" });
      }),
    )).timeout(60_000);
});
