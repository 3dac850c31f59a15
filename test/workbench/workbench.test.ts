import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import SQLite from "better-sqlite3";
import type { FrameLocator, Page } from "playwright-core";
import { findCompanion } from "../../extension/companion/companion.ts";
import { MessageList, SessionList } from "../../server/protocol/responses.ts";
import { descendants } from "../support/processes.ts";
import { runCommand, webviewFrame } from "../support/vscode-host.ts";
import {
  type ChatPage,
  chatPage,
  openChatView,
  startWorkbench,
  statusItem,
  until,
  type Workbench,
} from "./workbench.ts";

const LATENCY = /(?:< )?\d+(?:\.\d)? m?s/;

describe("the packaged extension in a workbench", function () {
  this.timeout(120_000);
  let workbench: Workbench;
  let page: Page;
  let chat: ChatPage;

  before(async () => {
    workbench = await startWorkbench();
    page = await workbench.openWindow();
  });

  afterEach(async function () {
    if (this.currentTest?.state !== "failed") return;
    const path = join(process.env["KEEP"] ?? tmpdir(), "streamkeeper-workbench-failed.png");
    await page?.screenshot({ path });
    console.log(`      the window as it was: ${path}`);
  });

  after(() => workbench?.close());

  it("does nothing until it is used", async () => {
    await page.getByRole("treeitem", { name: "debounce.ts" }).dblclick();
    await page.locator(".editor-instance .view-line").first().waitFor();
    assert.equal(await statusItem(page).count(), 0);
    assert.equal(await findCompanion(workbench.dataDir), undefined);
  });

  it("opens its view, starts its companion, and offers something to ask", async () => {
    chat = await openChatView(page);
    await chat.frame.locator(".prompt").first().waitFor();
    const companion = await workbench.companion();
    assert.equal(companion.hello.version, "0.1.0");
    await statusItem(page).waitFor();
    await widenSideBar(page);
    await workbench.picture(page, "empty");
  });

  it("streams an answer, word by word", async () => {
    await chat.send("Explain debouncing and write a typed debounce function in TypeScript.");
    await chat.reached("running");
    const early = await until(
      "the first words",
      async () => (await chat.answer().catch(() => "")) || undefined,
    );
    await until("more words", async () => (await chat.answer()).length > early.length + 400);
    await workbench.picture(page, "streaming");
    await chat.reached("done");
    await chat.frame.locator(".answer pre code").first().waitFor();
    await statusItem(page).filter({ hasText: LATENCY }).waitFor();
    await workbench.picture(page, "chat");
    await checkStored(workbench, chat);
  });

  it("finds in the chat at Ctrl+F", async () => {
    await chat.frame.getByLabel("Your message").focus();
    await page.keyboard.press("Control+f");
    const input = chat.frame.getByRole("textbox", { name: "Find in this chat" });
    await input.fill("DEBOUNC");
    await chat.frame.locator(".find-count", { hasText: /^\d+ of \d\d/ }).waitFor();
    await workbench.picture(page, "finding");
    await page.keyboard.press("Escape");
    await input.waitFor({ state: "detached" });
  });

  it("shows the live commit latency in the status bar, and its parts on hover", async () => {
    const item = statusItem(page);
    await item.filter({ hasText: LATENCY }).waitFor();
    const label = await item.locator("a").first().getAttribute("aria-label");
    assert.match(label ?? "", /commit latency .*95th percentile/);
    await item.hover();
    const tooltip = page
      .locator(".monaco-hover")
      .filter({ hasText: "Commit latency, last minute" });
    await tooltip.waitFor();
    assert.match(await tooltip.innerText(), /p95[\s\S]*COMMIT, p95[\s\S]*SQLite, full/);
    await workbench.picture(page, "status-bar");
  });

  it("opens the metrics view at a click on it, with what the answer wrote and a way back to the chat", async () => {
    await statusItem(page).click();
    await until(
      "two pages",
      async () => (await page.locator("iframe.webview.ready").count()) === 2,
    );
    const view = await until("the metrics", () => metricsPage(page));
    await view
      .getByRole("img", { name: /^Commit latency of the last 15 minutes\. p95: \d/ })
      .waitFor();
    await view.getByText("SQLite · durability full").waitFor();
    const row = view.locator("tbody tr", { hasText: "complete_turn" }).first();
    assert.match(await row.innerText(), /committed/);
    assert.match(await view.locator("pre").innerText(), /credentials_file: ".*metrics_token"/);
    const html = await view.locator("html").evaluate((element) => element.outerHTML);
    assert.ok(!html.includes((await workbench.companion()).token), "the page has no token");
    await workbench.picture(page, "metrics");
    await runCommand(page, "Streamkeeper: New chat");
    await chat.frame.locator(".prompt").first().waitFor();
    await row.getByRole("button", { name: "Show in chat what complete_turn" }).click();
    await chat.frame.locator(".turn.is-found .question:focus").waitFor();
    await view.getByRole("button", { name: "Copy metrics URL" }).click();
    await page.getByText("The metrics URL is in the clipboard.").first().waitFor();
    const loaded = page.waitForEvent("load");
    await runCommand(page, "Developer: Reload Window");
    await loaded;
    await until("the metrics again", () => metricsPage(page));
    await runCommand(page, "View: Close All Editors");
    await until(
      "only the chat",
      async () => (await page.locator("iframe.webview.ready").count()) === 1,
    );
    chat = chatPage(page);
  });

  it("stops an answer and keeps what had come", async () => {
    await chat.send("A long answer, please.");
    await chat.reached("running");
    await until("some words", async () => (await chat.answer().catch(() => "")).length > 200);
    await chat.frame.getByRole("button", { name: "Stop the answer" }).click();
    await chat.reached("interrupted");
    const kept = await chat.answer();
    assert.ok(kept.length > 200);
    await checkStored(workbench, chat);
  });

  it("goes on to the same text when the window is reloaded in mid-answer", async () => {
    const before = await workbench.companion();
    await chat.send("Another long answer.");
    await until("some words", async () => (await chat.answer().catch(() => "")).length > 200);
    const seen = await chat.answer();
    const loaded = page.waitForEvent("load");
    await runCommand(page, "Developer: Reload Window");
    await loaded;
    await chat.composer.waitFor({ timeout: 30_000 });
    await chat.reached("running");
    // The long answer takes about a minute.
    await chat.reached("done", 80_000);
    const whole = await chat.answer();
    assert.ok(whole.length > seen.length);
    assert.match(whole, /The end/);
    await checkStored(workbench, chat);
    assert.equal((await workbench.companion()).hello.pid, before.hello.pid);
  });

  it("begins a second session and goes back to the first", async () => {
    await runCommand(page, "Streamkeeper: New chat");
    await chat.frame.locator(".prompt").first().waitFor();
    await chat.send("Compare SQLite and Postgres for a local tool, in a table.");
    await chat.reached("done");
    assert.equal(await chat.turns.count(), 1);
    await runCommand(page, "Streamkeeper: Search chats");
    const sessions = chat.frame.locator(".session-open");
    await sessions.nth(1).waitFor();
    await workbench.picture(page, "sessions");
    await sessions.nth(1).click();
    await until("the first session", async () => (await chat.turns.count()) === 3);
  });

  it("opens the chat in the editor, where it lives through a reload", async () => {
    await runCommand(page, "Streamkeeper: Open chat in editor");
    await until(
      "the session in the editor",
      async () =>
        (await page.locator("iframe.webview.ready").count()) === 2 &&
        (await chatPage(page, 0).turns.count()) === 3 &&
        (await chatPage(page, 1).turns.count()) === 3,
    );
    await workbench.picture(page, "editor");
    const loaded = page.waitForEvent("load");
    await runCommand(page, "Developer: Reload Window");
    await loaded;
    await until(
      "both chats again",
      async () =>
        (await page.locator("iframe.webview.ready").count()) === 2 &&
        (await chatPage(page, 0).turns.count()) === 3 &&
        (await chatPage(page, 1).turns.count()) === 3,
    );
    await runCommand(page, "View: Close All Editors");
    await until(
      "only the view",
      async () => (await page.locator("iframe.webview.ready").count()) === 1,
    );
    chat = chatPage(page);
  });

  it("shares the companion, and a live answer, with a second window", async () => {
    const { pid } = (await workbench.companion()).hello;
    const second = await workbench.openWindow(workbench.dataDir);
    const other = await openChatView(second);
    await runCommand(second, "Streamkeeper: Search chats");
    // The session with three turns is the older one.
    await other.frame.locator(".session-open").nth(1).click();
    await until("the same session", async () => (await other.turns.count()) === 3);
    await chat.send("One more long answer.");
    await until(
      "words in the second window",
      async () =>
        (await other.turns.count()) === 4 && (await other.answer().catch(() => "")).length > 100,
    );
    await other.frame.getByRole("button", { name: "Stop the answer" }).click();
    await Promise.all([chat.reached("interrupted"), other.reached("interrupted")]);
    const whole = await other.answer();
    // A page in the background paints when it is seen again.
    await page.bringToFront();
    await until("the same text", async () => (await chat.answer()) === whole);
    await checkStored(workbench, chat);
    assert.equal((await workbench.companion()).hello.pid, pid);
    await second.close();
  });

  it("brings a killed companion back, with the words that were shown", async () => {
    const companion = await workbench.companion();
    await chat.send("A long answer, to be killed.");
    await until("some words", async () => (await chat.answer().catch(() => "")).length > 300);
    process.kill(companion.hello.pid, "SIGKILL");
    await chat.reached("interrupted");
    const kept = await chat.answer();
    assert.ok(kept.length > 300);
    await checkStored(workbench, chat);
    assert.notEqual((await workbench.companion()).hello.pid, companion.hello.pid);
    await workbench.picture(page, "interrupted");
    await chat.frame.getByRole("button", { name: "Continue" }).click();
    await chat.reached("done");
  });

  it("goes on with the same answer when the extension host is killed", async () => {
    const before = await workbench.companion();
    await chat.send("A long answer while the host dies.");
    await until("some words", async () => (await chat.answer().catch(() => "")).length > 300);
    const seen = await chat.answer();
    const host = descendants(workbench.server.process.pid ?? 0).find(({ args }) =>
      args.includes("--type=extensionHost"),
    );
    assert.ok(host);
    process.kill(host.pid, "SIGKILL");
    // VS Code starts another; its page takes the answer up from its cursor.
    await until(
      "more words in the page",
      async () => (await chat.answer().catch(() => "")).length > seen.length + 200,
      60_000,
    );
    await chat.frame.getByRole("button", { name: "Stop the answer" }).click();
    await chat.reached("interrupted");
    const text = await chat.answer();
    assert.ok(text.startsWith(seen.trimEnd().slice(0, 200)));
    await checkStored(workbench, chat);
    assert.equal((await workbench.companion()).hello.pid, before.hello.pid);
  });

  it("leads from a slow transaction's warning in the log to its turn", async () => {
    await runCommand(page, "Streamkeeper: New chat");
    await chat.frame.locator(".prompt").first().waitFor();
    await chat.send("Which commit was slow?");
    await chat.reached("running");
    const lock = new SQLite(join(workbench.dataDir, "streamkeeper.db"));
    lock.exec("BEGIN IMMEDIATE");
    await new Promise((done) => setTimeout(done, 400));
    lock.exec("ROLLBACK");
    lock.close();
    await chat.reached("done", 60_000);
    await runCommand(page, "Streamkeeper: New chat");
    await chat.frame.locator(".prompt").first().waitFor();
    await runCommand(page, "Streamkeeper: Show log");
    const link = page.locator(".output-view .detected-link", { hasText: "turn_id=" }).last();
    await link.waitFor();
    await link.click({ modifiers: ["ControlOrMeta"] });
    const turn = chat.frame.locator(".turn.is-found");
    await turn.locator(".question:focus").waitFor();
    assert.match(await turn.innerText(), /Which commit was slow\?/);
    await runCommand(page, "View: Toggle Output");
  });

  it("attaches the selection of the editor to a question", async () => {
    await runCommand(page, "Go to File...");
    await page.keyboard.type("debounce.ts");
    await page
      .locator(".quick-input-list .monaco-list-row")
      .filter({ hasText: "debounce.ts" })
      .first()
      .waitFor();
    await page.keyboard.press("Enter");
    await page.locator(".editor-instance .view-line").first().waitFor();
    await page.locator(".editor-instance .view-line").first().click();
    await page.keyboard.press("ControlOrMeta+a");
    await runCommand(page, "Streamkeeper: Ask about selection");
    await chat.frame.locator(".composer .chip").filter({ hasText: "debounce.ts:1-7" }).waitFor();
    await workbench.picture(page, "selection");
    await chat.send("What does this do?");
    await chat.reached("done");
  });

  it("follows the theme", async () => {
    const themes = [
      ["Light Modern", "vscode-light", "light"],
      ["Dark High Contrast", "vscode-high-contrast", "high-contrast"],
    ] as const;
    for (const [theme, className, name] of themes) {
      await statusItem(page).focus();
      await page.keyboard.press("ControlOrMeta+k");
      await page.keyboard.press("ControlOrMeta+t");
      const picker = page.locator('.quick-input-widget input[placeholder*="Theme"]');
      await picker.waitFor();
      await picker.fill(theme);
      await page
        .locator(".quick-input-list .monaco-list-row.focused")
        .filter({ hasText: theme })
        .waitFor();
      await picker.press("Enter");
      // Gives the focus back when it goes, perhaps in the middle of the next one.
      await picker.waitFor({ state: "hidden" });
      await chat.frame.locator(`body.${className}`).waitFor();
      await workbench.picture(page, name);
    }
  });

  it("says that its companion was stopped, and starts another when it is needed", async () => {
    const { pid } = (await workbench.companion()).hello;
    // A hidden chat whose answer runs is no use of it either.
    await chat.send("A long answer, please.");
    await chat.reached("running");
    await page.getByRole("tab", { name: "Explorer" }).first().click();
    await page.locator("iframe.webview.ready").waitFor({ state: "hidden" });
    await runCommand(page, "Streamkeeper: Stop server");
    const label = statusItem(page).locator("a").first();
    await until("the item says so", async () =>
      /not running/.test((await label.getAttribute("aria-label")) ?? ""),
    );
    chat = await openChatView(page);
    assert.notEqual((await workbench.companion()).hello.pid, pid);
    await chat.reached("interrupted");
  });
});

/** The metrics view, once it lists something. */
async function metricsPage(page: Page): Promise<FrameLocator | undefined> {
  const pages = await page.locator("iframe.webview.ready").count();
  for (let nth = 0; nth < pages; nth++) {
    const frame = webviewFrame(page, nth);
    if ((await frame.locator("main.metrics tbody tr").count()) > 0) return frame;
  }
  return undefined;
}

async function widenSideBar(page: Page): Promise<void> {
  const edge = await page.locator(".part.sidebar").boundingBox();
  assert.ok(edge);
  await page.mouse.move(edge.x + edge.width + 1, 300);
  await page.mouse.down();
  await page.mouse.move(edge.x + edge.width + 160, 300, { steps: 4 });
  await page.mouse.up();
  await page.mouse.move(900, 500);
}

/**
 * The reader's text against the database's, word for word; what Markdown turns
 * into looks does not count.
 */
async function checkStored(workbench: Workbench, chat: ChatPage): Promise<void> {
  const companion = await workbench.companion();
  const get = async (path: string) => companion.text({ method: "GET", path });
  const { sessions } = SessionList.parse(JSON.parse(await get("/v1/sessions?limit=1")));
  const { messages } = MessageList.parse(
    JSON.parse(await get(`/v1/sessions/${sessions[0]?.id}/messages`)),
  );
  const stored = messages.findLast(({ role }) => role === "assistant")?.content ?? "";
  const words = (text: string) => text.match(/[\p{L}\p{N}]+/gu)?.join("");
  assert.equal(words(await chat.answer()), words(stored.replace(/^```.*$/gm, "")));
  companion.close();
}
