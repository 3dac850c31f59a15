// Tools of another extension and of an MCP server in a real workbench, where VS Code
// asks a question of its own.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { runCommand } from "../support/vscode-host.ts";
import { call, type Scene, startScene } from "./scene.ts";
import { type ChatPage, until } from "./workbench.ts";

describe("tools of others in a workbench", function () {
  this.timeout(120_000);
  let scene: Scene;
  let page: Page;
  let chat: ChatPage;

  before(async () => {
    scene = await startScene({ others: ["test/extension/foreign-tools"] });
    ({ page, chat } = scene);
  });

  afterEach(async function () {
    await scene?.pictureOf(this.currentTest);
  });

  after(() => scene?.close());

  // By the page itself: a question of VS Code's keeps the mouse from all else.
  const press = (name: string) =>
    chat.frame
      .getByRole("button", { name, exact: true })
      .evaluate((element: HTMLElement) => element.click());
  const dialog = () => page.locator(".monaco-dialog-box");
  const answerDialog = async (name: RegExp) => {
    await dialog().getByRole("button", { name }).click();
    await dialog().waitFor({ state: "detached" });
  };
  /** What the other extension and its server have done. */
  const log = () =>
    readFileSync(join(scene.workbench.dataDir, "../streamkeeper-tests.foreign-tools/log"), "utf8");
  const runs = () => log().match(/^done$/gm)?.length ?? 0;

  it("ask in the chat, then in VS Code's own way where their maker wants it", async () => {
    await scene.ask("Do it.", call("foreign_confirms"));
    await press("Approve");
    await dialog().getByText("It will be done.").waitFor();
    await answerDialog(/^Cancel$/);
    await chat.reached("done");
    assert.match(await chat.answer(), /the user said no to VS Code's question/);
    assert.equal(runs(), 0);

    await scene.ask("Do it now.", call("foreign_confirms"));
    await press("Approve");
    await answerDialog(/^(?:Yes|OK)$/);
    await chat.reached("done");
    assert.equal(await chat.answer(), "Result: done");
    assert.equal(runs(), 1);
  });

  it("hold up no other call when the answer is stopped while VS Code asks", async () => {
    await scene.ask("Do it again.", call("foreign_confirms"));
    await press("Approve");
    await dialog().getByText("It will be done.").waitFor();
    await press("Stop the answer");
    await chat.reached("interrupted");
    await scene.ask("Say hello.", call("foreign_text", { word: "hello" }));
    await press("Approve");
    await chat.reached("done");
    assert.match(await chat.answer(), /^Result: hello/);
    await answerDialog(/^(?:Yes|OK)$/);
    assert.equal(runs(), 1, "what was stopped does not run");
  });

  it("come from an MCP server that VS Code has started", async () => {
    await until("the server's tools", async () => {
      await runCommand(page, "Tests: Start the MCP server");
      return log().includes("tools listed");
    });
    await scene.ask("What is the sum?", call("mcp_sums_structured"));
    await press("Approve");
    await answerDialog(/^(?:Yes|OK)$/);
    await chat.reached("done");
    assert.equal(await chat.answer(), 'Result: {"sum":42}');
  });
});
