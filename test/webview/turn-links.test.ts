import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { findings, inEveryTheme } from "./support/axe.ts";
import type { ScriptedCompanion } from "./support/scripted-companion.ts";
import type { ScriptedSession } from "./support/scripted-parts.ts";
import {
  type AppOptions,
  closeBrowser,
  HOSTS,
  type Host,
  type OpenApp,
  withApp,
} from "./support/with-app.ts";

after(closeBrowser);

interface Linked {
  app: OpenApp;
  session: ScriptedSession;
  /** Of each turn, in order. */
  turns: string[];
  /** Follows a link, as the host or the address does it. */
  lead: (turnId: string, sessionId?: string) => Promise<void>;
}

for (const host of HOSTS) {
  describe(`a link to a turn in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("opens the chat at that turn, however long ago it was, with the focus in it", () =>
      withLongChat({ host }, async ({ app: { page }, turns, lead }) => {
        await lead(turns[10] ?? "");
        await seen(page, "question 10");
        await page.locator("#announcements", { hasText: "Message 11 of 120 is shown." }).waitFor();
        await page.waitForTimeout(500);
        await seen(page, "question 10");
        await page.keyboard.press("Alt+ArrowDown");
        assert.match((await focused(page)).text, /answer 10\D/);
        assert.equal(await page.locator(".turn.is-found").count(), 1);
        await page.getByLabel("Your message").focus();
        await page.locator(".turn.is-found").waitFor({ state: "detached" });
      }));

    it("leads within the chat that is open already, which stays as it is", () =>
      withLongChat({ host }, async ({ app: { page, companion }, turns, lead, session }) => {
        await lead(turns[110] ?? "");
        await seen(page, "question 110");
        await page.getByLabel("Your message").fill("half a thought");
        await lead(turns[3] ?? "");
        await seen(page, "question 3");
        await lead(turns[3] ?? "");
        await seen(page, "question 3");
        await lead(turns.at(-1) ?? "");
        await seen(page, "question 119");
        assert.equal(await page.getByLabel("Your message").inputValue(), "half a thought");
        const opened = companion.requests.filter(({ line }) =>
          line.includes(`${session.id}/stream`),
        );
        assert.equal(opened.length, 1);
      }));

    it("opens what a search has found at the words, and marks all of them", () =>
      withLongChat({ host }, async ({ app: { page, companion }, session, turns }) => {
        const turnId = turns[20] ?? "";
        companion.hits.set("length. 20 paragraph", { session, turnId });
        await page.getByRole("button", { name: "Chats" }).click();
        await page.getByLabel("Search chats").fill("length. 20 PARAGRAPH");
        await page.getByRole("button", { name: /^Long.*length/ }).click();
        await page.locator(".turn.is-found").getByText("question 20", { exact: true }).waitFor();
        const marked = () =>
          page.evaluate(() =>
            Array.from(CSS.highlights.get("found-words") ?? [], (range) =>
              String(range),
            ).toSorted(),
          );
        const some = (word: string, count: number) => Array.from({ length: count }, () => word);
        const all = [...some("20", 2), ...some("length.", 20), ...some("paragraph", 20)];
        await page.locator(".turn.is-found .markdown").getByText("answer 20").waitFor();
        await settled(page);
        assert.deepEqual(await marked(), all);
        await page.getByLabel("Your message").focus();
        await page.locator(".turn.is-found").waitFor({ state: "detached" });
        assert.deepEqual(await marked(), []);
      }));

    it("brings words far down in a long answer into sight", () =>
      withLongChat({ host }, async ({ app: { page, companion }, session }) => {
        const turnId = companion.ask(session, "a long one");
        const before = "Some line of the answer.\n\n".repeat(120);
        companion.stream(session, turnId, `${before}The **nee**dle.\n\n${before}`, 400);
        companion.done(session, turnId);
        companion.hits.set("needle", { session, turnId });
        await page.getByRole("button", { name: "Chats" }).click();
        await page.getByLabel("Search chats").fill("needle");
        await page.getByRole("button", { name: /^Long.*needle/ }).click();
        await page.waitForFunction(() => {
          const frame = document.querySelector(".transcript")?.getBoundingClientRect();
          const [range] = CSS.highlights.get("found-words") ?? [];
          const place = range instanceof Range ? range.getBoundingClientRect() : undefined;
          return frame && place && place.top >= frame.top && place.bottom <= frame.bottom;
        });
      }));

    it("leaves the reader alone afterwards: who goes on is not pulled back", () =>
      withLongChat({ host }, async ({ app: { page, companion }, session, turns, lead }) => {
        await lead(turns[60] ?? "");
        await seen(page, "question 60");
        await settled(page);
        await page.getByRole("log").hover();
        await page.mouse.wheel(0, 600);
        await page.waitForFunction(() => {
          const top = document.querySelector(".is-found")?.getBoundingClientRect().top ?? 0;
          return top < -100;
        });
        const top = await settled(page);
        const turnId = companion.ask(session, "one more");
        companion.stream(session, turnId, "at the end");
        companion.done(session, turnId);
        await page.getByText("at the end").waitFor({ state: "attached" });
        assert.ok(Math.abs((await settled(page)) - top) < 2, "the reader was pulled away");
      }));

    it("chooses the version of the chat that has the turn", () =>
      withLongChat({ host }, async ({ app: { page, companion }, session, turns, lead }) => {
        const last = turns.at(-1) ?? "";
        const replacing = companion.ask(session, "better question", { replaces_turn_id: last });
        companion.done(session, replacing);
        await lead(last);
        await seen(page, "question 119");
        await page.getByText("better question").waitFor({ state: "detached" });
      }));

    it("says calmly that the turn is not in the chat, and shows the chat as it is", () =>
      withLongChat({ host }, async ({ app: { page, companion }, session, lead }) => {
        const replacing = companion.ask(session, "better question");
        companion.done(session, replacing);
        await lead("00000000-0000-4000-8000-000000000000");
        const note = page.getByRole("status").filter({ hasText: "not in this chat any more" });
        await note.waitFor();
        await page.getByText("better question").waitFor();
        assert.equal(await page.getByRole("alert").count(), 0);
        await lead(replacing);
        await seen(page, "better question");
        await note.waitFor({ state: "detached" });
      }));

    it("says calmly that the chat is not there any more", () =>
      withLongChat({ host }, async ({ app: { page }, turns, lead }) => {
        await lead(turns[0] ?? "", "00000000-0000-4000-8000-000000000000");
        await page.getByRole("status").getByText("This chat is not there any more.").waitFor();
        assert.equal(await page.getByRole("alert").count(), 0);
        await lead(turns[0] ?? "");
        await seen(page, "question 0");
      }));

    it("waits for a companion that is away, and for words that are on their way", () =>
      withLongChat({ host }, async ({ app, session, turns, lead }) => {
        const { page, companion } = app;
        await lead(turns[1] ?? "");
        await seen(page, "question 1");
        await companion.stop();
        const turnId = companion.ask(session, "asked elsewhere");
        companion.done(session, turnId);
        await app.post({ type: "connection", connection: { state: "away" } });
        await lead(turnId);
        await companion.start();
        await app.post({ type: "connection", connection: { state: "ready" } });
        await seen(page, "asked elsewhere");
      }));
  });
}

describe("the turn that a link has led to", () => {
  it("stands out without harm to what is read, in every theme", () =>
    withLongChat({ host: "vscode", height: 500 }, async ({ app: { page }, turns, lead }) => {
      await lead(turns[110] ?? "");
      await seen(page, "question 110");
      await inEveryTheme(page, async (theme) => {
        const style = await page.locator(".turn.is-found").evaluate((turn) => {
          const { outlineWidth, boxShadow, animationName } = getComputedStyle(turn);
          return { outlineWidth, boxShadow, animationName };
        });
        const isContrast = theme.startsWith("high");
        assert.equal(style.animationName, "none", "motion that was not wanted");
        assert.equal(style.outlineWidth, isContrast ? "2px" : "1px");
        assert.equal(style.boxShadow === "none", isContrast);
        assert.deepEqual(await findings(page, ".turn.is-found"), [], theme);
      });
    }));

  it("fades in for those who want motion, and has a border where colours are forced", async () => {
    await withLongChat(
      { reducedMotion: "no-preference" },
      async ({ app: { page }, turns, lead }) => {
        await lead(turns[40] ?? "");
        await seen(page, "question 40");
        const animation = (turn: Element) => getComputedStyle(turn).animationName;
        assert.equal(await page.locator(".turn.is-found").evaluate(animation), "found");
      },
    );
    await withLongChat({ forcedColors: "active" }, async ({ app: { page }, turns, lead }) => {
      await lead(turns[40] ?? "");
      await seen(page, "question 40");
      const outline = (turn: Element) => getComputedStyle(turn).outlineWidth;
      assert.equal(await page.locator(".turn.is-found").evaluate(outline), "2px");
    });
  });

  it("is not covered by the list of chats in a narrow place", () =>
    withLongChat({ host: "vscode", width: 340 }, async ({ app: { page }, turns, lead }) => {
      await page.getByRole("button", { name: "Chats" }).click();
      await page.getByLabel("Search chats").waitFor();
      await lead(turns[40] ?? "");
      await seen(page, "question 40");
      assert.equal(await page.getByLabel("Search chats").count(), 0);
    }));
});

async function withLongChat(
  options: AppOptions & { host?: Host },
  body: (linked: Linked) => Promise<void>,
): Promise<void> {
  const turns: string[] = [];
  const session: ScriptedSession[] = [];
  const prepare = (companion: ScriptedCompanion): void => {
    const made = companion.addSession("Long");
    session.push(made);
    for (let index = 0; index < 120; index += 1) {
      const turnId = companion.ask(made, `question ${index}`);
      companion.stream(made, turnId, LONG.replace("N", String(index)), 400);
      companion.done(made, turnId);
      turns.push(turnId);
    }
  };
  await withApp({ ...options, prepare }, async (app) => {
    const [made] = session;
    assert.ok(made);
    await app.page.getByLabel("Your message").waitFor();
    const lead = async (turn_id: string, session_id = made.id): Promise<void> => {
      if (app.host === "vscode") await app.post({ type: "open_session", session_id, turn_id });
      else {
        const address = `${app.companion.origin}/#session=${session_id}&turn=${turn_id}`;
        await app.page.evaluate((url) => location.assign(url), address);
      }
    };
    await body({ app, session: made, turns, lead });
  });
}

const LONG = `answer N\n\n\`\`\`js\n${"const a = 1;\n".repeat(12)}\`\`\`\n\n${"A paragraph of some length. ".repeat(20)}`;

/** The question with exactly this text is in sight, marked, and has the focus. */
async function seen(page: Page, question: string): Promise<void> {
  await page.locator(".turn.is-found").getByText(question, { exact: true }).waitFor();
  await page.waitForFunction((text) => {
    const frame = document.querySelector(".transcript")?.getBoundingClientRect();
    const turn = document.querySelector(".turn.is-found");
    const place = turn?.querySelector(".question")?.getBoundingClientRect();
    if (!frame || !place || turn?.querySelector(".question-text")?.textContent !== text)
      return false;
    return place.top >= frame.top && place.top < frame.bottom - 40;
  }, question);
  const { text, name } = await focused(page);
  assert.equal(text.includes(question), true, `the focus is in: ${text}`);
  assert.equal(name, "You");
}

/** Where the marked turn is on the screen, when all is drawn. */
async function settled(page: Page): Promise<number> {
  const look = () =>
    page.locator(".turn.is-found").evaluate((turn) => turn.getBoundingClientRect().top);
  for (let before = await look(); ; ) {
    await page.waitForTimeout(300);
    const now = await look();
    if (now === before) return now;
    before = now;
  }
}

async function focused(page: Page): Promise<{ text: string; name: string }> {
  return await page.evaluate(() => ({
    text: document.activeElement?.textContent ?? "",
    name: document.activeElement?.querySelector("h3")?.textContent ?? "",
  }));
}
