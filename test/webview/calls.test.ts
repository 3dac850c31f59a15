// What the row of a call says, and how its arguments are edited.
import assert from "node:assert/strict";
import type { AnyChunk } from "../support/any-chunk.ts";
import { findings } from "./support/axe.ts";
import { ask, closeBrowser, type OpenApp, only, withApp } from "./support/with-app.ts";

after(closeBrowser);

const asks = (
  tool_name: string,
  args: Record<string, unknown>,
  metadata: Record<string, unknown> = {},
  call_id = "c1",
): AnyChunk[] => [
  {
    type: "tool_call",
    call_id,
    tool_name,
    arguments: args,
    requires_approval: true,
    metadata,
  },
  {
    type: "status",
    metadata: { state: "waiting", waiting_for: [{ kind: "tool_decision", call_id }] },
  },
];

const propose = (plan_id: string): AnyChunk[] => {
  const subtasks = ["a", "b"].map((id) => ({ id, title: id, agent_type: "coder" }));
  const [call, pause] = asks("create_plan", {}) as [AnyChunk, AnyChunk];
  const created: AnyChunk = { type: "plan_created", plan_id, metadata: { subtasks } };
  return [{ ...call, call_id: plan_id }, created, pause];
};

const checkLooks = async ({ page }: OpenApp) => {
  assert.deepEqual(await findings(page), []);
};

describe("the row of a call", () => {
  it("says which file or command, in one line, with the whole at hand", () =>
    withApp({ width: 360 }, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app, "Run it");
      const command = `echo one\necho ${"two ".repeat(100)}\u202E`;
      companion.say(
        session,
        turnId,
        {
          type: "tool_call",
          call_id: "r",
          tool_name: "read_file",
          arguments: { path: "src/a.ts" },
        },
        { type: "tool_result", call_id: "r", tool_name: "read_file", content: "let a;" },
        { type: "tool_call", call_id: "x", tool_name: "execute_command", arguments: { command } },
        { type: "tool_result", call_id: "x", tool_name: "execute_command", content: "one" },
      );
      companion.done(session, turnId);
      const rows = page.locator(".tool summary");
      await rows.nth(1).waitFor();
      assert.equal(await rows.nth(0).innerText(), "Tool read_file\nsrc/a.ts\ndone");
      const brief = rows.nth(1).locator(".tool-brief");
      const shown = (await brief.textContent()) ?? "";
      assert.match(shown, /^echo one echo two two .*…$/);
      assert.ok(shown.length <= 201);
      assert.match((await brief.getAttribute("title")) ?? "", /^echo one\necho [^]*U\+202E$/);
      const heights = await rows.evaluateAll((all) => all.map((row) => row.clientHeight));
      assert.equal(heights[0], heights[1], "one line each");
      await checkLooks(app);
    }));

  it("says why it asks, in each language, and nothing of a reason that it does not know", () =>
    withApp({ language: "ru" }, async (app) => {
      const { page, companion } = app;
      await page.getByLabel("Ваше сообщение").fill("Ключи");
      await page.keyboard.press("Enter");
      await page.locator(".status-line.is-live").waitFor();
      const session = only(app);
      const turnId = session.turn?.id ?? "";
      companion.say(
        session,
        turnId,
        ...asks("read_file", { path: ".env" }, { asks_because: "secret_path" }),
      );
      await page.getByText("могут быть ключи или пароли").waitFor();
      await checkLooks(app);
      companion.say(session, turnId, { type: "tool_result", call_id: "c1", error: "no" });
      const newer = asks("x", {}, { asks_because: "of a newer companion" }, "c2");
      companion.say(session, turnId, ...newer);
      await page.getByText("Разрешить x?").waitFor();
      assert.equal(await page.locator(".asks-because").count(), 0);
    }));

  it("says of a plan how it stands, not how its question was answered", () =>
    withApp({}, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app, "Plan it");
      const state = page.locator(".tool").last().locator("summary .muted");
      const says = (words: string) =>
        page.locator(".tool summary .muted").last().and(page.getByText(words)).waitFor();
      companion.say(
        session,
        turnId,
        ...propose("p1"),
        { type: "plan_modification_requested", plan_id: "p1", content: "shorter" },
        { type: "tool_result", call_id: "p1", error: "The user wants the plan changed: shorter" },
      );
      await says("sent back to be changed");
      companion.say(session, turnId, ...propose("p2"), {
        type: "tool_result",
        call_id: "p2",
        content: "The user approved the plan.",
      });
      await says("running");
      const step = (subtask_id: string): AnyChunk => ({
        type: "status",
        plan_id: "p2",
        content: subtask_id,
        metadata: { state: "subtask", subtask_id, number: 1, of: 2 },
      });
      const done = (subtask_id: string): AnyChunk => ({
        type: "subtask_completed",
        plan_id: "p2",
        metadata: { subtask_id },
      });
      companion.say(session, turnId, step("a"), done("a"));
      companion.say(session, turnId, {
        type: "interrupted",
        content: "Stopped.",
        metadata: { code: "cancelled" },
      });
      await says("stopped");
      await page.getByRole("button", { name: "Resume the plan" }).click();
      await page.locator(".question-text", { hasText: "Resume the plan" }).waitFor();
      const again = session.turn?.id ?? "";
      companion.say(session, again, step("b"));
      await says("running");
      companion.say(session, again, done("b"), { type: "execution_completed", plan_id: "p2" });
      companion.done(session, again);
      await says("done");
      assert.equal(await state.count(), 1);
    }));

  it("goes on with its plan though the companion was away and the page was loaded again", () =>
    withApp({ allowErrors: true }, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app, "Do it");
      companion.say(session, turnId, ...propose("p1"));
      companion.say(session, turnId, {
        type: "tool_result",
        call_id: "p1",
        content: "The user approved the plan.",
      });
      companion.say(session, turnId, {
        type: "interrupted",
        content: "Stopped.",
        metadata: { code: "cancelled" },
      });
      const resume = page.getByRole("button", { name: "Resume the plan" });
      await resume.waitFor();
      await companion.stop();
      await resume.click();
      await page.getByText("Not sent yet").waitFor();
      await companion.start();
      await app.reload();
      await page.locator(".question-text", { hasText: "Resume the plan" }).waitFor();
      await page.locator(".status-line.is-live").waitFor();
      const { message } = companion.messages.at(-1) ?? {};
      assert.ok(message?.type === "user_message");
      assert.equal(message.resume_plan_id, "p1");
    }));

  it("puts the focus into the arguments, and says what is wrong with them", () =>
    withApp({}, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app, "Write it");
      companion.say(session, turnId, ...asks("write_file", { path: "a" }));
      await page.getByRole("button", { name: "Edit", exact: true }).click();
      const editor = page.getByRole("textbox", { name: "Arguments" });
      await editor.and(page.locator(":focus")).waitFor();
      const approve = page.getByRole("button", { name: "Approve" });
      const describedBy = async () => {
        const id = await editor.getAttribute("aria-describedby");
        return id === null ? null : await page.locator(`[id="${id}"]`).textContent();
      };
      await editor.fill('{\n  "path": b\n}');
      await approve.and(page.locator(":disabled")).waitFor();
      assert.match((await describedBy()) ?? "", /^This is not JSON yet: .*'b'/);
      await editor.fill('{\n  "path": "b"\n');
      await page.getByText("line 3").waitFor();
      await editor.fill('["b"]');
      await page.getByText("Arguments stand in braces").waitFor();
      await checkLooks(app);
      await editor.fill('{"path": "b"}');
      await approve.and(page.locator(":enabled")).waitFor();
      assert.equal(await describedBy(), null);
    }));
});
