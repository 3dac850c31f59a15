// What may run without asking: rules made of a call, the level of a chat, and where all of it is
// taken back.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { findings } from "./support/axe.ts";
import { ruleOf } from "./support/scripted-approvals.ts";
import { ask, closeBrowser, HOSTS, type OpenApp, withApp } from "./support/with-app.ts";

after(closeBrowser);

const COMMAND = "npm test -- --grep words";
const EXACT = { type: "command", pattern: COMMAND } as const;
const NPM_TEST = { type: "command_prefix", pattern: "npm test" } as const;

async function asks(app: OpenApp, more: object = {}): Promise<void> {
  const { session, turnId } = await ask(app, "Do it");
  const call = { type: "tool_call", call_id: "c1", tool_name: "execute_command" } as const;
  const waiting_for = [{ kind: "tool_decision", call_id: "c1" }];
  app.companion.say(
    session,
    turnId,
    { ...call, arguments: { command: COMMAND }, requires_approval: true, metadata: more },
    { type: "status", metadata: { state: "waiting", waiting_for } },
  );
  await app.page.getByRole("button", { name: "Approve" }).waitFor();
}

async function isClean(page: Page): Promise<void> {
  assert.deepEqual(await findings(page), []);
}

async function shoot(page: Page, name: string): Promise<void> {
  const to = process.env["SHOTS"];
  if (to !== undefined) await page.screenshot({ path: `${to}/${name}.png` });
}

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });

describe("what may run without asking", () => {
  for (const host of HOSTS) {
    it(`is made of a call by keys alone, in ${host}`, () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        companion.approvals.choices = [EXACT, NPM_TEST];
        await asks(app);
        await button(page, "Always in this workspace…").focus();
        await page.keyboard.press("Enter");
        const exact = button(page, `Exactly this: ${COMMAND}`);
        await exact.waitFor();
        await page.waitForFunction(() => document.activeElement?.textContent?.includes("Exactly"));
        await page.keyboard.press("Escape");
        await exact.waitFor({ state: "hidden" });
        await page.keyboard.press("Enter");
        await exact.waitFor();
        await page.waitForFunction(() => document.activeElement?.textContent?.includes("Exactly"));
        await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        await page.waitForFunction(() => document.querySelector("[data-decided=true]") !== null);
        const sent = companion.messages.at(-1)?.message;
        assert.ok(sent?.type === "tool_decision");
        assert.deepEqual([sent.decision, sent.remember], ["approve", NPM_TEST]);
      }));
  }

  it("says where no rule can be made, and offers none for what is dangerous", async () => {
    await withApp({}, async (app) => {
      await asks(app);
      await button(app.page, "Always in this workspace…").click();
      await app.page.getByText("No rule can be made of this call").waitFor();
    });
    await withApp({}, async (app) => {
      await asks(app, { asks_because: "dangerous" });
      await app.page.getByText("What is dangerous always asks.").waitFor();
      assert.equal(await button(app.page, /^Always/).count(), 0);
    });
  });

  it("is told with the call, also after a reload", () =>
    withApp({}, async (app) => {
      const { page, companion, reload } = app;
      const { session, turnId } = await ask(app, "Do it");
      companion.say(session, turnId, {
        type: "tool_call",
        call_id: "c1",
        tool_name: "execute_command",
        arguments: { command: COMMAND },
        requires_approval: false,
        metadata: { allowed_by: { by: "rule", rules: [NPM_TEST] } },
      });
      const told = page.getByText("Allowed by your rule `npm test`");
      await told.waitFor();
      await reload();
      await told.waitFor();
      assert.equal(await told.count(), 1);
    }));

  it("is seen in red as long as it is everything, here and as another window says, and taken back", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, companion } = app;
      await button(page, "What may run without asking").click();
      await page.getByRole("radio", { name: /^Everything is free/ }).check();
      const note = page.getByText("Everything runs without asking in this chat");
      await note.waitFor();
      await page.keyboard.press("Escape");
      const { session } = await ask(app, "Do it");
      await note.waitFor();
      const [red] = /\d+/.exec(
        await note.evaluate((one) => getComputedStyle(one.parentElement ?? one).backgroundColor),
      ) ?? ["0"];
      assert.ok(Number(red) > 100, "red");
      await app.reload();
      await note.waitFor();
      await button(page, "Let it ask as usual").click();
      await note.waitFor({ state: "detached" });
      assert.equal(session.approval_level, "read");
      companion.say(session, undefined, {
        type: "status",
        metadata: { state: "approval_level", level: "all" },
      });
      await note.waitFor();
    }));

  for (const theme of ["dark", "light", "high-contrast"] as const) {
    it(`is listed and taken back at a click, in VS Code's ${theme}`, () =>
      withApp({ host: "vscode", theme, width: 420, height: 760 }, async (app) => {
        const { page, companion } = app;
        companion.approvals.choices = [EXACT, NPM_TEST];
        companion.approvals.rules = [
          ruleOf(NPM_TEST, { arguments: { folder: "packages/app" } }),
          ruleOf({ type: "path", pattern: "src/**" }, { tool_name: "write_file", kind: "write" }),
          ruleOf(EXACT, { workspace: "/home/me/other" }),
        ];
        await asks(app);
        await button(page, "Always in this workspace…").click();
        await button(page, "What begins with npm test").waitFor();
        await button(page, "What may run without asking").click();
        const dialog = page.getByRole("dialog", { name: "What may run without asking" });
        await dialog.getByText("In packages/app").waitFor();
        await dialog.getByRole("radio", { name: /^Everything is free/ }).click();
        await dialog.getByRole("radio", { name: /^Everything is free/, checked: true }).waitFor();
        await isClean(page);
        await shoot(page, `approvals-${theme}`);
        await dialog.getByRole("button", { name: "Let src/** ask again" }).click();
        await dialog.getByText("src/**").waitFor({ state: "detached" });
        assert.deepEqual(
          companion.approvals.rules.map(({ pattern }) => pattern),
          ["npm test", COMMAND],
        );
        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "detached" });
        const focused = await page.evaluate(() => document.activeElement?.getAttribute("title"));
        assert.equal(focused, "What may run without asking");
        await isClean(page);
        await shoot(page, `card-${theme}`);
      }));
  }

  it("speaks Russian", () =>
    withApp({ language: "ru" }, async ({ page }) => {
      await button(page, "Что можно без вопросов").click();
      await page.getByRole("radio", { name: /^Можно всё/ }).check();
      await page.getByText("В этом чате всё выполняется без вопросов").waitFor();
      await page.getByText("Пока нет.").waitFor();
    }));
});
