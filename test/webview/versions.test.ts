import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { findings, inEveryTheme } from "./support/axe.ts";
import { choose } from "./support/scripted-choice.ts";
import type { ScriptedCompanion } from "./support/scripted-companion.ts";
import type { ScriptedSession } from "./support/scripted-parts.ts";
import { closeBrowser, HOSTS, type Host, type OpenApp, withApp } from "./support/with-app.ts";

after(closeBrowser);

interface Versioned extends OpenApp {
  session: ScriptedSession;
  /** By what they ask. */
  turns: Record<string, string>;
}

/** `first`, and after it three versions of one message: `a` with `a, then`, `b` and `c`. */
function prepare(companion: ScriptedCompanion, before = 0): Versioned["turns"] {
  const turns: Versioned["turns"] = {};
  const session = companion.addSession("Versioned");
  const tell = (asks: string, replaces?: string): void => {
    const more = replaces === undefined ? {} : { replaces_turn_id: turns[replaces] };
    const id = companion.ask(session, asks, more);
    companion.stream(session, id, `Answer to ${asks}.\n\n${"Words. ".repeat(60)}`, 200);
    companion.done(session, id);
    turns[asks] = id;
  };
  tell("first");
  for (let index = 0; index < before; index++) tell(`before ${index}`);
  tell("a");
  tell("a, then");
  tell("b", "a");
  tell("c", "b");
  return turns;
}

async function withVersions(
  host: Host,
  body: (app: Versioned) => Promise<void>,
  before = 0,
): Promise<void> {
  let turns: Versioned["turns"] = {};
  const filled = (companion: ScriptedCompanion): void => {
    turns = prepare(companion, before);
  };
  await withApp({ host, prepare: filled }, async (app) => {
    const { page, companion } = app;
    const [session] = companion.sessions.values();
    assert.ok(session);
    await page.getByRole("button", { name: "Chats" }).click();
    await page.getByRole("button", { name: /^Versioned/ }).click();
    await page.getByRole("group", { name: "Versions of this message" }).waitFor();
    await body({ ...app, session, turns });
  });
}

const asked = (page: Page) => page.locator(".question-text").allInnerTexts();
const older = (page: Page) => page.getByRole("button", { name: /^Older version/ });
const newer = (page: Page) => page.getByRole("button", { name: /^Newer version/ });
const shows = (page: Page, text: string) =>
  page.locator(".question-text").getByText(text, { exact: true }).waitFor();

for (const host of HOSTS) {
  describe(`versions of a message in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("are switched by keyboard, each with what followed it", () =>
      withVersions(host, async ({ page }) => {
        assert.deepEqual(await asked(page), ["first", "c"]);
        await page.getByText("3/3", { exact: true }).waitFor();
        await newer(page).focus();
        await page.keyboard.press("Shift+Tab");
        assert.equal(
          await page.evaluate(() => document.activeElement?.getAttribute("aria-label")),
          "Older version (this is 3 of 3)",
        );
        await page.keyboard.press("Enter");
        await shows(page, "b");
        await page.getByText("2/3", { exact: true }).waitFor();
        // The focus is where it was, though that button has gone with its message.
        await page.keyboard.press("Enter");
        await shows(page, "a, then");
        assert.deepEqual(await asked(page), ["first", "a", "a, then"]);
        await page.keyboard.press("Enter");
        await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        await shows(page, "b");
        assert.deepEqual(await asked(page), ["first", "b"]);
      }));

    it("show what another window has chosen", () =>
      withVersions(host, async ({ page, companion, session, turns }) => {
        choose(companion, session, turns["b"] ?? "");
        await shows(page, "b");
        assert.deepEqual(await asked(page), ["first", "b"]);
      }));

    it("come of an edit of any message, whose place in the chat they take", () =>
      withVersions(host, async ({ page, companion, session, turns }) => {
        const first = page.locator(".turn").first();
        await first.hover();
        await first.getByRole("button", { name: "Edit message" }).click();
        await page.getByText(/^Editing your message/).waitFor();
        const input = page.getByLabel("Your message");
        assert.equal(await input.inputValue(), "first");
        await input.fill("first, better");
        await page.keyboard.press("Enter");
        await shows(page, "first, better");
        const { message } = companion.messages.at(-1) ?? {};
        assert.equal(message?.type === "user_message" && message.replaces_turn_id, turns["first"]);
        const running = session.turn?.id ?? "";
        // Nothing is switched while it is written.
        assert.equal(await older(page).getAttribute("aria-disabled"), "true");
        assert.equal(await page.getByRole("button", { name: "Edit message" }).count(), 0);
        companion.stream(session, running, "Anew.");
        companion.done(session, running);
        await page.getByText("2/2", { exact: true }).waitFor();
        await older(page).click();
        await shows(page, "c");
        assert.deepEqual(await asked(page), ["first", "c"]);
      }));

    it("come of a retry of any answer", () =>
      withVersions(host, async ({ page, companion, turns }) => {
        const first = page.locator(".turn").first();
        await first.getByRole("button", { name: "Retry" }).click();
        await page.locator(".turn").nth(1).waitFor({ state: "detached" });
        const { message } = companion.messages.at(-1) ?? {};
        assert.equal(message?.type === "user_message" && message.replaces_turn_id, turns["first"]);
        assert.equal(message?.type === "user_message" && message.content, "first");
      }));

    it("are opened by a search that has found words of them", () =>
      withVersions(host, async ({ page, companion, session, turns }) => {
        companion.hits.set("then", { session, turnId: turns["a, then"] ?? "" });
        await page.getByLabel("Search chats").fill("then");
        await page.getByRole("button", { name: /^Versioned.*then/ }).click();
        await page.locator(".turn.is-found").getByText("a, then", { exact: true }).waitFor();
        assert.deepEqual(await asked(page), ["first", "a", "a, then"]);
      }));

    it("say why one cannot be chosen, and leave the chat as it is", () =>
      withVersions(host, async ({ page, companion }) => {
        companion.refusals.push({
          status: 409,
          code: "version_changed",
          message: "This chat shows another version of that message by now. Nothing was stored.",
        });
        await older(page).click();
        await page.getByText(/shows another version/).waitFor();
        assert.deepEqual(await asked(page), ["first", "c"]);
        await older(page).click();
        await shows(page, "b");
      }));

    it("bring back what was taken back", () =>
      withVersions(host, async ({ page, companion, session, turns }) => {
        const metadata = { state: "rewound", replaces_turn_id: turns["c"] } as const;
        companion.say(session, "rewind", { type: "status", metadata });
        companion.done(session, "rewind");
        await page.getByText("What followed here was taken back. It is kept.").waitFor();
        await page.getByRole("button", { name: "Bring it back" }).click();
        await shows(page, "c");
        assert.deepEqual(await asked(page), ["first", "c"]);
      }));
  });
}

describe("versions of a message", () => {
  it("have nothing that axe finds fault with, in every theme", () =>
    withVersions("vscode", async ({ page }) => {
      await inEveryTheme(page, async (theme) => {
        assert.deepEqual(await findings(page), [], theme);
      });
      const path = process.env["VERSIONS_SCREENSHOT"];
      if (path) await page.screenshot({ path });
    }));
});
