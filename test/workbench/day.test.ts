// What a day's work needs beside answers, in the packaged extension and a real workbench: messages
// that wait, versions, copies, folders, what a turn changed, chats found and deleted.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
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
    scene = await startScene({}, model);
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
  const openList = () => runCommand(page, "Streamkeeper: Search chats");
  const chats = () => chat.frame.locator(".session-list .session-open");

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
    await scene.ask("Here?");
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
    // "Elsewhere?" holds it, too.
    const here = chats().filter({ hasText: /^\s*Here\?/ });
    await here.waitFor();
    await picture("list");
    await shown.selectOption({ label: "other project" });
    await until("one chat", async () => (await chats().count()) === 1);
    await shown.selectOption({ label: "All chats" });
    await chats().filter({ hasText: "Elsewhere?" }).waitFor();
    await here.waitFor();
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
});
