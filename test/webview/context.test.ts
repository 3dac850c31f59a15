// What goes with a message: mentioned with @, dropped, shown as chips, and looked at again later.
import assert from "node:assert/strict";
import type { ContextItem } from "../../server/protocol/requests.ts";
import type { Mention } from "../../webview/messages.ts";
import { until } from "../support/asking.ts";
import { findings } from "./support/axe.ts";
import type { ScriptedCompanion } from "./support/scripted-companion.ts";
import { ask, closeBrowser, HOSTS, type OpenApp, withApp } from "./support/with-app.ts";

after(closeBrowser);

/** The demo cannot summarise. */
const withoutDemo = (companion: ScriptedCompanion): void => {
  companion.models = companion.models.map((model) => ({ ...model, demo: false }));
};

const A_FILE: ContextItem = { type: "file", label: "src/a.ts", content: "let a = 1;" };

/**
 * As the extension does: gives an answer to the question for what was typed, and
 * which kind it asked for.
 */
async function find(
  { posted, post, page }: OpenApp,
  typed: string,
  found: Mention[],
): Promise<string> {
  for (let tries = 0; tries < 200; tries += 1) {
    for (const question of posted) {
      if (question.type !== "find_mentions" || question.typed !== typed) continue;
      await post({ type: "mentions", id: question.id, found });
      return question.kind;
    }
    await page.waitForTimeout(20);
  }
  return assert.fail(`never asked for ${typed}`);
}

describe("context of a message in VS Code's webview", () => {
  it("is chosen with @ by the keyboard alone: what there is, then files that fit", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, companion, post, posted } = app;
      const input = page.getByLabel("Your message");
      await input.pressSequentially("Look at @");
      const list = page.getByRole("listbox", { name: "Add to the message" });
      await list.waitFor();
      assert.equal(await list.getByRole("option").count(), 10);
      await page.getByText("10 to choose from.").waitFor({ state: "attached" });
      assert.equal(await input.getAttribute("aria-activedescendant"), "mention-0");

      await input.pressSequentially("a.t");
      const kind = await find(app, "a.t", [
        { kind: "file", name: "src/a.ts", uri: "file:///p/src/a.ts" },
        { kind: "file", name: "<b>a.ts</b>", uri: "file:///p/b" },
      ]);
      assert.equal(kind, "file");
      await list.getByRole("option", { name: "a.ts src/" }).waitFor();
      await list.getByText("b>", { exact: false }).waitFor();
      await page.keyboard.press("ArrowDown");
      assert.equal(await input.getAttribute("aria-activedescendant"), "mention-1");
      await page.keyboard.press("ArrowUp");
      assert.deepEqual(await findings(page), []);
      await page.keyboard.press("Enter");
      await list.waitFor({ state: "detached" });
      assert.equal(await input.inputValue(), "Look at @src/a.ts ");
      assert.deepEqual(
        posted.filter(({ type }) => type === "add_context"),
        [
          {
            type: "add_context",
            mentions: [{ kind: "file", name: "src/a.ts", uri: "file:///p/src/a.ts" }],
          },
        ],
      );
      await post({ type: "compose", text: "", context: [A_FILE] });
      await page.locator(".composer .chip", { hasText: "src/a.ts" }).waitFor();
      // Chosen again, it is there once, as it is now.
      await post({ type: "compose", text: "", context: [{ ...A_FILE, content: "let a = 2;" }] });
      await input.pressSequentially("please");
      await page.keyboard.press("Enter");
      await page.locator(".status-line.is-live").waitFor();
      const sent = companion.messages[0]?.message;
      assert.ok(sent?.type === "user_message");
      assert.equal(sent.content, "Look at @src/a.ts please");
      assert.deepEqual(sent.context, [{ ...A_FILE, content: "let a = 2;" }]);
    }));

  it("asks for symbols after @symbol:, takes what needs no name at once, and leaves with Escape", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, posted } = app;
      const input = page.getByLabel("Your message");
      await input.pressSequentially("@sym");
      await page.getByRole("option", { name: "@symbol" }).waitFor();
      await page.keyboard.press("Tab");
      assert.equal(await input.inputValue(), "@symbol:");
      await input.pressSequentially("deb");
      const symbol: Mention = { kind: "symbol", name: "debounce", uri: "file:///p/a.ts", line: 3 };
      assert.equal(await find(app, "deb", [symbol]), "symbol");
      await page.getByRole("option", { name: "debounce" }).click();
      assert.equal(await input.inputValue(), "@debounce ");
      await input.fill("");
      await input.pressSequentially("@prob");
      await page.getByRole("option", { name: "@problems" }).waitFor();
      await page.keyboard.press("Enter");
      assert.deepEqual(
        posted.flatMap((message) => (message.type === "add_context" ? message.mentions : [])),
        [symbol, { kind: "problems" }],
      );
      await input.fill("");
      await input.pressSequentially("mail me@home, @");
      await page.getByRole("listbox").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("listbox").waitFor({ state: "detached" });
      assert.equal(await input.inputValue(), "mail me@home, @");
      assert.equal(await input.getAttribute("aria-activedescendant"), null);
    }));

  it("asks for folders and commits by name, and tells commits apart by their words", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, posted } = app;
      const input = page.getByLabel("Your message");
      await input.pressSequentially("@fol");
      await page.getByRole("option", { name: "@folder a folder of it, with its files" }).waitFor();
      await page.keyboard.press("Enter");
      assert.equal(await input.inputValue(), "@folder:");
      await input.pressSequentially("deep");
      const folder: Mention = { kind: "folder", name: "src/deep", uri: "file:///p/src/deep" };
      assert.equal(await find(app, "deep", [folder]), "folder");
      await page.getByRole("option", { name: "deep src/" }).waitFor();
      await page.keyboard.press("Enter");
      assert.equal(await input.inputValue(), "@src/deep ");
      await input.pressSequentially("@com");
      await page.getByRole("option", { name: "@commit a commit, by hash" }).waitFor();
      await page.keyboard.press("Enter");
      const commit: Mention = {
        kind: "commit",
        name: "abc1234",
        detail: "Mend it · Ada, 2026-11-02",
      };
      await input.pressSequentially("abc");
      assert.equal(await find(app, "abc", [commit]), "commit");
      await page.getByRole("option", { name: "abc1234 Mend it · Ada, 2026-11-02" }).waitFor();
      await page.keyboard.press("Enter");
      assert.equal(await input.inputValue(), "@src/deep @abc1234 ");
      assert.deepEqual(
        posted.flatMap((message) => (message.type === "add_context" ? message.mentions : [])),
        [folder, commit],
      );
      // Chosen again, a folder is there once, however much of it was read.
      const item = { type: "folder", uri: "file:///p/src/deep", content: "" } as const;
      await app.post({ type: "compose", text: "", context: [{ ...item, label: "src/deep/" }] });
      const again = { ...item, label: "src/deep/ (1 of 2 files)" };
      await app.post({ type: "compose", text: "", context: [again] });
      await page.locator(".composer .chip", { hasText: "1 of 2 files" }).waitFor();
      assert.equal(await page.locator(".composer .chip").count(), 1);
    }));

  it("says that nothing fits, and sends what was written", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page } = app;
      await page.getByLabel("Your message").pressSequentially("Hello @nobody");
      await find(app, "nobody", []);
      await page.getByRole("option", { name: "Nothing found." }).waitFor();
      await page.keyboard.press("Enter");
      await page.locator(".question-text", { hasText: "Hello @nobody" }).waitFor();
    }));

  it("is taken from files that are let fall on the chat, and from nothing else", () =>
    withApp({ host: "vscode" }, async ({ page, posted }) => {
      const drop = (type: string, data: string) =>
        page.evaluate(
          ([name, text]) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.setData(name ?? "", text ?? "");
            const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
            document.querySelector("main")?.dispatchEvent(event);
            return event.defaultPrevented;
          },
          [type, data],
        );
      // What listens is loaded after the first word, and a drag comes over the chat before it is
      // let fall there.
      await page.waitForFunction(() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.setData("text/uri-list", "file:///p/a.ts");
        return !document.dispatchEvent(
          new DragEvent("dragover", { dataTransfer, cancelable: true }),
        );
      });
      const list = "file:///p/a.ts\r\n# a note\r\nvscode-remote://ssh/p/b.ts\r\nhttps://e.example/";
      assert.equal(await drop("application/vnd.code.uri-list", list), true);
      assert.equal(await drop("text/uri-list", "https://e.example/"), false);
      const added = () => posted.filter(({ type }) => type === "add_context");
      await until("it is told", () => added().length > 0);
      assert.deepEqual(added(), [
        {
          type: "add_context",
          mentions: [
            { kind: "file", uri: "file:///p/a.ts" },
            { kind: "file", uri: "vscode-remote://ssh/p/b.ts" },
          ],
        },
      ]);
    }));

  it("is shown again as it was really sent, by a click in the history", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, companion, post } = app;
      await page.getByLabel("Your message").waitFor();
      await post({ type: "compose", text: "What is this?", context: [A_FILE] });
      await page.locator(".composer .chip", { hasText: "src/a.ts" }).waitFor();
      await page.getByLabel("Your message").press("Enter");
      await page.locator(".status-line.is-live").waitFor();
      const [session] = companion.sessions.values();
      assert.ok(session);
      companion.done(session, session.turn?.id ?? "");
      const chip = page.getByRole("button", { name: "src/a.ts" });
      await chip.click();
      await page.getByRole("group", { name: "src/a.ts" }).getByText("let a = 1;").waitFor();
      assert.equal(await chip.getAttribute("aria-expanded"), "true");
      await chip.click();
      await page.getByText("let a = 1;").waitFor({ state: "detached" });
    }));
});

for (const host of HOSTS) {
  describe(`what a chat fills of its model in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("is shown from half of it on, with what is being written, and warns at four fifths", () =>
      withApp({ host, theme: "light" }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app);
        companion.say(session, turnId, {
          type: "done",
          metadata: { finish_reason: "stop", context_tokens: 60_000 },
        });
        await page.getByText("Saved").waitFor();
        assert.equal(await page.getByRole("meter").count(), 0);
        const input = page.getByLabel("Your message");
        await input.fill("abcd".repeat(10_000));
        await page.getByText("About 55 % full").waitFor();
        assert.equal(await page.getByRole("meter").getAttribute("value"), "55");
        const title = page.getByTitle("70,000 / 128,000");
        await title.waitFor();
        await input.fill("abcd".repeat(50_000));
        await page.locator(".composer-note.is-full", { hasText: "About 86 %" }).waitFor();
        assert.deepEqual(await findings(page), []);
        await input.fill("");
        await page.getByRole("meter").waitFor({ state: "detached" });
      }));

    it("is summarised at a click, in one line that can be unfolded and taken back", () =>
      withApp({ host, prepare: withoutDemo }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "First");
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        const second = await ask(app, "Second");
        companion.say(session, second.turnId, {
          type: "done",
          metadata: { finish_reason: "stop", context_tokens: 100_000 },
        });
        companion.summary = {
          type: "status",
          content: "They <b>spoke</b>.",
          metadata: {
            state: "summarised",
            summary_id: "s-1",
            until_turn_id: turnId,
            context_tokens: 900,
          },
        };
        await page.getByText("About 78 %").waitFor();
        await page.getByRole("button", { name: "Summarise earlier messages" }).click();
        const line = page.getByText("Summarised up to here");
        await line.waitFor();
        await page.getByRole("meter").waitFor({ state: "detached" });
        // All that was said is still there, and the line stands where the summary ends.
        const order = await page
          .locator(".question-text, summary")
          .evaluateAll((all) => all.map(({ textContent }) => textContent));
        assert.deepEqual(order.slice(0, 1), ["First"]);
        assert.match(order[1] ?? "", /Summarised/);
        assert.ok(order.includes("Second"));
        await line.click();
        await page.getByText("They <b>spoke</b>.").waitFor();
        assert.deepEqual(await findings(page), []);
        await page.getByRole("button", { name: "Undo" }).click();
        await line.waitFor({ state: "detached" });
        await page.getByText("About 78 %").waitFor();
        assert.ok(companion.requests.some(({ line: asked }) => /summaries\/s-1\/undo/.test(asked)));
      }));
  });
}

describe("context of a message in a browser", () => {
  it("has no list of what only an editor knows", () =>
    withApp({ host: "browser" }, async (app) => {
      await app.page.getByLabel("Your message").pressSequentially("@file ");
      await ask(app, "@file");
      assert.equal(await app.page.locator("#mentions").count(), 0);
    }));
});
