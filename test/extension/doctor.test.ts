// The doctor as a user of VS Code meets it: a report, a repair, and the word about a
// database that could not be read.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import type { App } from "../../extension/app.ts";
import { ask, extension, hideChats, until } from "./support.ts";

interface Told {
  text: string;
  actions: string[];
}

describe("the doctor in its host", () => {
  let app: App;

  before(async () => {
    await extension().activate();
    app = await extension().exports.app();
    // What is damaged here is the file of a companion that has ended.
    await hideChats(app);
    await app.companion.ensure();
  });
  after(async () => {
    await app.companion.stopRunning();
  });

  it("shows a report that nobody has to save, while the companion runs on", async () => {
    const { hello } = await app.companion.ensure();
    await withAnswers(undefined, async (told) => {
      await vscode.commands.executeCommand("streamkeeper.runDoctor");
      assert.deepEqual(told, [{ text: "Nothing is wrong with the stored chats.", actions: [] }]);
    });
    const document = vscode.window.activeTextEditor?.document;
    assert.match(document?.getText() ?? "", /^Streamkeeper doctor: nothing is wrong\n/);
    assert.equal(document?.isUntitled, false);
    assert.equal((await app.companion.ensure()).hello.pid, hello.pid);
  }).timeout(40_000);

  it("repairs in the companion's place, and starts it again", async () => {
    const { session, text } = await ask(app, "Hello");
    await app.companion.stopRunning();
    tamper(app, "delete from messages where role = 'assistant'");
    const { hello } = await app.companion.ensure();
    await withAnswers("Repair", async (told) => {
      await vscode.commands.executeCommand("streamkeeper.runDoctor");
      assert.match(told[0]?.text ?? "", /^Something is wrong/);
      assert.deepEqual(told[0]?.actions, ["Repair"]);
    });
    assert.match(reportText(), /Done\n- Took \d+ messages? from the log/);
    assert.equal(app.companion.state.state, "ready");
    assert.notEqual((await app.companion.ensure()).hello.pid, hello.pid);
    const { messages } = await app.client.call("list_messages", { session_id: session });
    assert.equal(messages.find(({ role }) => role === "assistant")?.content, text);
  }).timeout(60_000);

  it("tells once of a database that could not be read, and brings back what can be", async () => {
    const { session } = await ask(app, "To be brought back");
    await app.companion.stopRunning();
    const path = join(app.dataDir, "streamkeeper.db");
    // A long run of the suite has made one by now.
    rmSync(join(app.dataDir, "backups"), { recursive: true, force: true });
    // Which request made which turn is all that is lost.
    scribble(app, "requests");
    writeFileSync(join(app.dataDir, "database-suspect"), `${path}\n`);
    await withAnswers("Bring back what can be read", async (told) => {
      await app.companion.ensure();
      await until("it is told", () => told.length > 0);
      assert.match(told[0]?.text ?? "", /is kept as .*set-aside-.*There is no backup\./);
      await until("it is back", () => /Brought back/.test(reportText()) || told.length > 1);
      assert.equal(told.length, 1, told[1]?.text);
    });
    await until("the companion", () => app.companion.state.state === "ready");
    const { messages } = await app.client.call("list_messages", { session_id: session });
    assert.equal(messages[0]?.content, "To be brought back");
    await withAnswers(undefined, async (told) => {
      await app.companion.restart();
      const { set_aside } = await app.client.call("get_ready", {});
      assert.equal(set_aside, null);
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.deepEqual(told, []);
    });
    assert.ok(existsSync(path));
  }).timeout(60_000);
});

function reportText(): string {
  const { document } = vscode.window.activeTextEditor ?? {};
  return document?.uri.scheme === "streamkeeper-report" ? document.getText() : "";
}

/** Gives this answer to each question, and keeps what was said. */
async function withAnswers(
  answer: string | undefined,
  body: (told: Told[]) => Promise<void>,
): Promise<void> {
  const { showErrorMessage, showInformationMessage, showWarningMessage } = vscode.window;
  const told: Told[] = [];
  const tell = async (text: string, ...actions: string[]) => {
    told.push({ text, actions });
    return actions.find((action) => action === answer);
  };
  Object.assign(vscode.window, {
    showErrorMessage: tell,
    showInformationMessage: tell,
    showWarningMessage: tell,
  });
  try {
    await body(told);
  } finally {
    Object.assign(vscode.window, {
      showErrorMessage,
      showInformationMessage,
      showWarningMessage,
    });
  }
}

function tamper(app: App, ...statements: string[]): void {
  run(app, "tamper", ...statements);
}

function scribble(app: App, table: string): void {
  run(app, "scribble", table);
}

/** In a process of its own: a host has no SQLite. */
function run(app: App, what: string, ...args: string[]): void {
  const root = extension().extensionPath;
  const node = join(root, "node_modules/node/bin/node");
  const script = join(root, "test/support/planted/damage.ts");
  execFileSync(node, [script, join(app.dataDir, "streamkeeper.db"), what, ...args]);
}
