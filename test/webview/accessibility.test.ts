import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { findings, inEveryTheme } from "./support/axe.ts";
import { ANSWER, STATES } from "./support/states.ts";
import { ask, closeBrowser, withApp } from "./support/with-app.ts";

after(closeBrowser);

describe("accessibility in VS Code's themes", () => {
  for (const [state, reach] of Object.entries(STATES)) {
    it(`has nothing for axe to find: ${state}`, () =>
      withApp({ host: "vscode", width: 360, allowErrors: true }, async (app) => {
        await app.page.getByText("What you see is saved").waitFor();
        await reach(app);
        await inEveryTheme(app.page, async (theme) => {
          assert.deepEqual(await findings(app.page), [], theme);
        });
      }));
  }
});

describe("accessibility in a browser", () => {
  for (const [state, reach] of Object.entries(STATES)) {
    it(`has nothing for axe to find: ${state}`, () =>
      withApp({ allowErrors: true }, async (app) => {
        await app.page.getByText("What you see is saved").waitFor();
        await reach(app);
        for (const colorScheme of ["light", "dark"] as const) {
          await app.page.emulateMedia({ colorScheme });
          assert.deepEqual(await findings(app.page), [], colorScheme);
        }
      }));
  }
});

describe("the app by keyboard alone", () => {
  it("reaches everything in order and shows where the focus is", () =>
    withApp({ width: 400 }, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app);
      companion.stream(session, turnId, ANSWER);
      companion.done(session, turnId);
      await page.getByText("Saved").waitFor();
      await page.locator(".hljs-addition").waitFor();
      await page.getByRole("button", { name: "Chats" }).focus();
      const seen: string[] = [];
      for (let step = 0; step < 20; step += 1) {
        const focus = await page.evaluate(() => {
          const element = document.activeElement;
          if (!(element instanceof HTMLElement) || element === document.body) return null;
          const { outlineStyle, outlineWidth } = getComputedStyle(element);
          const framed = element.closest(".composer")?.matches(":focus-within") ?? false;
          const name = element.getAttribute("aria-label") ?? element.textContent ?? "";
          return {
            name: name.trim(),
            isVisible: outlineStyle !== "none" && outlineWidth !== "0px",
            framed,
          };
        });
        if (!focus) break;
        assert.ok(focus.isVisible || focus.framed, `no visible focus on ${focus.name}`);
        seen.push(focus.name);
        await page.keyboard.press("Tab");
      }
      assert.deepEqual(seen.slice(0, 17), [
        "Chats",
        "New chat",
        "Conversation",
        "Edit message",
        "a link",
        "Copy code",
        "Code, TypeScript",
        "Copy code",
        "Code, Diff",
        "Table",
        "Copy answer",
        "Retry",
        "Go on in a copy from here",
        "Your message",
        "Attach pictures or PDF files",
        "Agent",
        "Model",
      ]);
    }));

  it("moves from message to message by Alt and the arrows", () =>
    withApp({}, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app, "first question");
      companion.stream(session, turnId, "first answer");
      companion.done(session, turnId);
      await page.getByText("Saved").waitFor();
      await page.getByRole("log").focus();
      const focused = () => page.evaluate(() => document.activeElement?.textContent ?? "");
      await page.keyboard.press("Alt+ArrowUp");
      assert.match(await focused(), /first answer/);
      await page.keyboard.press("Alt+ArrowUp");
      assert.match(await focused(), /first question/);
      await page.keyboard.press("Alt+ArrowDown");
      assert.match(await focused(), /first answer/);
    }));

  it("closes the list of chats by Escape and gives the focus back", () =>
    withApp({}, async ({ page }) => {
      await page.getByRole("button", { name: "Chats" }).press("Enter");
      await page.getByLabel("Search chats").and(page.locator(":focus")).waitFor();
      await page.keyboard.press("Escape");
      await page.getByLabel("Search chats").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Chats" }).and(page.locator(":focus")).waitFor();
    }));
});

describe("the app for a screen reader", () => {
  it("asks what it asks the eye: which call, about what, or which agent", () =>
    withApp({}, async (app) => {
      const { companion, page } = app;
      const { session, turnId } = await ask(app);
      const call = (call_id: string, tool_name: string, args: Record<string, unknown>) =>
        companion.say(
          session,
          turnId,
          {
            type: "tool_call",
            call_id,
            tool_name,
            arguments: args,
            requires_approval: true,
          },
          {
            type: "status",
            metadata: { state: "waiting", waiting_for: [{ kind: "tool_decision", call_id }] },
          },
        );
      const heard = (words: string) =>
        page.locator("#announcements", { hasText: words }).waitFor({ state: "attached" });
      call("c1", "execute_command", { command: "npm test" });
      await heard("May execute_command run? npm test");
      companion.say(session, turnId, { type: "tool_result", call_id: "c1", content: "ok" });
      call("c2", "switch_agent", { agent_type: "coder", reason: "to write" });
      await heard("May Coder take over?");
    }));

  it("tells the start, whole sentences and the end of an answer, and keeps the transcript silent", () =>
    withApp({}, async (app) => {
      const { page, companion } = app;
      await page.locator("#announcements").waitFor({ state: "attached" });
      await page.evaluate(() => {
        const region = document.getElementById("announcements");
        const heard: string[] = [];
        Object.assign(window, { heard });
        if (region)
          new MutationObserver(() => heard.push(region.textContent ?? "")).observe(region, {
            childList: true,
          });
      });
      const { session, turnId } = await ask(app);
      for (const token of ["One ", "sentence. ", "And ", "half"])
        companion.say(session, turnId, { type: "assistant_message", token });
      await page.getByText("One sentence. And half").waitFor();
      companion.stream(session, turnId, " of another.");
      companion.done(session, turnId);
      await page
        .locator("#announcements", { hasText: "Answer finished, 6 words." })
        .waitFor({ state: "attached" });
      const heard = await page.evaluate(() =>
        (window as unknown as { heard: string[] }).heard.join(" "),
      );
      assert.equal(
        heard,
        "Answer started. One sentence. And half of another. Answer finished, 6 words.",
      );
      assert.equal(await page.getByRole("log").getAttribute("aria-live"), "off");
      assert.equal(await page.locator("#announcements").getAttribute("aria-live"), "polite");
    }));

  it("has a heading for every message", () =>
    withApp({}, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app);
      companion.stream(session, turnId, "# Deep\n\ntext");
      companion.done(session, turnId);
      await page.getByText("Saved").waitFor();
      const headings = await page
        .locator("main :is(h1, h2, h3, h4)")
        .evaluateAll((all) => all.map((heading) => `${heading.tagName} ${heading.textContent}`));
      assert.deepEqual(headings, [
        "H1 Streamkeeper",
        "H2 Explain",
        "H3 You",
        "H3 Answer by Universal",
        "H4 Deep",
      ]);
    }));
});

describe("the app for eyes that need more", () => {
  const checkWidth = (page: Page) =>
    page.evaluate(() => {
      const limit = document.documentElement.clientWidth;
      return [...document.querySelectorAll<HTMLElement>(".app *")]
        .filter((element) => !element.closest("pre, .table-frame, .visually-hidden"))
        .filter((element) => element.getBoundingClientRect().right > limit + 0.5)
        .map((element) => element.className || element.tagName);
    });

  for (const width of [250, 320, 1_600]) {
    it(`fits into ${width} pixels`, () =>
      withApp({ host: "vscode", width }, async (app) => {
        const { page } = app;
        assert.deepEqual(await checkWidth(page), []);
        await STATES["finished"]?.(app);
        assert.deepEqual(await checkWidth(page), []);
        await STATES["tool"]?.(app);
        assert.deepEqual(await checkWidth(page), []);
        await page.getByRole("button", { name: "Chats" }).click();
        await page.getByLabel("Search chats").waitFor();
        assert.deepEqual(await checkWidth(page), []);
      }));
  }

  it("can be zoomed to twice its size", () =>
    withApp({ width: 360, height: 400 }, async (app) => {
      await app.page.evaluate(() =>
        document.documentElement.style.setProperty("font-size", "200%"),
      );
      await app.page.evaluate(() =>
        document.documentElement.style.setProperty("--vscode-font-size", "26px"),
      );
      await STATES["finished"]?.(app);
      assert.deepEqual(await checkWidth(app.page), []);
      await app.page.getByRole("button", { name: "Send" }).click({ trial: true, force: true });
    }));

  it("moves nothing when motion is not wanted", () =>
    withApp({ reducedMotion: "reduce" }, async (app) => {
      await ask(app);
      const running = await app.page.evaluate(() => document.getAnimations().length);
      assert.equal(running, 0);
    }));

  it("keeps its borders in forced colours", () =>
    withApp({ forcedColors: "active" }, async (app) => {
      await STATES["finished"]?.(app);
      const borders = await app.page
        .locator(".head .icon-button")
        .evaluateAll((all) => all.map((button) => getComputedStyle(button).borderTopColor));
      assert.ok(borders.length > 0);
      assert.ok(!borders.includes("rgba(0, 0, 0, 0)"));
    }));
});
