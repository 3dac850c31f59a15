// Keys of models in a browser, where no editor keeps them.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { findings } from "./support/axe.ts";
import { ask, closeBrowser, type OpenApp, withApp } from "./support/with-app.ts";

after(closeBrowser);

const KEY = "sk-secret-0123456789";

/** What a companion does about keys: takes them, and has the models of whoever it has one of. */
async function takeKeys({ page, companion }: OpenApp, status = 204): Promise<string[]> {
  const taken: string[] = [];
  await page.route("**/v1/keys/*", async (route) => {
    const request = route.request();
    const provider = request.url().split("/").at(-1);
    taken.push(`${request.method()} ${provider} ${request.postData() ?? ""}`.trim());
    for (const model of companion.models) {
      if (status < 300 && model.id.startsWith(`${provider}/`)) {
        model.available = request.method() === "PUT";
      }
    }
    const error = { error: { code: "invalid_request", message: "That is no key.", hint: "Look." } };
    await route.fulfill(status < 300 ? { status } : { status, json: error });
  });
  return taken;
}

const kept = (page: Page): Promise<string> =>
  page.evaluate(() =>
    JSON.stringify([localStorage, sessionStorage, location.href, document.body.innerHTML]),
  );

describe("a key in the web app", () => {
  it("is asked for with a model that needs one, goes to the companion and stays nowhere", () =>
    withApp({ host: "browser" }, async (app) => {
      const { page } = app;
      const taken = await takeKeys(app);
      const models = page.getByLabel("Model", { exact: true });
      await models.selectOption("anthropic/claude");
      const dialog = page.getByRole("dialog", { name: "Keys of models" });
      await dialog.getByText("There is no key yet.").waitFor();
      assert.equal(await dialog.getByLabel("Who answers").inputValue(), "anthropic");
      const field = dialog.getByLabel("Key", { exact: true });
      assert.ok(await field.evaluate((element) => element === document.activeElement));
      assert.deepEqual(await findings(page), []);
      await page.keyboard.press("Enter");
      await dialog.getByText("Paste the key first.").waitFor();
      await field.fill("Bearer мой ключ");
      await page.keyboard.press("Enter");
      await dialog.getByText("A key has no spaces").waitFor();
      assert.deepEqual(taken, []);
      await field.fill(` ${KEY}\n`);
      await page.keyboard.press("Enter");
      await page.getByRole("status").getByText("The key of Anthropic is set.").waitFor();
      assert.deepEqual(taken, [`PUT anthropic {"key":"${KEY}"}`]);
      assert.equal(await models.inputValue(), "anthropic/claude");
      assert.equal(await dialog.count(), 0);
      assert.doesNotMatch(await kept(page), new RegExp(KEY));
      await models.selectOption({ label: "Set key…" });
      await dialog.getByText("The companion has what it needs.").waitFor();
      assert.equal(await dialog.getByLabel("Key", { exact: true }).inputValue(), "");
      await dialog.getByRole("button", { name: "Remove key" }).click();
      await page
        .getByRole("status")
        .getByText("of Anthropic that was set here is removed")
        .waitFor();
      assert.equal(taken.at(-1), "DELETE anthropic");
    }));

  it("that the companion does not take, or a vendor refused, is told where it is asked for", () =>
    withApp({ host: "browser", allowErrors: true }, async (app) => {
      const { page, companion } = app;
      await takeKeys(app, 400);
      await page.getByLabel("Model", { exact: true }).selectOption("openai/gpt");
      const { session, turnId } = await ask(app);
      companion.say(session, turnId, {
        type: "error",
        error: "OpenAI refused the key.",
        metadata: { code: "upstream_unauthorized" },
      });
      await page.getByRole("button", { name: "Set key" }).click();
      const dialog = page.getByRole("dialog", { name: "Keys of models" });
      await dialog.getByText("The key that is set was refused.").waitFor();
      assert.equal(await dialog.getByLabel("Who answers").inputValue(), "openai");
      await dialog.getByLabel("Key", { exact: true }).fill(KEY);
      await page.keyboard.press("Enter");
      await dialog.getByRole("alert").getByText("That is no key. Look.").waitFor();
      assert.equal(await dialog.getByLabel("Key", { exact: true }).inputValue(), KEY);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Set key" }).waitFor();
    }));
});
