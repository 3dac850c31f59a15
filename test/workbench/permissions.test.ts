// What a person has allowed and forbidden, in the packaged extension and a real workbench:
// rules, a folder that is not trusted, what was allowed for a chat and taken back, and files
// that go along with a message.
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { runCommand } from "../support/vscode-host.ts";
import { call, type Scene, startScene } from "./scene.ts";
import { type ChatPage, chatPage, openChatView, until } from "./workbench.ts";

describe("permissions in a workbench", function () {
  this.timeout(120_000);
  let scene: Scene;
  let page: Page;
  let chat: ChatPage;

  before(async () => {
    scene = await startScene({
      settings: {
        "streamkeeper.tools.rules": { search_in_code: "deny", create_directory: "allow" },
        "streamkeeper.tools.privateHosts": ["127.0.0.1"],
        "streamkeeper.instructions.own": "Be brief, I say.",
        "security.workspace.trust.enabled": true,
        "security.workspace.trust.startupPrompt": "never",
      },
      trustsAll: false,
    });
    ({ page, chat } = scene);
    mkdirSync(scene.file(".streamkeeper/agents"), { recursive: true });
    writeFileSync(
      scene.file(".streamkeeper/agents/poet.md"),
      "---\nname: Poet\ndescription: Rhymes\ntools: [read]\n---\nYou rhyme.\n",
    );
    writeFileSync(scene.file("AGENTS.md"), "\uFEFFNever say moo.\r\n");
    mkdirSync(scene.file("pkg"));
    writeFileSync(scene.file("pkg/AGENTS.md"), "Only for pkg: say baa.\n");
    mkdirSync(scene.file(".github/instructions"), { recursive: true });
    writeFileSync(
      scene.file(".github/instructions/ts.instructions.md"),
      "---\napplyTo: **/*.ts\n---\nNo semicolons.\n",
    );
    writeFileSync(
      scene.file(".github/instructions/bad.instructions.md"),
      "---\napplyTo: { a: 1 }\n---\nNot this.\n",
    );
  });

  afterEach(async function () {
    await scene?.pictureOf(this.currentTest);
  });

  after(() => scene?.close());

  const agents = () => chat.frame.getByRole("combobox", { name: "Agent" });
  /** What the model was told last. */
  const told = () => JSON.stringify(scene.upstream.requests.at(-1)?.body);

  it("ask even to read where the folder is not trusted, and change nothing, whatever the rules allow", async () => {
    await scene.ask(
      "Look around.",
      call("read_file", { path: "debounce.ts", start_line: 1, end_line: 1 }),
      call("create_directory", { path: "made" }),
    );
    await chat.frame.getByText("May read_file run?", { exact: true }).waitFor();
    await chat.frame.getByText("It asks because this workspace is not trusted.").waitFor();
    await scene.button("Approve").click();
    await chat.reached("done");
    assert.match(told(), /create_directory is off, since the user has not trusted/);
    assert.equal(existsSync(scene.file("made")), false);
    assert.doesNotMatch(told(), /"name":"write_file"/);
    assert.match(told(), /Be brief, I say\./);
    assert.doesNotMatch(told(), /Never say moo/);
    await chat.frame.getByRole("button", { name: "1 instruction", exact: true }).waitFor();
    await agents().focus();
    assert.equal(await agents().locator("option", { hasText: "Poet" }).count(), 0);
  });

  it("follow the user's rules once the folder is trusted", async () => {
    await runCommand(page, "Workspaces: Manage Workspace Trust");
    await page.getByRole("button", { name: "Trust", exact: true }).click();
    await page.getByText("You trust this folder").first().waitFor();
    const trust = page.locator(".monaco-modal-editor-block");
    await trust
      .getByRole("button", { name: /^Close/ })
      .first()
      .click();
    await trust.waitFor({ state: "detached" });
    await scene.newChat();
    await scene.ask(
      "Make a folder, and search.",
      call("create_directory", { path: "made" }),
      call("search_in_code", { query: "timer" }),
    );
    await chat.reached("done");
    assert.ok(existsSync(scene.file("made")), "made without a question");
    assert.match(told(), /search_in_code is switched off by the user's rules/);
    assert.doesNotMatch(told(), /"name":"search_in_code"/);
    await agents().focus();
    await agents().locator("option", { hasText: "Poet" }).waitFor({ state: "attached" });
  });

  it("tell the model what is written down in a folder that is trusted, and show it under the question", async () => {
    assert.match(told(), /from=\\"user\\">\\nBe brief, I say\.\\n<\/instructions>/);
    assert.match(told(), /file=\\"AGENTS\.md\\" from=\\"workspace\\">\\nNever say moo\.\\n</);
    assert.match(told(), /- \\"pkg\/AGENTS\.md\\" for pkg\/\*\*/);
    assert.doesNotMatch(told(), /say baa|No semicolons|Not this/);
    writeFileSync(scene.file("pkg/a.ts"), "let a = 1\n");
    await runCommand(page, "View: Show Explorer");
    await page.getByRole("treeitem", { name: "pkg" }).click();
    await page.getByRole("treeitem", { name: "a.ts" }).dblclick();
    await page.getByRole("tab", { name: /a\.ts/ }).waitFor();
    chat = await openChatView(page);
    await scene.newChat();
    await scene.ask("What now?");
    await chat.reached("done");
    assert.match(told(), /applies_to=\\"pkg\/\*\*\\">\\nOnly for pkg: say baa\./);
    assert.match(told(), /applies_to=\\"\*\*\/\*\.ts\\">\\nNo semicolons\./);
    await chat.frame.getByRole("button", { name: "4 instructions, 1 to look at" }).click();
    await chat.frame.getByText("what stands between its first --- is not understood").waitFor();
    await chat.frame.getByRole("button", { name: "pkg/AGENTS.md" }).click();
    await chat.frame.getByRole("group", { name: "pkg/AGENTS.md" }).getByText("say baa").waitFor();
    await scene.workbench.picture(page, "instructions");
  });

  it("name a skill by what it is for, which the model reads when it needs it", async () => {
    mkdirSync(scene.file(".claude/skills/tea"), { recursive: true });
    const skill = ".claude/skills/tea/SKILL.md";
    writeFileSync(
      scene.file(skill),
      "---\nname: tea\ndescription: Makes tea\n---\nWarm the pot.\n",
    );
    await scene.newChat();
    await scene.ask("Make tea.", call("read_file", { path: skill }));
    await chat.reached("done");
    const [before, after] = scene.upstream.requests
      .slice(-2)
      .map(({ body }) => JSON.stringify(body));
    assert.match(before ?? "", /SKILL\.md\\" the skill tea: Makes tea/);
    assert.doesNotMatch(before ?? "", /Warm the pot/);
    assert.match(after ?? "", /Warm the pot/);
  });

  it("fetch a page for the model once a person says so, and tell it why another is not fetched", async () => {
    const site = createServer((_request, response) => {
      response.setHeader("content-type", "text/html");
      response.end("<title>Tea</title><script>steep()</script><p>Use <b>loose</b> leaves.</p>");
    });
    await once(site.listen(0, "127.0.0.1"), "listening");
    const { port } = site.address() as AddressInfo;
    const fetched = (host: string) => call("fetch_page", { url: `http://${host}/tea` });
    try {
      await scene.newChat();
      await scene.ask("What leaves?", fetched(`127.0.0.1:${port}`), fetched("localhost"));
      for (let n = 0; n < 2; n++) {
        await chat.frame.getByText("May fetch_page run?", { exact: true }).waitFor();
        if (n === 0) await scene.workbench.picture(scene.page, "fetch-page");
        await scene.button("Approve").click();
      }
      await chat.reached("done");
    } finally {
      site.close();
    }
    assert.match(told(), /Use \**loose\** leaves\./);
    assert.doesNotMatch(told(), /steep/);
    assert.match(told(), /localhost is not on the public internet/);
  });

  it("send a prompt that is asked for by name, filled in, and keep what was typed", async () => {
    mkdirSync(scene.file(".github/prompts"), { recursive: true });
    writeFileSync(
      scene.file(".github/prompts/greet.prompt.md"),
      "---\ndescription: Greets: somebody\n---\nGreet ${input:who} in verse, $& and all.\n",
    );
    await scene.newChat();
    await chat.composer.pressSequentially("/gre");
    await chat.frame.getByRole("option", { name: "/greet Greets: somebody" }).waitFor();
    await scene.workbench.picture(page, "prompts");
    await chat.composer.fill("/greet $1 & co");
    await chat.composer.press("Enter");
    await chat.reached("done");
    await chat.frame.locator(".question-text", { hasText: "/greet $1 & co" }).waitFor();
    assert.match(told(), /stands for this prompt:\\n\\nGreet \$1 & co in verse, \$& and all\./);
    await chat.frame.getByRole("button", { name: "/greet", exact: true }).click();
    await chat.frame.getByRole("group", { name: "/greet" }).getByText("in verse").waitFor();
    await scene.newChat();
    await scene.ask("/usr/bin/env is what?");
    await chat.reached("done");
    assert.doesNotMatch(told(), /stands for this prompt/);
    await scene.ask("/explain");
    await chat.reached("done");
    assert.match(told(), /label=\\"pkg\/a\.ts\\">\\nlet a = 1/);
    assert.match(told(), /The message \/explain stands for this prompt/);
  });

  it("ask no more in a chat where a person said so, until that is taken back", async () => {
    await scene.newChat();
    const write = (content: string) => call("write_file", { path: "always.txt", content });
    await scene.ask("Write one.", write("1\n"));
    await scene.button("Always in this chat").click();
    await chat.reached("done");
    await scene.ask("Write two.", call("read_file", { path: "always.txt" }), write("2\n"));
    await chat.reached("done");
    assert.match(await chat.answer(), /Changed always\.txt/);
    await scene.workbench.picture(page, "allowed-tools");
    await scene.button("Let write_file ask again").click();
    await chat.frame.getByText("Without asking:").waitFor({ state: "detached" });
    await scene.ask("Write three.", write("3\n"));
    await chat.frame.getByText("May write_file run?", { exact: true }).waitFor();
    await scene.button("Reject").click();
    await chat.reached("done");
  });

  it("run what a rule allows in every chat, say so after a reload, too, and ask again once it is taken back", async () => {
    await scene.newChat();
    const print = (more = "") => call("execute_command", { command: `printf one${more}` });
    await scene.ask("Print.", print());
    await scene.button("Always in this workspace…").click();
    await chat.frame.getByRole("button", { name: "What begins with printf", exact: true }).click();
    await chat.reached("done");
    await scene.newChat();
    await scene.ask("Print again.", print(" two"));
    await chat.reached("done");
    await chat.frame.getByText("Allowed by your rule `printf`").waitFor();
    assert.match(told(), /one/);
    // In a browser the workbench writes down what is shown every five seconds; an installed one
    // does so at a reload.
    await page.waitForTimeout(6_000);
    await page.reload();
    chat = await openChatView(page);
    await chat.frame.getByText("Allowed by your rule `printf`").waitFor();
    await scene.newChat();
    await scene.ask("Print into a file.", print(" > out.txt"));
    await chat.frame.getByText("May execute_command run?", { exact: true }).waitFor();
    await scene.button("Reject").click();
    await chat.reached("done");
    await scene.button("What may run without asking").click();
    await chat.frame.getByRole("radio", { name: /^Everything is free/ }).check();
    await scene.workbench.picture(page, "approvals");
    await scene.button("Let printf ask again").click();
    await chat.frame.getByText("None yet.").waitFor();
    await scene.button("Close").click();
    await scene.ask("Into a file, now.", print(" > out.txt"));
    await chat.reached("done");
    assert.ok(existsSync(scene.file("out.txt")), "made at the level of the chat");
    await scene.ask("Remove it.", call("execute_command", { command: "rm out.txt" }));
    await chat.frame.getByText("What is dangerous always asks.").waitFor();
    await scene.button("Reject").click();
    await chat.reached("done");
    assert.ok(existsSync(scene.file("out.txt")));
    await scene.button("Let it ask as usual").click();
    await scene.ask("Print at last.", print());
    await chat.frame.getByText("May execute_command run?", { exact: true }).waitFor();
    await scene.button("Reject").click();
    await chat.reached("done");
  });

  it("let a model hand over to an agent that may do more when a person says so", async () => {
    await scene.newChat();
    await agents().selectOption({ label: "Ask" });
    await scene.ask(
      "Mend it.",
      call("switch_agent", { agent_type: "coder", reason: "It has to be changed." }),
      call("create_directory", { path: "by-coder" }),
    );
    await chat.frame.getByText("May Coder take over?", { exact: true }).waitFor();
    await chat.frame
      .getByText("It asks because this agent may do more than the one that answers now.")
      .waitFor();
    assert.equal(existsSync(scene.file("by-coder")), false);
    await scene.button("Approve").click();
    await chat.reached("done");
    assert.ok(existsSync(scene.file("by-coder")));
    assert.equal(await agents().inputValue(), "coder");
  });

  it("give the model a file from the menu of its tab", async () => {
    await scene.newChat();
    await runCommand(page, "View: Show Explorer");
    await page.getByRole("treeitem", { name: "debounce.ts" }).dblclick();
    await page.getByRole("tab", { name: /debounce\.ts/ }).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Add file to chat" }).hover();
    // A menu takes no click in its first moments.
    await page.keyboard.press("Enter");
    await chat.frame.locator(".chip", { hasText: "debounce.ts" }).waitFor();
    await scene.ask("What is this?");
    await chat.reached("done");
    assert.match(told(), /clearTimeout/);
  });

  it("give it one that is dragged from the explorer while Shift is held", async () => {
    writeFileSync(scene.file("notes.md"), "Buy bread.\n");
    await runCommand(page, "Streamkeeper: Open chat in editor");
    const webviews = () => page.locator("iframe.webview.ready").count();
    await until("the chat in the editor", async () => (await webviews()) === 2);
    await page.getByRole("tab", { name: /^Explorer/ }).click();
    await until("no chat beside it", async () => (await webviews()) === 1);
    const inEditor = chatPage(page);
    const to = await inEditor.composer.boundingBox();
    assert.ok(to);
    await page.getByRole("treeitem", { name: "notes.md" }).hover();
    await page.mouse.down();
    await page.keyboard.down("Shift");
    await page.mouse.move(to.x + 40, to.y, { steps: 10 });
    await page.mouse.move(to.x + 60, to.y + 5, { steps: 5 });
    await page.mouse.up();
    await page.keyboard.up("Shift");
    await inEditor.frame.locator(".chip", { hasText: "notes.md" }).waitFor();
    await inEditor.send("What shall I buy?");
    // The turn before it was done, too.
    await until("the file in the message", async () => told().includes("Buy bread"));
    await inEditor.reached("done");
  });
});
