// What a command says while it runs, in the chat: live, bounded, in one place with its result.
import assert from "node:assert/strict";
import type { Locator } from "playwright-core";
import type { AnyChunk } from "../support/any-chunk.ts";
import { ask, closeBrowser, HOSTS, type OpenApp, withApp } from "./support/with-app.ts";

after(closeBrowser);

const piece = (token: string, more: Record<string, unknown> = {}): AnyChunk => ({
  type: "status",
  call_id: "c1",
  token,
  metadata: { state: "tool_output", ...more },
});

/** A command that runs, and how it speaks. */
async function run(app: OpenApp) {
  const { session, turnId } = await ask(app, "Build it");
  const say = (...chunks: AnyChunk[]) => app.companion.say(session, turnId, ...chunks);
  say(
    {
      type: "tool_call",
      call_id: "c1",
      tool_name: "execute_command",
      arguments: { command: "make" },
      requires_approval: false,
      metadata: { kind: "execute" },
    },
    {
      type: "status",
      metadata: { state: "waiting", waiting_for: [{ kind: "tool_result", call_id: "c1" }] },
    },
  );
  const box = app.page.getByRole("group", { name: "Output" });
  const atEnd = () =>
    app.page
      .locator(".shown pre")
      .last()
      .evaluate((pre) => pre.scrollHeight - pre.scrollTop - pre.clientHeight < 4);
  return { session, turnId, say, box, atEnd };
}

/** As a reader does: seen by the page with the next frame. */
const scrollTo = (box: Locator, top: number) =>
  box.evaluate((pre, to) => {
    pre.scrollTo(0, to);
    return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  }, top);

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `line ${from + n}\n`).join("");

for (const host of HOSTS) {
  describe(`the output of a running command in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("is seen as it comes, stays at its end, and gives its place to the result", () =>
      withApp({ host }, async (app) => {
        const { page } = app;
        const { say, box, atEnd, session, turnId } = await run(app);
        assert.equal(await box.count(), 0);
        say(piece("one\n"), piece(" 10 %"), piece("\r 50 %"));
        await box.getByText("50 %").waitFor();
        assert.equal(await box.innerText(), "one\n 50 %");
        say(piece(`\r100 %\n\u202Eevil\n${lines(0, 200)}`));
        await box.getByText("line 199").waitFor();
        assert.match(await box.innerText(), /^one\n100 %\nU\+202Eevil\nline 0\n/);
        assert.ok(await atEnd());
        const height = await page.locator(".tool").evaluate((tool) => tool.clientHeight);
        assert.ok(height < 420, `${height} pixels`);

        await scrollTo(box, 100);
        say(piece(lines(200, 210)));
        await box.getByText("line 209").waitFor();
        assert.equal(await box.evaluate((pre) => pre.scrollTop), 100, "a reader is left alone");
        await scrollTo(box, 1e6);
        say(piece(lines(210, 220)));
        await box.getByText("line 219").waitFor();
        assert.ok(await atEnd());

        const before = await box.boundingBox();
        const result = `${lines(0, 220)}[Exit code 0]`;
        say({ type: "tool_result", call_id: "c1", tool_name: "execute_command", content: result });
        const ended = page.getByRole("group", { name: "Result" });
        await ended.getByText("[Exit code 0]").waitFor();
        assert.equal(await box.count(), 0);
        assert.deepEqual(await ended.boundingBox(), before);
        assert.ok(await atEnd());
        app.companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        assert.equal(await ended.isVisible(), true);
      }));

    it("is there again after a reload, and when nobody gives a result", () =>
      withApp({ host }, async (app) => {
        const { page } = app;
        const { say, box, session, turnId } = await run(app);
        say(piece("step 1\n"), piece("step 2\n"));
        await box.getByText("step 2").waitFor();
        await app.reload();
        await box.getByText("step 2").waitFor();
        say(piece("step 3\n"));
        await box.getByText("step 3").waitFor();
        const error = "The window that ran this went away";
        say({ type: "tool_result", call_id: "c1", tool_name: "execute_command", error });
        await page.getByText(error).waitFor();
        app.companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        await app.reload();
        await box.getByText("step 3").waitFor();
        assert.equal(await box.innerText(), "step 1\nstep 2\nstep 3\n");
      }));

    it("is not read out piece by piece", () =>
      withApp({ host }, async (app) => {
        const { say, box, session, turnId } = await run(app);
        await app.page.evaluate(() => {
          const region = document.querySelector("#announcements");
          const said: string[] = [];
          Object.assign(globalThis, { said });
          new MutationObserver(() => said.push(region?.textContent ?? "")).observe(
            region ?? document.body,
            { childList: true, characterData: true, subtree: true },
          );
        });
        for (let n = 0; n < 5; n++) say(piece(`loud ${n}. \n`));
        await box.getByText("loud 4").waitFor();
        assert.equal(await box.getAttribute("aria-live"), "off");
        say({ type: "tool_result", call_id: "c1", tool_name: "execute_command", content: "ok" });
        app.companion.done(session, turnId);
        await app.page.waitForFunction(() =>
          (globalThis as unknown as { said: string[] }).said.some((text) => /finished/.test(text)),
        );
        const said = await app.page.evaluate(
          () => (globalThis as unknown as { said: string[] }).said,
        );
        assert.doesNotMatch(said.join(), /loud/);
      }));
  });
}

describe("100,000 characters of output", () => {
  it("are all there, and one more piece changes only the last block of them", () =>
    withApp({}, async (app) => {
      const { page } = app;
      const { say } = await run(app);
      const block = lines(0, 100);
      let said = "";
      while (said.length < 99_000) {
        say(piece(block));
        said += block;
      }
      const pre = page.locator(".shown pre").last();
      await page.waitForFunction(
        (length) => [...document.querySelectorAll("pre")].at(-1)?.textContent.length === length,
        said.length,
      );
      assert.equal(await pre.evaluate((element) => element.textContent), said);
      await pre.evaluate((element) => {
        const watching = { touched: 0 };
        Object.assign(globalThis, { watching });
        new MutationObserver((records) => {
          for (const { target } of records) watching.touched += target.textContent?.length ?? 0;
        }).observe(element, { childList: true, characterData: true, subtree: true });
      });
      say(piece("the last line\n", { cut: true }));
      await page.getByText("The rest stands in the terminal.").waitFor();
      const touched = await page.evaluate(
        () => (globalThis as unknown as { watching: { touched: number } }).watching.touched,
      );
      assert.ok(touched > 0 && touched < 10_000, `${touched} characters were written again`);
    }));
});
