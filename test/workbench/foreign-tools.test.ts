// Tools of another extension and of an MCP server in a real workbench, where VS Code asks a question of its own.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { type PlannedCall, playsCalls } from "../support/upstream/openai-scripts.ts";
import { FAKE_MODEL, startUpstream, type Upstream } from "../support/upstream/start-upstream.ts";
import { runCommand } from "../support/vscode-host.ts";
import { type ChatPage, openChatView, startWorkbench, until, type Workbench } from "./workbench.ts";

describe("tools of others in a workbench", function () {
  this.timeout(120_000);
  let upstream: Upstream;
  let workbench: Workbench;
  let page: Page;
  let chat: ChatPage;
  const planned = new Map<string, PlannedCall[]>();

  before(async () => {
    upstream = await startUpstream(playsCalls((question) => planned.get(question) ?? []));
    workbench = await startWorkbench(
      {
        "streamkeeper.providers.openaiCompatible.baseUrl": upstream.url,
        "streamkeeper.model": `openai-compatible/${FAKE_MODEL}`,
      },
      ["test/extension/foreign-tools"],
    );
    page = await workbench.openWindow();
    chat = await openChatView(page);
    await chat.frame.locator(".prompt").first().waitFor();
  });

  afterEach(async function () {
    if (this.currentTest?.state !== "failed") return;
    const path = join(process.env["KEEP"] ?? tmpdir(), "streamkeeper-foreign-tools-failed.png");
    await page?.screenshot({ path });
    console.log(`      the window as it was: ${path}`);
  });

  after(async () => {
    await workbench?.close();
    await upstream?.close();
  });

  const ask = async (question: string, name: string, args = {}): Promise<void> => {
    planned.set(question, [{ name, arguments: args }]);
    await chat.send(question);
  };
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
    readFileSync(join(workbench.dataDir, "../streamkeeper-tests.foreign-tools/log"), "utf8");
  const runs = () => log().match(/^done$/gm)?.length ?? 0;

  it("ask in the chat, then in VS Code's own way where their maker wants it", async () => {
    await ask("Do it.", "foreign_confirms");
    await press("Approve");
    await dialog().getByText("It will be done.").waitFor();
    await answerDialog(/^Cancel$/);
    await chat.reached("done");
    assert.match(await chat.answer(), /the user said no to VS Code's question/);
    assert.equal(runs(), 0);

    await ask("Do it now.", "foreign_confirms");
    await press("Approve");
    await answerDialog(/^(?:Yes|OK)$/);
    await chat.reached("done");
    assert.equal(await chat.answer(), "Result: done");
    assert.equal(runs(), 1);
  });

  it("hold up no other call when the answer is stopped while VS Code asks", async () => {
    await ask("Do it again.", "foreign_confirms");
    await press("Approve");
    await dialog().getByText("It will be done.").waitFor();
    await press("Stop the answer");
    await chat.reached("interrupted");
    await ask("Say hello.", "foreign_text", { word: "hello" });
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
    await ask("What is the sum?", "mcp_sums_structured");
    await press("Approve");
    await answerDialog(/^(?:Yes|OK)$/);
    await chat.reached("done");
    assert.equal(await chat.answer(), 'Result: {"sum":42}');
  });
});
