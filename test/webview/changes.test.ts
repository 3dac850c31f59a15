// The files that a turn has changed, under its answer; what an editor does with a block of code.
import assert from "node:assert/strict";
import { findings, inEveryTheme } from "./support/axe.ts";
import { ask, closeBrowser, HOSTS, type OpenApp, withApp } from "./support/with-app.ts";

after(closeBrowser);

/** A turn that has changed these, of which one was decided. */
async function changed(app: OpenApp) {
  const { page, companion } = app;
  const { session, turnId } = await ask(app, "Change it");
  const result = (call_id: string, path: string, added: number, removed: number, is_new = false) =>
    companion.say(session, turnId, {
      type: "tool_result",
      call_id,
      tool_name: "write_file",
      content: "Changed.",
      metadata: { changed: { path, is_new, added, removed } },
    });
  result("1", "src/a.ts", 9, 9);
  result("2", "src/a.ts", 7, 3);
  result("3", "new.ts", 5, 0, true);
  result("4", "as-before.ts", 0, 0);
  result("5", "b.ts", 2, 2);
  companion.done(session, turnId);
  await page.getByText("Saved").waitFor();
  const decide = (decided: object): void =>
    companion.say(session, undefined, {
      type: "status",
      metadata: { state: "change_decided", changed_turn_id: turnId, hunks: [], ...decided },
    });
  return { turnId, decide };
}

const squeeze = (lines: string[]): string[] =>
  lines.map((line) => line.replaceAll(/\s+/g, " ").trim());

for (const host of HOSTS) {
  const isEditor = host === "vscode";
  describe(`files that a turn changed in ${isEditor ? "VS Code's webview" : "a browser"}`, () => {
    it("are counted and listed, each as the turn left it, and say what was decided", () =>
      withApp({ host }, async (app) => {
        const { page } = app;
        const { decide } = await changed(app);
        const all = page.getByRole("button", { name: "3 files 14 lines added, 5 removed" });
        await all.focus();
        await page.keyboard.press("Enter");
        assert.equal(await all.getAttribute("aria-expanded"), "true");
        const rows = page.locator(".changes li");
        await rows.nth(2).waitFor();
        decide({
          path: "b.ts",
          decision: "undo",
          kept: 0,
          undone: 2,
          open: 0,
          added: 0,
          removed: 0,
        });
        decide({
          path: "src/a.ts",
          decision: "keep",
          kept: 1,
          undone: 0,
          open: 2,
          added: 7,
          removed: 3,
        });
        await page.locator('.changes [data-state="undone"]').waitFor();
        await page.getByText("2 to decide").waitFor();
        assert.deepEqual(squeeze(await rows.allInnerTexts()), [
          "src/a.ts 7 lines added, 3 removed +7 −3 2 to decide",
          "new.ts new 5 lines added, 0 removed +5 −0",
          "b.ts 0 lines added, 0 removed +0 −0 undone",
        ]);
        const buttons = await page.locator(".changes li .icon-button").count();
        assert.equal(buttons, isEditor ? 4 : 0);
        assert.deepEqual(await findings(page), []);
      }));

    it("of commands are listed by name, at most once, with what is not known, and axe finds nothing", () =>
      withApp({ host }, async (app) => {
        const { page, companion, posted } = app;
        const { session, turnId } = await ask(app, "Run it");
        const ran = (call_id: string, changed_by_command: object) =>
          companion.say(session, turnId, {
            type: "tool_result",
            call_id,
            tool_name: "execute_command",
            content: "[Exit code 0]",
            metadata: { changed_by_command },
          });
        const file = (path: string, is: string) => ({ path, is });
        ran("1", { files: [file("gone.ts", "new"), file("new.ts", "new")], more: 0 });
        ran("2", { files: [file("a.ts", "changed"), file("gone.ts", "deleted")], more: 2 });
        ran("3", { files: [file("b.ts", "deleted"), file("new.ts", "changed")], more: null });
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        await page.getByRole("button", { name: "3 files", exact: true }).press("Enter");
        const list = page.getByRole("list", { name: /^Changed while commands ran/ });
        await list.waitFor();
        assert.deepEqual(squeeze(await list.getByRole("listitem").allInnerTexts()), [
          "new.ts made by a command",
          "a.ts changed by a command",
          "b.ts deleted by a command",
        ]);
        await page.getByText("and 2 more, changed while commands ran").waitFor();
        await page.getByText("Which files commands changed is not known").waitFor();
        assert.equal(await page.getByRole("button", { name: /^(Keep|Undo|Compare)/ }).count(), 0);
        assert.deepEqual(await findings(page), []);
        if (!isEditor) return;
        await list.getByRole("button", { name: "a.ts" }).press("Enter");
        const about = { command: "show_changes", turn_id: turnId, path: "a.ts" };
        assert.deepEqual(posted.at(-1), { type: "host_command", ...about });
      }));

    if (!isEditor) return;
    it("are shown, kept and undone by keyboard, which keeps the focus in the list", () =>
      withApp({ host }, async (app) => {
        const { page, posted } = app;
        const { turnId, decide } = await changed(app);
        await page.getByRole("button", { name: /^3 files/ }).click();
        await page.getByRole("button", { name: "src/a.ts", exact: true }).click();
        await page.getByRole("button", { name: "Undo the changes in src/a.ts" }).focus();
        await page.keyboard.press("Enter");
        decide({
          path: "src/a.ts",
          decision: "undo",
          kept: 0,
          undone: 1,
          open: 0,
          added: 0,
          removed: 0,
        });
        await page.locator('.changes [data-state="undone"]').waitFor();
        const focused = page.locator(":focus");
        assert.equal(await focused.innerText(), "src/a.ts");
        await page.getByRole("button", { name: "Keep all" }).click();
        await page.getByRole("button", { name: "Compare with checkpoint" }).click();
        const sent = posted.filter((one) => one.type === "host_command");
        const about = { type: "host_command", turn_id: turnId };
        assert.deepEqual(sent, [
          { ...about, command: "show_changes", path: "src/a.ts" },
          { ...about, command: "decide_changes", path: "src/a.ts", decision: "undo" },
          { ...about, command: "decide_changes", decision: "keep" },
          { ...about, command: "show_changes" },
        ]);
      }));

    it("have nothing for axe to find in any theme", () =>
      withApp({ host }, async (app) => {
        const { page } = app;
        await changed(app);
        await page.getByRole("button", { name: /^3 files/ }).click();
        await page.locator(".changes li").first().waitFor();
        await inEveryTheme(page, async (theme) => {
          assert.deepEqual(await findings(page, ".changes"), [], theme);
        });
      }));

    it("blocks of code go where the editor puts them, a shell's into the terminal", () =>
      withApp({ host }, async (app) => {
        const { page, companion, posted } = app;
        const { session, turnId } = await ask(app, "Code");
        const blocks =
          "In `src/a.ts`:\n\n```TS:lib/b.ts\nlet a;\n```\n\nThen\n\n```sh\nnpm test\n```\n";
        companion.stream(session, turnId, blocks);
        companion.done(session, turnId);
        await page.getByRole("button", { name: "Apply to its file" }).click();
        await page.getByRole("button", { name: "Put into a new file" }).first().click();
        await page.getByRole("button", { name: "Put into the terminal" }).click();
        const uses = posted.flatMap((one) => (one.type === "use_code" ? [one.use] : []));
        const block = { text: "let a;\n", language: "ts", info: "TS:lib/b.ts", hint: "src/a.ts" };
        assert.deepEqual(uses, [
          { how: "apply", ...block },
          { how: "new_file", ...block },
          { how: "run", text: "npm test\n", language: "sh", info: "sh", hint: "" },
        ]);
        assert.deepEqual(await findings(page), []);
      }));
  });
}
