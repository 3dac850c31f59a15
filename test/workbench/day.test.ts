// What a day's work needs beside answers, in the packaged extension and a real workbench: messages
// that wait, versions, what a turn changed, chats found, deleted, and brought out and in.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import {
  chunk,
  DONE,
  stop,
  text,
  textOf,
  toolCall,
  write,
} from "../support/upstream/openai-scripts.ts";
import type { Script } from "../support/upstream/start-upstream.ts";
import { runCommand } from "../support/vscode-host.ts";
import { call, type Scene, startScene } from "./scene.ts";
import { type ChatPage, openChatView, until } from "./workbench.ts";

describe("a day's work in a workbench", function () {
  this.timeout(240_000);
  let scene: Scene;
  let page: Page;
  let chat: ChatPage;
  let goOn = Promise.withResolvers<void>();

  /** What is asked to hold on says a word, then reads a file once it may go on. */
  const model =
    (plays: Script): Script =>
    async (request, response) => {
      const { messages } = request.body as { messages: { content: unknown }[] };
      if (textOf(messages.at(-1)?.content) !== "Hold on.") return plays(request, response);
      response.writeHead(200, { "content-type": "text/event-stream" });
      await write(response, chunk({ role: "assistant", content: "" }) + text("I hold on. "));
      await goOn.promise;
      const args = JSON.stringify({ path: "debounce.ts", start_line: 1, end_line: 1 });
      response.end(toolCall("call_held", "read_file", args) + stop("tool_calls") + DONE);
    };

  before(async () => {
    scene = await startScene({ settings: { "git.enabled": true } }, model);
    ({ page, chat } = scene);
  });

  afterEach(async function () {
    await scene?.pictureOf(this.currentTest);
    goOn.resolve();
  });

  after(() => scene?.close());

  const asked = () => chat.frame.locator(".question-text").allInnerTexts();
  const asks = (...questions: string[]) =>
    until(questions.join(), async () => (await asked()).join() === questions.join());
  const picture = (name: string) => scene.workbench.picture(page, name);
  const openList = async () => {
    await runCommand(page, "Streamkeeper: Search chats");
    // It takes the focus, also from a command that is being typed by then.
    await chat.frame.locator("input[type=search]:focus").waitFor();
  };
  const chats = () => chat.frame.locator(".session-list .session-open");
  const news = () => page.locator(".notifications-toasts");

  it("keeps messages in a queue: changed, taken back, read now, each sent once", async () => {
    goOn = Promise.withResolvers();
    await chat.send("Hold on.");
    await chat.frame.locator(".turn").getByText("I hold on.").waitFor();
    const waiting = () => chat.frame.locator(".queue-text").allInnerTexts();
    const waits = (...messages: string[]) =>
      until(messages.join(), async () => (await waiting()).join() === messages.join());
    const messages = ["And then?", "Never mind.", "Be brief."];
    for (const [index, message] of messages.entries()) {
      await chat.send(message);
      await waits(...messages.slice(0, index + 1));
    }
    await picture("queue");
    await scene.button("Edit “And then?”").press("Enter");
    const edit = chat.frame.getByLabel("Message that waits");
    await edit.fill("And after that?");
    await edit.press("Enter");
    await waits("And after that?", "Never mind.", "Be brief.");
    await scene.button("Take back into the draft: “Never mind.”").click();
    await until("the draft", async () => (await chat.composer.inputValue()) === "Never mind.");
    await chat.composer.fill("");
    await scene.button("Send now: “Be brief.”").click();
    await chat.frame.locator(".queue").getByText("read at the next step").waitFor();
    goOn.resolve();
    await asks("Hold on.", "Be brief.", "And after that?");
    await chat.frame.locator(".queue").waitFor({ state: "detached" });
    assert.equal(await chat.turns.count(), 2);
    await chat.reached("done");
    const told = (message: string) =>
      scene.upstream.requests.filter(({ body }) => {
        const { messages } = body as { messages: { content: unknown }[] };
        return textOf(messages.at(-1)?.content) === message;
      }).length;
    assert.deepEqual(["Be brief.", "And after that?", "Never mind."].map(told), [1, 1, 0]);
  });

  it("keeps the versions of any message, switched by keyboard, and the same after a reload", async () => {
    await scene.newChat();
    for (const question of ["How?", "Why?"]) {
      await scene.ask(question);
      await chat.reached("done");
    }
    const first = chat.turns.first();
    await first.hover();
    await first.getByRole("button", { name: "Edit message" }).click();
    await chat.frame.getByText(/^Editing your message/).waitFor();
    await chat.composer.fill("How well?");
    await chat.composer.press("Enter");
    await asks("How well?");
    await chat.reached("done");
    const place = (at: string) => chat.frame.locator(".versions").getByText(at).waitFor();
    await place("2/2");
    await picture("versions");
    await chat.frame.getByRole("button", { name: /^Older version/ }).press("Enter");
    await asks("How?", "Why?");
    await place("1/2");
    // The focus goes with the switch.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await asks("How well?");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    await asks("How?", "Why?");
    // In a browser the workbench writes down what is shown every five seconds.
    await page.waitForTimeout(6_000);
    const loaded = page.waitForEvent("load");
    await runCommand(page, "Developer: Reload Window");
    await loaded;
    await chat.composer.waitFor({ timeout: 30_000 });
    await asks("How?", "Why?");
    await place("1/2");
  });

  it("goes on in a copy from an answer in the middle, and leaves the first chat whole", async () => {
    await scene.newChat();
    for (const question of ["First?", "Second?"]) {
      await scene.ask(question);
      await chat.reached("done");
    }
    await chat.turns.first().hover();
    const copy = chat.turns.first().getByRole("button", { name: "Go on in a copy from here" });
    await copy.press("Enter");
    await asks("First?");
    await chat.frame.getByText("This is a copy of the chat").waitFor();
    await picture("copy");
    await scene.ask("Third?");
    await asks("First?", "Third?");
    await chat.reached("done");
    await openList();
    const first = chats().filter({ hasText: "First?" });
    await until("both", async () => (await first.count()) === 2);
    await first.last().press("Enter");
    await asks("First?", "Second?");
  });

  it("adds a folder from the menu of the explorer", async () => {
    await scene.newChat();
    mkdirSync(scene.file("src"));
    writeFileSync(scene.file("src/bread.md"), "Buy bread.\n");
    await runCommand(page, "View: Show Explorer");
    await page.getByRole("treeitem", { name: "src" }).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Add folder to chat" }).hover();
    // A menu takes no click in its first moments.
    await page.keyboard.press("Enter");
    await chat.frame.locator(".chip", { hasText: "src/" }).waitFor();
    await picture("folder");
    await scene.ask("What is in it?");
    await chat.reached("done");
    assert.match(JSON.stringify(scene.upstream.requests.at(-1)?.body), /Buy bread/);
  });

  it("says which files a command changed, and shows them against the last commit", async () => {
    await scene.newChat();
    const person = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", scene.workbench.folder, ...person, ...args], { stdio: "ignore" });
    git("init", "-q");
    git("add", ".");
    git("commit", "-qm", "first");
    const command = "echo '// more' >> debounce.ts; echo made > made.txt";
    await scene.ask("Run it.", call("execute_command", { command }));
    await scene.button("Approve").click();
    await chat.reached("done");
    await scene.button("2 files").click();
    const list = chat.frame.getByRole("list", { name: /^Changed while commands ran/ });
    await list.getByText("made by a command").waitFor();
    // The editor's git finds a new repository in its own time; till then the file alone is shown.
    const compared = page.getByRole("tab", { name: /debounce\.ts \(against the last commit\)/ });
    await until("the comparison", async () => {
      await list.getByRole("button", { name: "debounce.ts" }).click();
      await page.waitForTimeout(1_000);
      return await compared.isVisible();
    });
    await page.locator(".modified .view-line", { hasText: "more" }).waitFor();
    await picture("by-command");
    await runCommand(page, "View: Close All Editors");
    rmSync(scene.file(".git"), { recursive: true });
  });

  it("compares with a checkpoint, keeps the changes of one file and undoes the rest", async () => {
    await scene.newChat();
    const make = (path: string, content: string) => call("write_file", { path, content });
    writeFileSync(scene.file("old.md"), "old\n");
    await scene.ask(
      "Make three files.",
      call("read_file", { path: "old.md" }),
      make("old.md", "new\n"),
      make("kept.md", "kept\n"),
      make("gone.md", "gone\n"),
    );
    for (const name of ["old.md", "kept.md", "gone.md"]) {
      await page.getByRole("tab", { name: new RegExp(name) }).waitFor();
      await scene.button("Approve").click();
      await until(
        name,
        () => existsSync(scene.file(name)) && readFileSync(scene.file(name), "utf8") !== "old\n",
      );
    }
    await chat.reached("done");
    await scene.button("3 files 3 lines added, 1 removed").click();
    await scene.button("Compare with checkpoint").click();
    const compared = page.locator(".multiDiffEditor");
    await compared.getByText("gone.md").first().waitFor();
    await compared.locator(".modified .view-lines").getByText("new").waitFor();
    await picture("compared");
    await runCommand(page, "View: Close All Editors");
    await runCommand(page, "Streamkeeper: Compare with checkpoint…");
    await page
      .locator(".quick-input-list .monaco-list-row")
      .filter({ hasText: "Make three files." })
      .waitFor();
    await page.keyboard.press("Enter");
    await compared.getByText("kept.md").first().waitFor();
    await runCommand(page, "View: Close All Editors");
    await scene.button("Keep the changes in kept.md").click();
    const rows = chat.frame.locator(".changes li");
    await rows.filter({ hasText: "kept.md" }).getByText("kept", { exact: true }).waitFor();
    await scene.button("Undo all").click();
    await until("all but one is undone", () => !existsSync(scene.file("gone.md")));
    await until("the old words", () => readFileSync(scene.file("old.md"), "utf8") === "old\n");
    assert.equal(readFileSync(scene.file("kept.md"), "utf8"), "kept\n");
    await rows.filter({ hasText: "gone.md" }).getByText("undone", { exact: true }).waitFor();
    await picture("undone");
  });

  it("shows the chats of this workspace alone, whatever other windows do", async () => {
    await scene.newChat();
    await scene.ask("Nearby?");
    await chat.reached("done");
    const other = join(scene.workbench.folder, "../other project");
    mkdirSync(other);
    const second = await scene.workbench.openWindow(other);
    const there = await openChatView(second);
    await there.send("Elsewhere?");
    await there.reached("done");
    await second.close();
    await page.bringToFront();
    await openList();
    await chats().filter({ hasText: "Elsewhere?" }).getByText("other project").waitFor();
    const shown = chat.frame.getByRole("combobox", { name: "Chats to show" });
    await shown.selectOption({ label: "This workspace: project" });
    await chats().filter({ hasText: "Elsewhere?" }).waitFor({ state: "detached" });
    await chats().filter({ hasText: "Nearby?" }).waitFor();
    await picture("list");
    await shown.selectOption({ label: "other project" });
    await until("one chat", async () => (await chats().count()) === 1);
    await shown.selectOption({ label: "All chats" });
    await chats().filter({ hasText: "Nearby?" }).waitFor();
  });

  it("asks before it deletes a chat, by keyboard alone, and brings it back", async () => {
    await scene.newChat();
    await scene.ask("Deleted?");
    await chat.reached("done");
    await openList();
    const remove = async () => {
      await scene.button("Delete “Deleted?”").press("Enter");
      await chat.frame.getByRole("dialog", { name: "Delete “Deleted?”?" }).waitFor();
    };
    const found = chats().filter({ hasText: "Deleted?" });
    await remove();
    await picture("deleting");
    await page.keyboard.press("Escape");
    await chat.frame.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await found.count(), 1);
    await remove();
    await chat.frame.getByRole("dialog").getByRole("button", { name: "Delete" }).press("Enter");
    await chat.frame.getByText("“Deleted?” is deleted.").waitFor();
    await found.waitFor({ state: "detached" });
    await scene.button("Undo").press("Enter");
    await found.waitFor();
    await remove();
    await chat.frame.getByRole("dialog").getByRole("button", { name: "Delete" }).press("Enter");
    await chat.frame.getByText("Deleted chats (1)").press("Enter");
    await scene.button("Bring “Deleted?” back").press("Enter");
    await found.waitFor();
  });

  it("exports all chats at a command, leaves nothing behind when that is cancelled, and imports them", async () => {
    const input = page.locator(".quick-input-widget input").first();
    const exported = () => readdirSync(scene.workbench.folder).filter((name) => /jsonl/.test(name));
    /** The name that it offers. */
    const asked = async (title: string): Promise<string> => {
      await page.locator(".quick-input-title", { hasText: title }).waitFor();
      return await until("a name", async () => /[^/]+\.jsonl$/.exec(await input.inputValue())?.[0]);
    };
    await scene.newChat();
    await scene.ask("Exported?");
    await chat.reached("done");
    await openList();
    const { pid } = (await scene.workbench.companion()).hello;
    await runCommand(page, "Streamkeeper: Export all chats");
    const name = await asked("Export all chats");
    const goesOn = news().getByText(`Exporting to ${name}`);
    process.kill(pid, "SIGSTOP");
    try {
      await input.press("Enter");
      await goesOn.waitFor();
      // At once: a companion that stands still is taken for dead after some seconds.
      await news().getByRole("button", { name: "Cancel" }).press("Enter");
      await goesOn.waitFor({ state: "detached" });
    } finally {
      process.kill(pid, "SIGCONT");
    }
    // One that is not cancelled would be there by then.
    await page.waitForTimeout(3_000);
    assert.deepEqual(exported(), []);
    await runCommand(page, "Streamkeeper: Export all chats");
    await asked("Export all chats");
    await input.press("Enter");
    await news().getByText(`Exported to ${name}.`).waitFor();
    assert.deepEqual(exported(), [name]);
    const lines = readFileSync(scene.file(name), "utf8").trimEnd().split("\n");
    assert.match(lines.at(-1) ?? "", /^{"line":"end"/);
    const found = chats().filter({ hasText: "Exported?" });
    await scene.button("Delete “Exported?”").press("Enter");
    await chat.frame.getByRole("dialog").getByRole("button", { name: "Delete" }).press("Enter");
    await found.waitFor({ state: "detached" });
    await runCommand(page, "Streamkeeper: Import chats");
    await page.locator(".quick-input-title", { hasText: "Import chats" }).waitFor();
    await page.locator(".quick-input-list .monaco-list-row", { hasText: name }).click();
    await news()
      .getByText(/^Imported chats: 1; here already: \d/)
      .waitFor();
    await picture("imported");
    await found.waitFor();
    rmSync(scene.file(name));
  });
});
