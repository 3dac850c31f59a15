// What the web app looks like to people, state by state.
import { ask, type OpenApp } from "./with-app.ts";

export const ANSWER = `## Title

Text with **bold**, \`code\`, [a link](https://e.example/) and a list:

1. one
2. two

\`\`\`ts
/** Says hello. */
export const hello = (name: string): string => \`hello \${name} \${42}\`; // and a long comment that goes on and on and on
@decorate class A extends B { async run() { return null; } }
\`\`\`

\`\`\`diff
- old
+ new
\`\`\`

> quoted

| a | b |
|---|---|
| 1 | 2 |
`;

/** The states that people meet, each reached the way they reach it. */
export const STATES: Record<string, (app: OpenApp) => Promise<void>> = {
  empty: async ({ page }) => {
    await page.getByText("SQLite · every commit synced").waitFor();
  },
  streaming: async (app) => {
    const { session, turnId } = await ask(app);
    app.companion.stream(session, turnId, ANSWER.slice(0, 60));
    await app.page.getByText("Text with").waitFor();
  },
  finished: async (app) => {
    const { session, turnId } = await ask(app);
    app.companion.stream(session, turnId, ANSWER);
    app.companion.done(session, turnId);
    await app.page.getByText("Saved").waitFor();
    await app.page.locator(".hljs-addition").waitFor();
  },
  failed: async (app) => {
    const { session, turnId } = await ask(app);
    app.companion.stream(session, turnId, "half");
    app.companion.say(session, turnId, {
      type: "error",
      error: "It broke.",
      metadata: { code: "upstream_cut", hint: "Try again." },
    });
    await app.page.getByText("It broke.").waitFor();
  },
  interrupted: async (app) => {
    const { session, turnId } = await ask(app);
    app.companion.stream(session, turnId, "half");
    app.companion.say(session, turnId, {
      type: "interrupted",
      content: "Stopped.",
      metadata: { code: "cancelled" },
    });
    await app.page.getByRole("button", { name: "Continue" }).waitFor();
  },
  tool: async (app) => {
    const { session, turnId } = await ask(app);
    app.companion.say(
      session,
      turnId,
      { type: "reasoning", token: "thinking" },
      {
        type: "agent_switched",
        metadata: { from_agent: "universal", to_agent: "coder", reason: "code" },
      },
      {
        type: "tool_call",
        call_id: "c0",
        tool_name: "list",
        arguments: {},
        requires_approval: false,
      },
      { type: "tool_result", call_id: "c0", tool_name: "list", error: "no" },
      {
        type: "tool_call",
        call_id: "c1",
        tool_name: "read",
        arguments: { path: "a" },
        requires_approval: true,
      },
      {
        type: "status",
        metadata: { state: "waiting", waiting_for: [{ kind: "tool_decision", call_id: "c1" }] },
      },
    );
    await app.page.getByRole("button", { name: "Approve" }).waitFor();
    for (const summary of await app.page.locator("summary").all()) await summary.click();
    await app.page.locator(".tool.is-asking summary").click();
  },
  output: async (app) => {
    const { session, turnId } = await ask(app);
    const waiting_for = [{ kind: "tool_result", call_id: "c1" }];
    const metadata = { state: "tool_output", cut: true };
    app.companion.say(
      session,
      turnId,
      { type: "tool_call", call_id: "c1", tool_name: "execute_command", arguments: {} },
      { type: "status", metadata: { state: "waiting", waiting_for } },
      { type: "status", call_id: "c1", token: "line\n".repeat(100), metadata },
    );
    await app.page.getByText("The rest stands in the terminal.").waitFor();
  },
  chats: async (app) => {
    const { session, turnId } = await ask(app);
    app.companion.done(session, turnId);
    const other = app.companion.addSession("Another chat", { pinned: true });
    app.companion.ask(other, "q");
    await app.page.getByRole("button", { name: "Chats" }).click();
    await app.page.locator(".session").nth(1).waitFor();
  },
  archived: async (app) => {
    for (const [title, workspace] of [
      ["A chat", "/home/me/web"],
      ["Another chat", "/home/me/server"],
    ] as const) {
      const session = app.companion.addSession(title, { workspace });
      app.companion.done(session, app.companion.ask(session, "q"));
    }
    await app.page.getByRole("button", { name: "Chats" }).click();
    await app.page.getByRole("button", { name: "Archive “A chat”" }).press("Enter");
    await app.page.getByText("“A chat” is archived.").waitFor();
    await app.page.getByLabel("Chats to show").selectOption("Archive");
    await app.page.getByRole("button", { name: "Take “A chat” out of the archive" }).waitFor();
  },
  fetching: async (app) => {
    const { session, turnId } = await ask(app);
    const waiting_for = [{ kind: "tool_decision", call_id: "c1" }];
    app.companion.say(
      session,
      turnId,
      {
        type: "tool_call",
        call_id: "c1",
        tool_name: "fetch_page",
        arguments: { url: "https://docs.example/guide" },
        requires_approval: true,
      },
      { type: "status", metadata: { state: "waiting", waiting_for } },
    );
    await app.page.getByRole("button", { name: "Approve" }).waitFor();
  },
  deleted: async (app) => {
    const deleted_at = "2026-01-02T03:04:05.000Z";
    app.companion.deleted = [{ id: "d1", title: "A deleted chat", deleted_at }];
    await app.page.getByRole("button", { name: "Chats" }).click();
    await app.page.locator("summary", { hasText: "Deleted chats (1)" }).click();
    await app.page.getByText("A deleted chat").waitFor();
  },
  deleting: async (app) => {
    const session = app.companion.addSession("A chat");
    app.companion.ask(session, "q");
    await app.page.getByRole("button", { name: "Chats" }).click();
    await app.page.getByRole("button", { name: "Delete “A chat”" }).press("Enter");
    await app.page.getByRole("dialog").waitFor();
  },
  editing: async (app) => {
    const { session, turnId } = await ask(app);
    app.companion.done(session, turnId);
    await app.page.getByText("Saved").waitFor();
    await app.page.getByLabel("Your message").press("ArrowUp");
    await app.page.getByText("Editing your message").waitFor();
  },
  away: async (app) => {
    if (app.host === "browser") await app.companion.stop();
    const away = { state: "away", message: "The server ended." } as const;
    await app.post({ type: "connection", connection: away });
    if (app.host === "browser") await app.send("x");
    await app.page.locator(".banner").waitFor();
  },
};
