// A chat that waits for a person where nobody sees it: what the workbench
// says of it, and until when.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { runCommand } from "../support/vscode-host.ts";
import { call, type Scene, startScene } from "./scene.ts";
import { type ChatPage, openChatView, until } from "./workbench.ts";

const NEWS = "waits for your decision";

describe("a chat that waits, in a workbench", function () {
  this.timeout(120_000);
  let scene: Scene;
  let page: Page;
  let chat: ChatPage;

  before(async () => {
    scene = await startScene();
    ({ page, chat } = scene);
  });

  afterEach(async function () {
    await scene?.pictureOf(this.currentTest);
  });

  after(() => scene?.close());

  const badge = (on = page) =>
    on
      .locator(".activitybar .action-item", { has: on.getByLabel(/Streamkeeper/) })
      .locator(".badge");
  const noBadge = (on = page) => until("no badge", async () => !(await badge(on).isVisible()));
  const news = (on = page) => on.locator(".notification-toast", { hasText: NEWS });
  /** As another client does it: the page in a browser, for instance. */
  const answerElsewhere = async (): Promise<void> => {
    const companion = await scene.workbench.companion();
    const get = async (path: string) => JSON.parse(await companion.text({ method: "GET", path }));
    const { sessions } = await get("/v1/sessions");
    for (const { id, turn } of sessions) {
      if (!turn?.asks) continue;
      const { pending } = await get(`/v1/sessions/${id}/pending`);
      for (const { call_id } of pending) {
        const message = { type: "tool_decision", call_id, decision: "reject" };
        const body = { session_id: id, message };
        await companion.text({ method: "POST", path: "/v1/messages/stream", body });
      }
    }
  };

  it("takes messages while a tool runs: one changed, one taken back, one read before the model goes on", async () => {
    const { frame, composer } = chat;
    const row = (words: string) => frame.locator(".queue li", { hasText: words });
    const queue = async (words: string): Promise<void> => {
      await chat.send(words);
      await row(words).waitFor();
    };
    const command = "until [ -e go ]; do sleep 0.1; done";
    await scene.ask("Run it.", call("execute_command", { command }));
    await scene.button("Approve").press("Enter");
    await frame.getByPlaceholder("Enter queues it").waitFor();
    await queue("Tpyo");
    await queue("Now");
    await frame.getByRole("button", { name: "Edit “Tpyo”" }).press("Enter");
    const edit = frame.getByLabel("Message that waits");
    await edit.fill("Typo");
    await edit.press("Enter");
    await row("Typo").waitFor();
    await frame.getByRole("button", { name: "Take back into the draft: “Now”" }).press("Enter");
    await row("Now").waitFor({ state: "detached" });
    assert.equal(await composer.inputValue(), "Now");
    await composer.press("Control+Enter");
    await row("read at the next step").waitFor();
    await scene.workbench.picture(page, "queue");
    writeFileSync(scene.file("go"), "");
    await frame.locator(".turn[data-status=done]").nth(1).waitFor();
    assert.deepEqual(await frame.locator(".turn .question-text").allInnerTexts(), [
      "Run it.",
      "Now",
      "Typo",
    ]);
    assert.deepEqual(await frame.locator(".turn").first().locator(".question-text").count(), 2);
    await scene.newChat();
  });

  it("counts on the view's icon, and is told of where another chat is open; its button leads to the question", async () => {
    await scene.ask("Make the first.", call("create_directory", { path: "first" }));
    await scene.button("Approve").waitFor();
    await badge().filter({ hasText: "1" }).waitFor();
    assert.equal(await news().count(), 0, "it is seen");
    await scene.newChat();
    // Long enough that what waits begins after the chat has been left.
    await scene.ask("Make the second.", call("create_directory", { path: "second" }));
    await scene.newChat();
    await badge().filter({ hasText: "2" }).waitFor();
    await news().filter({ hasText: "Make the second." }).waitFor();
    await scene.workbench.picture(page, "waiting");
    const second = news().filter({ hasText: "Make the second." });
    await second.getByRole("button", { name: "Show" }).click();
    await chat.frame.getByText("Make the second.").first().waitFor();
    await chat.frame.locator(".tool-decision:focus").waitFor();
  });

  it("counts no more when it was answered elsewhere", async () => {
    await answerElsewhere();
    await noBadge();
  });

  it("is told of after a reload behind another view, by one of two windows", async () => {
    await scene.newChat();
    await scene.ask("Make the third.", call("create_directory", { path: "third" }));
    await scene.button("Approve").waitFor();
    await page.getByRole("tab", { name: /^Explorer/ }).click();
    // In a browser the workbench writes down what extensions remember every five seconds; an
    // installed one does so at a reload.
    await page.waitForTimeout(6_000);
    await page.reload();
    await news().filter({ hasText: "Make the third." }).waitFor();
    const other = await scene.workbench.openWindow();
    await (await openChatView(other)).composer.waitFor();
    await badge(other).filter({ hasText: "1" }).waitFor();
    assert.equal(await news(other).count(), 0);
    // Opening a window takes its time: from the corner the news may have
    // gone to where news is kept.
    await runCommand(page, "Notifications: Show Notifications");
    const kept = page.locator(".notifications-center");
    await kept.getByRole("button", { name: "Show", exact: true }).first().click();
    await chat.frame.locator(".tool-decision:focus").waitFor();
    await runCommand(page, "Streamkeeper: Stop response");
    for (const window of [page, other]) await noBadge(window);
  });
});
