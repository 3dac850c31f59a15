// How an agent is found: in the list that / opens, and in the choice below the message.
import assert from "node:assert/strict";
import { findings } from "./support/axe.ts";
import { closeBrowser, HOSTS, withApp } from "./support/with-app.ts";

after(closeBrowser);

const TESTER = { type: "tester", name: "Test writer", description: "Writes tests" };

for (const host of HOSTS) {
  describe(`the choice of an agent in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("opens with / at the beginning, by the keyboard alone, and knows what is new", () =>
      withApp({ host }, async ({ page, companion }) => {
        const input = page.getByLabel("Your message");
        const list = page.getByRole("listbox", { name: "Agents and prompts" });
        await input.fill("not / here");
        assert.equal(await list.count(), 0);
        await input.fill("");
        await input.pressSequentially("/");
        await list
          .getByRole("option", { name: "/coder Coder · Writes and changes code" })
          .waitFor();
        assert.equal(await list.getByRole("option").count(), 4);
        await page.getByText("4 to choose from.").waitFor({ state: "attached" });
        assert.equal(await input.getAttribute("aria-activedescendant"), "mention-0");
        assert.deepEqual(await findings(page), []);
        await page.keyboard.press("Escape");
        companion.agents.push(TESTER);
        await input.fill("");
        await input.pressSequentially("/te");
        await list.getByRole("option", { name: "/tester" }).waitFor();
        await page.keyboard.press("Enter");
        await list.waitFor({ state: "detached" });
        assert.equal(await input.inputValue(), "/tester ");
        await input.pressSequentially("cover it");
        await page.keyboard.press("Enter");
        await page.locator(".question-text", { hasText: /^cover it$/ }).waitFor();
        // The question stands there before the companion has it.
        await page.locator(".status-line.is-live").waitFor();
        assert.equal(companion.messages.at(-1)?.agent_type, "tester");
      }));

    it("says that there is nothing of this name, and sends what was written", () =>
      withApp({ host }, async ({ page }) => {
        const input = page.getByLabel("Your message");
        await input.pressSequentially("/coedr");
        await page.getByRole("option", { name: "There is nothing of this name" }).waitFor();
        await page.keyboard.press("Enter");
        await page.locator(".question-text", { hasText: "/coedr" }).waitFor();
      }));

    it("lists prompts behind the agents where there is an editor that knows some", () =>
      withApp({ host }, async ({ page, companion, posted, post }) => {
        const input = page.getByLabel("Your message");
        await input.pressSequentially("/");
        const list = page.getByRole("listbox", { name: "Agents and prompts" });
        await list.getByRole("option", { name: "/coder" }).waitFor();
        const asked = posted.find((one) => one.type === "find_mentions" && one.kind === "prompt");
        assert.equal(asked !== undefined, host === "vscode");
        if (asked?.type !== "find_mentions") return;
        const found = [
          { kind: "prompt" as const, name: "front:review", detail: "Looks <b>closely</b>" },
          { kind: "prompt" as const, name: "ship" },
        ];
        await post({ type: "mentions", id: asked.id, found });
        await list.getByRole("option", { name: "/ship a prompt" }).waitFor();
        await input.pressSequentially("front:r");
        await list.getByRole("option", { name: "/front:review Looks <b>closely</b>" }).waitFor();
        assert.equal(await list.getByRole("option").count(), 1);
        await page.keyboard.press("Tab");
        await input.pressSequentially("a.ts");
        await page.keyboard.press("Enter");
        await page.locator(".question-text", { hasText: "/front:review a.ts" }).waitFor();
        await page.locator(".status-line.is-live").waitFor();
        assert.equal(companion.messages.length, 1);
      }));

    it("is read again when it gets the focus", () =>
      withApp({ host }, async ({ page, companion }) => {
        const picker = page.getByLabel("Agent", { exact: true });
        await picker.waitFor();
        companion.agents.push(TESTER);
        await picker.focus();
        await picker.locator("option", { hasText: "Test writer" }).waitFor({ state: "attached" });
      }));
  });
}

describe("the bar below the message", () => {
  it("does not jump when the agents come later than the models", () =>
    withApp({}, async ({ page }) => {
      let answer = (): void => {};
      const held = new Promise<void>((resolve) => {
        answer = resolve;
      });
      await page.route("**/v1/agents", async (route) => {
        await held;
        await route.continue();
      });
      await page.reload();
      const models = page.getByLabel("Model", { exact: true });
      await models.waitFor();
      const before = await models.boundingBox();
      assert.equal(await page.getByLabel("Agent", { exact: true }).count(), 0);
      answer();
      await page.getByLabel("Agent", { exact: true }).waitFor();
      const after = await models.boundingBox();
      assert.ok(before && after && Math.abs(before.x - after.x) < 4, `${before?.x} ${after?.x}`);
    }));
});
