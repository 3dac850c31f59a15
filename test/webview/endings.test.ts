// What can be done about an answer in each state it may be in, and how the states are told apart.
import assert from "node:assert/strict";
import { EN } from "../../webview/strings/en.ts";
import { OWN_PROMPTS } from "../../webview/strings/own-prompts.ts";
import { RU } from "../../webview/strings/ru.ts";
import type { AnyChunk } from "../support/any-chunk.ts";
import { ask, closeBrowser, HOSTS, withApp } from "./support/with-app.ts";

after(closeBrowser);

const call = (call_id: string): AnyChunk => ({
  type: "tool_call",
  call_id,
  tool_name: `tool_${call_id}`,
  arguments: {},
  requires_approval: true,
});
const waits = (...ids: string[]): AnyChunk => ({
  type: "status",
  metadata: {
    state: "waiting",
    waiting_for: ids.map((call_id) => ({ kind: "tool_decision", call_id })),
  },
});
const result = (call_id: string, more: Partial<AnyChunk>): AnyChunk => ({
  type: "tool_result",
  call_id,
  tool_name: `tool_${call_id}`,
  ...more,
});
const BROKEN: AnyChunk = {
  type: "error",
  error: "The connection to the model was cut.",
  metadata: { code: "upstream_cut", hint: "Continue or retry." },
};

describe("messages that a button sends", () => {
  it("are known in every language they are sent in", () => {
    for (const name of ["continuePrompt", "resumePlan"] as const) {
      assert.deepEqual(OWN_PROMPTS[name], [EN[name], RU[name]]);
    }
  });
});

for (const host of HOSTS) {
  describe(`the end of an answer in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("lets an answer that broke off be continued and copied", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Explain");
        companion.stream(session, turnId, "Half an answer");
        companion.say(session, turnId, BROKEN);
        await page.getByRole("button", { name: "Retry" }).waitFor();
        await page.getByRole("button", { name: "Copy answer" }).click();
        if (host === "browser") {
          assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "Half an answer");
        } else {
          assert.deepEqual(app.posted.at(-1), { type: "copy", text: "Half an answer" });
        }
        await page.getByRole("button", { name: "Continue" }).click();
        await page.locator(".status-line.is-live").waitFor();
        await page.getByText("Half an answer").waitFor();
        const sent = companion.messages[1]?.message;
        assert.ok(sent?.type === "user_message");
        assert.equal(sent.content, EN.continuePrompt);
        assert.equal(sent.replaces_turn_id, undefined);
      }));

    it("asks for the key of the provider that has refused it", () =>
      withApp({ host }, async (app) => {
        await app.page.getByLabel("Model", { exact: true }).selectOption("openai/gpt");
        const { session, turnId } = await ask(app, "Explain");
        app.companion.say(session, turnId, {
          type: "error",
          error: "OpenAI refused the key.",
          metadata: { code: "upstream_unauthorized" },
        });
        await app.page.getByRole("button", { name: "Retry" }).waitFor();
        if (host === "browser") return;
        await app.page.getByRole("button", { name: "Set key" }).click();
        assert.deepEqual(app.posted.at(-1), {
          type: "host_command",
          command: "set_key",
          model: "openai/gpt",
        });
      }));

    it("does not offer to continue what has not begun", () =>
      withApp({ host }, async (app) => {
        const { session, turnId } = await ask(app, "Explain");
        app.companion.say(session, turnId, BROKEN);
        await app.page.getByRole("button", { name: "Retry" }).waitFor();
        assert.equal(await app.page.getByRole("button", { name: "Continue" }).count(), 0);
        assert.equal(await app.page.getByRole("button", { name: "Copy answer" }).count(), 0);
      }));

    it("lets a stopped answer be copied, and continued after calls alone", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Explain");
        companion.say(session, turnId, call("a"), result("a", { content: "4 files" }), {
          type: "interrupted",
          content: "Stopped. What had arrived is kept.",
        });
        await page.getByRole("button", { name: "Continue" }).click();
        await page.locator(".status-line.is-live").waitFor();
        companion.stream(session, session.turn?.id ?? "", "Words");
        companion.say(session, session.turn?.id, { type: "interrupted", content: "Stopped." });
        await page.getByRole("button", { name: "Copy answer" }).waitFor();
      }));

    it("stops, copies and takes another message while a call waits", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Run it");
        companion.stream(session, turnId, "I will run it.");
        companion.say(session, turnId, call("a"), waits("a"));
        await page.getByRole("button", { name: "Approve" }).waitFor();
        await page.getByRole("button", { name: "Copy answer" }).waitFor();
        await page.getByLabel("Your message").fill("Another way");
        await page.getByRole("button", { name: "Send" }).and(page.locator(":enabled")).waitFor();
        const stop = page.getByRole("button", { name: "Stop the answer" });
        assert.equal(await stop.getAttribute("title"), "Stop the answer (Escape)");
        assert.equal(await stop.getAttribute("aria-keyshortcuts"), "Escape");
        await stop.click();
        await page.getByText("Stopped. What had arrived is kept.").waitFor();
        await page.getByRole("button", { name: "Approve" }).waitFor({ state: "detached" });
        assert.equal(await page.getByLabel("Your message").inputValue(), "Another way");
      }));

    it("tells a call that was rejected, not allowed, stopped and failed apart, by word and sign", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Run all");
        const said = [
          ["rejected", { error: "no", metadata: { outcome: "rejected" } }],
          ["not allowed", { error: "no", metadata: { outcome: "denied" } }],
          ["stopped", { error: "no", metadata: { outcome: "stopped" } }],
          ["failed", { error: "no" }],
          // As earlier companions have stored them.
          ["rejected", { error: "The user rejected this call: no" }],
          ["stopped", { error: "The call was closed before it had a result." }],
        ] as const;
        for (const [index, [, more]] of said.entries()) {
          companion.say(session, turnId, call(`${index}`), result(`${index}`, more));
        }
        await page.getByText("Tool tool_5").waitFor();
        const rows = await page.locator(".tool summary").evaluateAll((all) =>
          all.map((row) => ({
            word: row.lastElementChild?.textContent,
            icon: row.querySelector(".icon")?.getAttribute("data-icon"),
            colour: getComputedStyle(row.querySelector(".icon") ?? row).color,
          })),
        );
        assert.deepEqual(
          rows.map(({ word }) => word),
          said.map(([word]) => word),
        );
        const [rejected, , stopped, failed] = rows;
        assert.equal(new Set([rejected?.icon, stopped?.icon, failed?.icon]).size, 3);
        assert.equal(new Set([rejected?.colour, stopped?.colour, failed?.colour]).size, 3);
      }));

    it("says how long there has been nothing, and no more of it when a word comes", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Think");
        await page.getByText(/^Writing · nothing for [5-8] s$/).waitFor({ timeout: 12_000 });
        companion.stream(session, turnId, "Here");
        await page.getByText("Writing", { exact: true }).waitFor();
      }));
  });
}

describe("the web app on its own", () => {
  it("says that the answer waits for the companion, not that it is being written", () =>
    withApp({ allowErrors: true }, async (app) => {
      const { page, companion } = app;
      await ask(app, "Count");
      await page.getByLabel("Your message").fill("And on");
      await companion.stop();
      await page.getByText("The companion is away").waitFor();
      await page.getByText("Goes on when the companion is back").waitFor();
      assert.equal(await page.locator(".pulse").count(), 0);
      await page.getByLabel("Your message").press("Enter");
      await page.getByText("The companion is away. Your message stays in the draft").waitFor();
      assert.equal(await page.getByLabel("Your message").inputValue(), "And on");
      await companion.start();
      await page.getByText("The companion is away").first().waitFor({ state: "detached" });
      await page.getByText("Writing").waitFor();
    }));

  it("says what to do instead of promising to send, where the page has no key", () =>
    withApp({ allowErrors: true }, async (app) => {
      const { page, companion } = app;
      // By then it has kept its token, and does not once more.
      await page.getByLabel("Your message").waitFor();
      await page.evaluate(() => sessionStorage.clear());
      await page.goto(`${companion.origin}/`);
      await page.getByText("This page is not allowed in yet").waitFor();
      await page.getByRole("button", { name: "Plan a refactoring" }).click();
      await page.locator(".banner.is-error", { hasText: "npm start" }).waitFor();
      await app.send("Mine");
      assert.equal(await page.getByText("Not sent yet").count(), 0);
      assert.equal(await page.getByLabel("Your message").inputValue(), "Mine");
      assert.equal(companion.messages.length, 0);
    }));

  it("keeps its place when files are let fall on it, and says why nothing comes of it", () =>
    withApp({}, async ({ page }) => {
      await page.locator("h2").first().waitFor();
      const prevented = await page.evaluate(() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["x"], "pic.png", { type: "image/png" }));
        return ["dragover", "drop"].map((type) => {
          const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
          document.querySelector("h2")?.dispatchEvent(event);
          return event.defaultPrevented;
        });
      });
      assert.deepEqual(prevented, [true, true]);
      await page.getByText("pic.png cannot be attached").waitFor();
    }));

  it("shows what a button once sent in the reader's language", () =>
    withApp({ language: "ru-RU" }, async ({ page, companion }) => {
      const session = companion.addSession("Alt");
      const turnId = companion.ask(session, EN.continuePrompt);
      companion.done(session, turnId);
      await page.getByRole("button", { name: "Чаты" }).click();
      await page.getByRole("button", { name: /Alt/ }).first().click();
      await page.locator(".question-text", { hasText: RU.continuePrompt }).waitFor();
      assert.equal(await page.getByText(EN.continuePrompt).count(), 0);
    }));

  it("offers a summary only where there is something to summarise", () =>
    withApp({}, async (app) => {
      const { page, companion } = app;
      companion.models = companion.models.map((model) => ({ ...model, demo: false }));
      await page.reload();
      const { session, turnId } = await ask(app, "Explain");
      const full = { type: "done", metadata: { context_tokens: 120_000 } } as const;
      companion.say(session, turnId, full);
      await page.getByText("About 94 % full").waitFor();
      assert.equal(await page.getByRole("button", { name: "Summarise" }).count(), 0);
      await app.send("More");
      await page.locator(".status-line.is-live").waitFor();
      companion.say(session, session.turn?.id, full);
      await page.getByRole("button", { name: "Summarise" }).waitFor();
    }));

  it("tells why an answer failed in the reader's language, a vendor's words as they are", () =>
    withApp({ host: "browser", language: "ru-RU" }, async ({ page, companion }) => {
      await page.getByLabel("Ваше сообщение").fill("Да?");
      await page.keyboard.press("Enter");
      await page.locator(".status-line.is-live").waitFor();
      const [session] = companion.sessions.values();
      if (!session) throw new TypeError("no session");
      companion.say(session, session.turn?.id, {
        type: "error",
        error: "OpenAI gets too many requests (429): Slow down, please.",
        metadata: {
          code: "upstream_rate_limited",
          hint: "Wait 20 s and retry, or choose another model.",
        },
      });
      await page.getByText("OpenAI: слишком много запросов (429): Slow down, please.").waitFor();
      await page
        .getByText("Подождите 20 с и ответьте заново или выберите другую модель.")
        .waitFor();
    }));
});
