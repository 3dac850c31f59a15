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
        await page.getByText("May read_file run?").waitFor();
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
  });
}
