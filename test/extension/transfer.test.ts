// Chats out into files and in from them, by the commands that people use.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { ask, extension, hideChats, until } from "./support.ts";

/** What the person chooses in the editor's dialogs, and what is said to them. */
function answering(paths: { save?: string; open?: string }) {
  const said: string[] = [];
  const { window } = vscode;
  const { showSaveDialog, showOpenDialog } = window;
  const { showInformationMessage, showWarningMessage, showErrorMessage } = window;
  const before = {
    showSaveDialog,
    showOpenDialog,
    showInformationMessage,
    showWarningMessage,
    showErrorMessage,
  };
  const say = (message: string): Promise<undefined> => {
    said.push(message);
    return Promise.resolve(undefined);
  };
  Object.assign(window, {
    showSaveDialog: async () => vscode.Uri.file(paths.save ?? ""),
    showOpenDialog: async () => [vscode.Uri.file(paths.open ?? "")],
    showInformationMessage: say,
    showWarningMessage: say,
    showErrorMessage: say,
  });
  return { said, end: () => Object.assign(window, before) };
}

describe("files of chats", () => {
  before(async () => {
    await extension().activate();
  });

  after(async () => {
    const app = await extension().exports.app();
    await hideChats(app);
    await app.companion.stopRunning();
  });

  it("are written whole under their name, and come in again once", async () => {
    const { app } = extension().exports;
    const { session } = await ask(await app(), "keep this");
    const folder = mkdtempSync(join(tmpdir(), "streamkeeper-export-"));
    const save = join(folder, "all.jsonl");
    const person = answering({ save, open: save });
    try {
      await vscode.commands.executeCommand("streamkeeper.exportAllChats");
      assert.match(person.said.at(-1) ?? "", /all\.jsonl/);
      assert.deepEqual(readdirSync(folder), ["all.jsonl"]);
      const file = readFileSync(save, "utf8");
      assert.match(file, new RegExp(session));
      assert.match(file.trimEnd().split("\n").at(-1) ?? "", /^{"line":"end"/);
      const { client } = await app();
      await client.call("delete_session", { session_id: session });
      await vscode.commands.executeCommand("streamkeeper.importChats");
      assert.match(await until("told", () => person.said.at(-1)), /^Imported chats: 1;/);
      const { messages } = await client.call("list_messages", { session_id: session });
      assert.equal(messages[0]?.content, "keep this");
      writeFileSync(save, file.slice(0, -200));
      await vscode.commands.executeCommand("streamkeeper.importChats");
      assert.match(person.said.at(-1) ?? "", /The file is not whole|Here in another state/);
    } finally {
      person.end();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("that cannot be read or written are told of in words, also by code that is loaded later", async () => {
    const { app } = extension().exports;
    const { companion } = await app();
    const nowhere = join(tmpdir(), "streamkeeper-no-such-folder", "all.jsonl");
    const person = answering({ save: nowhere, open: join(tmpdir(), "none.jsonl") });
    const ready = await companion.ensure();
    const { text } = ready;
    try {
      await vscode.commands.executeCommand("streamkeeper.exportAllChats");
      assert.match(person.said.at(-1) ?? "", /could not be read or written: .*no-such-folder/);
      await vscode.commands.executeCommand("streamkeeper.importChats");
      assert.match(person.said.at(-1) ?? "", /could not be read or written: .*none/);
      const file = join(mkdtempSync(join(tmpdir(), "streamkeeper-import-")), "all.jsonl");
      writeFileSync(file, "{}\n");
      person.end();
      const other = answering({ open: file });
      Object.assign(ready, { text: () => Promise.resolve("no report") });
      await vscode.commands.executeCommand("streamkeeper.importChats");
      other.end();
      assert.match(other.said.at(-1) ?? "", /gave an answer that is not understood: It answered/);
    } finally {
      Object.assign(ready, { text });
      person.end();
    }
  });
});
