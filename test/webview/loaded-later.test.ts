// Parts of the app that are loaded when they are first shown, and cannot be had then.
import assert from "node:assert/strict";
import { closeBrowser, HOSTS, withApp } from "./support/with-app.ts";

after(closeBrowser);

for (const host of HOSTS) {
  describe(`a part that is loaded later in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("says that it cannot be had, and comes when it can", () =>
      withApp({ host, allowErrors: true }, async ({ page }) => {
        await page.route("**/sessions-pane.js", (route) => route.abort());
        await page.getByRole("button", { name: "Chats" }).click();
        const told = page.getByRole("alert").getByText("A part of this page cannot be loaded.");
        await told.waitFor();
        await page.getByRole("button", { name: "Dismiss" }).click();
        await page.waitForEvent("requestfailed");
        assert.equal(await told.count(), 0);
        await page.unroute("**/sessions-pane.js");
        await page.getByText("No chats yet.").waitFor();
      }));
  });
}
