import assert from "node:assert/strict";
import { ask, closeBrowser, HOSTS, withApp } from "./support/with-app.ts";

after(closeBrowser);

for (const host of HOSTS) {
  describe(`tools, reasoning and agents in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("asks before a tool runs, and takes the answer once", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Read it");
        companion.say(
          session,
          turnId,
          {
            type: "tool_call",
            call_id: "c1",
            tool_name: "read_file",
            arguments: { path: "a\u202Eb.txt" },
            requires_approval: true,
          },
          {
            type: "status",
            metadata: { state: "waiting", waiting_for: [{ kind: "tool_decision", call_id: "c1" }] },
          },
        );
        await page.getByText("May read_file run?", { exact: true }).waitFor();
        await page.locator(".shown .hidden-character", { hasText: "U+202E" }).waitFor();
        await page.getByRole("button", { name: "Approve" }).click();
        await page
          .getByRole("button", { name: "Approve" })
          .and(page.locator(":disabled"))
          .waitFor();
        companion.say(session, turnId, {
          type: "tool_result",
          call_id: "c1",
          tool_name: "read_file",
          content: "hello",
        });
        companion.done(session, turnId);
        await page.getByText("Tool read_file").waitFor();
        await page.getByRole("button", { name: "Approve" }).waitFor({ state: "detached" });
        const decisions = companion.messages.map(({ message }) => message).slice(1);
        assert.deepEqual(decisions, [
          { type: "tool_decision", call_id: "c1", decision: "approve" },
        ]);
      }));

    it("rejects a tool with a reason", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Delete it");
        companion.say(
          session,
          turnId,
          {
            type: "tool_call",
            call_id: "c1",
            tool_name: "delete",
            arguments: {},
            requires_approval: true,
          },
          {
            type: "status",
            metadata: { state: "waiting", waiting_for: [{ kind: "tool_decision", call_id: "c1" }] },
          },
        );
        await page.getByLabel("Why not?").fill("too risky");
        await page.getByRole("button", { name: "Reject" }).click();
        await page.getByRole("button", { name: "Reject" }).and(page.locator(":disabled")).waitFor();
        companion.say(session, turnId, {
          type: "tool_result",
          call_id: "c1",
          tool_name: "delete",
          error: "rejected",
        });
        await page.getByRole("button", { name: "Reject" }).waitFor({ state: "detached" });
        assert.deepEqual(companion.messages[1]?.message, {
          type: "tool_decision",
          call_id: "c1",
          decision: "reject",
          feedback: "too risky",
        });
      }));

    it("shows reasoning folded away and a change of agent", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Think");
        companion.say(session, turnId, { type: "reasoning", token: "hmm, well" });
        companion.say(session, turnId, {
          type: "agent_switched",
          metadata: { from_agent: "universal", to_agent: "coder", reason: "code was asked for" },
        });
        companion.stream(session, turnId, "Done.");
        companion.done(session, turnId);
        await page.getByText("Coder takes over").waitFor();
        assert.equal(await page.getByText("hmm, well").isVisible(), false);
        await page.getByText("Reasoning", { exact: true }).click();
        await page.getByText("hmm, well").waitFor();
      }));

    it("runs a tool with the arguments as edited, or always in this chat", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Write it");
        const call = (call_id: string) =>
          companion.say(
            session,
            turnId,
            {
              type: "tool_call",
              call_id,
              tool_name: "write_file",
              arguments: { path: "a" },
              requires_approval: true,
              metadata: { kind: "write" },
            },
            {
              type: "status",
              metadata: { state: "waiting", waiting_for: [{ kind: "tool_decision", call_id }] },
            },
          );
        call("c1");
        await page.getByRole("button", { name: "Edit", exact: true }).click();
        const editor = page.getByRole("textbox", { name: "Arguments" });
        assert.equal(await editor.inputValue(), '{\n  "path": "a"\n}');
        await editor.fill('{"path": "b"');
        const approve = page.getByRole("button", { name: "Approve" });
        await approve.and(page.locator(":disabled")).waitFor();
        await editor.fill('{"path": "b"}');
        await approve.click();
        companion.say(session, turnId, { type: "tool_result", call_id: "c1", content: "ok" });
        call("c2");
        await page.getByRole("button", { name: "Always in this chat" }).click();
        companion.say(session, turnId, { type: "tool_result", call_id: "c2", content: "ok" });
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        const change = page.getByRole("button", { name: "Show change" });
        assert.equal(await change.count(), 0);
        assert.deepEqual(
          companion.messages.slice(1).map(({ message }) => message),
          [
            {
              type: "tool_decision",
              call_id: "c1",
              decision: "edit",
              modified_arguments: { path: "b" },
            },
            { type: "tool_decision", call_id: "c2", decision: "approve", remember: "session" },
          ],
        );
      }));

    it("says which tools run without asking, and lets them ask again", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Run it");
        for (const tool_name of ["execute_command", "write_file"]) {
          companion.say(session, turnId, {
            type: "status",
            tool_name,
            metadata: { state: "tool_allowed" },
          });
        }
        companion.done(session, turnId);
        const note = page.locator(".composer-note", { hasText: "Without asking:" });
        await note.getByText("write_file").waitFor();
        await note.getByRole("button", { name: "Let execute_command ask again" }).click();
        await note.getByText("execute_command").waitFor({ state: "detached" });
        assert.deepEqual(await note.getByRole("listitem").allInnerTexts(), ["write_file"]);
        assert.equal(
          await page.evaluate(() => document.activeElement?.id),
          "composer-input",
          "the focus is where one writes",
        );
        await note.getByRole("button", { name: "Let write_file ask again" }).click();
        await note.waitFor({ state: "detached" });
      }));

    it("shows a plan as a list that is ticked off, and resumes it after an interruption", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Plan it");
        const plan = { plan_id: "p1", plan_summary: "Two steps" };
        const subtask = (id: string, agent_type: string) => ({
          id,
          title: `Step ${id}`,
          agent_type,
          status: "pending",
        });
        companion.say(
          session,
          turnId,
          {
            type: "tool_call",
            call_id: "c1",
            tool_name: "create_plan",
            arguments: {},
            requires_approval: true,
          },
          {
            type: "plan_created",
            ...plan,
            metadata: { subtasks: [subtask("a", "coder"), subtask("b", "ask")] },
          },
          { type: "plan_approval_required", ...plan, call_id: "c1" },
          {
            type: "status",
            metadata: { state: "waiting", waiting_for: [{ kind: "tool_decision", call_id: "c1" }] },
          },
        );
        await page.getByText("Carry out this plan?").waitFor();
        await page.getByRole("button", { name: "Approve" }).click();
        companion.say(
          session,
          turnId,
          { type: "tool_result", call_id: "c1", tool_name: "create_plan", content: "approved" },
          {
            type: "status",
            plan_id: "p1",
            content: "Step a",
            metadata: { state: "subtask", subtask_id: "a", number: 1, of: 2 },
          },
        );
        await page.locator(".plan li[data-state=running]", { hasText: "Step a" }).waitFor();
        companion.say(
          session,
          turnId,
          { type: "subtask_completed", plan_id: "p1", metadata: { subtask_id: "a" } },
          { type: "interrupted", content: "Stopped.", metadata: { code: "cancelled" } },
        );
        await page.locator(".plan li[data-state=done]", { hasText: "Step a" }).waitFor();
        await page.getByText("1/2 · Step a").waitFor();
        await page.getByRole("button", { name: "Resume the plan" }).click();
        await page.locator(".question-text", { hasText: "Resume the plan" }).waitFor();
        const { message } = companion.messages.at(-1) ?? {};
        assert.equal(message?.type === "user_message" && message.resume_plan_id, "p1");
        const again = session.turn?.id ?? "";
        companion.say(session, again, {
          type: "subtask_completed",
          plan_id: "p1",
          metadata: { subtask_id: "b" },
        });
        companion.done(session, again);
        await page.locator(".plan li[data-state=done]", { hasText: "Step b" }).waitFor();
      }));

    it("chooses an agent by a slash, shows a model's switch as one line, and goes back to before a turn", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const first = await ask(app, "First");
        companion.done(first.session, first.turnId);
        await app.send("/Coder Write it");
        await page.locator(".question-text", { hasText: /^Write it$/ }).waitFor();
        assert.equal(companion.messages.at(-1)?.agent_type, "coder");
        const { session } = first;
        const turnId = session.turn?.id ?? "";
        companion.say(
          session,
          turnId,
          { type: "tool_call", call_id: "s", tool_name: "switch_agent", arguments: {} },
          { type: "agent_switched", metadata: { from_agent: "coder", to_agent: "universal" } },
        );
        companion.done(session, turnId);
        await page.getByText("Universal takes over").waitFor();
        assert.equal(await page.getByText("switch_agent").count(), 0);
        await app.send("/nobody is an agent");
        await page.locator(".question-text", { hasText: "/nobody is an agent" }).waitFor();
        companion.done(session, session.turn?.id ?? "");
        companion.say(
          session,
          "rewind",
          { type: "status", metadata: { state: "rewound", replaces_turn_id: turnId } },
          { type: "done", metadata: { finish_reason: "stop" } },
        );
        await page.locator(".question-text", { hasText: "/nobody" }).waitFor({ state: "detached" });
        assert.equal(await page.locator(".question-text").count(), 1);
        assert.equal(await page.locator(".turn").count(), 1);
      }));

    it("asks before the model hands over to an agent that may do more", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        await page.getByLabel("Agent", { exact: true }).selectOption("ask");
        const { session, turnId } = await ask(app, "Write it");
        const args = { agent_type: "coder", reason: "it has to be written" };
        companion.say(
          session,
          turnId,
          {
            type: "tool_call",
            call_id: "s",
            tool_name: "switch_agent",
            arguments: args,
            requires_approval: true,
            metadata: { asks_because: "wider_agent" },
          },
          {
            type: "status",
            metadata: { state: "waiting", waiting_for: [{ kind: "tool_decision", call_id: "s" }] },
          },
        );
        await page.getByText("May Coder take over?", { exact: true }).waitFor();
        await page.getByText("this agent may do more than the one that answers now").waitFor();
        await page.getByRole("button", { name: "Approve" }).click();
        companion.say(
          session,
          turnId,
          { type: "agent_switched", metadata: { from_agent: "ask", to_agent: "coder" } },
          { type: "tool_result", call_id: "s", tool_name: "switch_agent", content: "You are it." },
        );
        companion.done(session, turnId);
        await page.getByText("Coder takes over").waitFor();
        assert.equal(await page.getByText("switch_agent").count(), 0);
        assert.equal(await page.getByLabel("Agent", { exact: true }).inputValue(), "coder");
      }));

    it("shows as chosen who gets the next message, not whom the orchestrator chose for this one", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        await page.getByLabel("Agent", { exact: true }).selectOption("orchestrator");
        const { session, turnId } = await ask(app, "Write it");
        const routed = { from_agent: "orchestrator", to_agent: "coder", stays: false };
        companion.say(session, turnId, { type: "agent_switched", metadata: routed });
        companion.done(session, turnId);
        await page.getByText("Coder takes over").waitFor();
        assert.equal(await page.getByLabel("Agent", { exact: true }).inputValue(), "orchestrator");
      }));

    it("stays where it is when a question is long: only the conversation scrolls", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const { session, turnId } = await ask(app, "Many lines\n".repeat(60));
        companion.done(session, turnId);
        await ask(app, "Another");
        const hidden = await page.evaluate(
          () => document.documentElement.scrollHeight - window.innerHeight,
        );
        assert.equal(hidden, 0);
      }));

    it("offers the way back to before each message where there are files to restore", () =>
      withApp({ host }, async (app) => {
        const { page, companion, posted } = app;
        const { session, turnId } = await ask(app, "Change it");
        const back = page.getByRole("button", { name: "Restore files and chat to before" });
        assert.equal(await back.count(), 0, "not while it runs");
        companion.done(session, turnId);
        await page.getByText("Saved").waitFor();
        assert.equal(await back.count(), host === "vscode" ? 1 : 0);
        if (host !== "vscode") return;
        await back.click();
        assert.deepEqual(
          posted.filter(({ type }) => type === "host_command"),
          [{ type: "host_command", command: "restore_checkpoint", turn_id: turnId }],
        );
        const input = page.getByLabel("Your message");
        const giveBack = (text: string) =>
          app.post({ type: "compose", text, context: [], if_empty: true });
        await giveBack("Change it");
        await input.and(page.locator(":focus")).waitFor();
        assert.equal(await input.inputValue(), "Change it");
        await giveBack("not over what is written");
        await app.post({ type: "compose", text: "end", context: [] });
        await page.waitForFunction(() => document.querySelector("textarea")?.value.endsWith("end"));
        assert.equal(await input.inputValue(), "Change it\nend");
      }));
  });
}
