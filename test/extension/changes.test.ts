// What a turn has changed, kept and undone in real files, with the real companion.
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { changesFor } from "../../extension/changes/changes.ts";
import { openHunks, type TurnFile, turnFiles } from "../../extension/changes/turn-files.ts";
import { putBack, undoChanges } from "../../extension/changes/undo-changes.ts";
import { useCode } from "../../extension/changes/use-code.ts";
import type { ChatView } from "../../extension/chat/chat-view.ts";
import { approve, call, type Player, results, startPlaying } from "./playing.ts";
import { until } from "./support.ts";

const MARK = "\ufeff";
const NAME = "changes.txt";

describe("blocks of code", () => {
  const use = {
    how: "new_file",
    text: "let a;\n",
    language: "typescript",
    info: "",
    hint: "",
  } as const;
  const roots = () => ({
    folders: (vscode.workspace.workspaceFolders ?? []).map(({ name, uri: { fsPath } }) => ({
      name,
      path: fsPath,
    })),
    closed: [],
  });
  const shown = (): vscode.TextDocument | undefined => vscode.window.activeTextEditor?.document;

  afterEach(async () => {
    const revert = "workbench.action.revertAndCloseActiveEditor";
    while (shown()) await vscode.commands.executeCommand(revert);
  });

  it("become new files under their own names, unsaved, and under none where there is one", async () => {
    await useCode(roots(), { ...use, info: "ts made/of-code.ts" });
    assert.equal(shown()?.uri.scheme, "untitled");
    assert.match(shown()?.uri.path ?? "", /made\/of-code\.ts$/);
    assert.equal(shown()?.getText(), use.text);
    await useCode(roots(), { ...use, info: "ts ../outside.ts" });
    assert.equal(shown()?.languageId, "typescript");
    assert.doesNotMatch(shown()?.uri.path ?? "", /outside/);
  });

  it("go into no terminal with what is not seen, and wait there for Enter", async () => {
    const before = vscode.window.terminals.length;
    const run = { ...use, how: "run", language: "sh" } as const;
    for (const hidden of ["echo \u001b[2Ja", "echo a\u202eb", "echo \u0003", "echo \u200b"]) {
      await useCode(roots(), { ...run, text: hidden });
    }
    assert.equal(vscode.window.terminals.length, before);
    await useCode(roots(), { ...run, text: "$ echo once\nonce\n" });
    await until("a terminal is there", () => vscode.window.activeTerminal !== undefined);
    vscode.window.activeTerminal?.dispose();
  });
});

describe("what a turn changed", function () {
  this.timeout(60_000);
  let player: Player;
  let path: string;

  before(async () => {
    player = await startPlaying();
    path = join(vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "", NAME);
  });
  beforeEach(() => {
    player.session = undefined;
    rmSync(path, { force: true });
  });
  afterEach(async () => {
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });
  after(async () => {
    rmSync(path, { force: true });
    await player.close();
  });

  const now = (): string => readFileSync(path, "utf8");
  const fileOf = async (turnId: string): Promise<TurnFile> => {
    const { files, lost } = await turnFiles(player.app, {
      sessionId: player.session ?? "",
      turnId,
    });
    assert.deepEqual(lost, []);
    assert.ok(files[0]);
    return files[0];
  };
  /** A turn that makes each of these out of what stands there. */
  const change = async (text: string, ...edits: [string, string][]): Promise<string> => {
    writeFileSync(path, text);
    await player.play([call("read_file", { path: NAME })]);
    const given = edits.map(([old_text, new_text]) => ({ old_text, new_text }));
    const chunks = await player.play([call("apply_diff", { path: NAME, edits: given })], [approve]);
    assert.match(results(chunks)[0] ?? "", /^Changed/);
    return chunks[0]?.turn_id ?? "";
  };
  const chat = (): ChatView => ({ state: { session_id: player.session } }) as unknown as ChatView;
  /** In VS Code's diff, as from the list in the chat. */
  const openDiff = async (turnId: string): Promise<vscode.TextEditor> => {
    await changesFor(player.app, "show_changes", chat(), { turn_id: turnId, path: NAME });
    return await until("the diff is there", () => {
      const { activeTextEditor: editor } = vscode.window;
      const { input } = vscode.window.tabGroups.activeTabGroup.activeTab ?? {};
      const isDiff = input instanceof vscode.TabInputTextDiff;
      return isDiff && editor?.document.uri.fsPath === path ? editor : undefined;
    });
  };
  const at = (editor: vscode.TextEditor, line: number): void => {
    editor.selection = new vscode.Selection(line, 0, line, 0);
  };

  it("is undone at the cursor, byte for byte, beside what a person wrote since", async () => {
    const before = `${MARK}one\r\ntwo\r\nthree\r\nfour\r\nfive`;
    const turn = await change(before, ["two", "TWO"], ["five", "FIVE\nsix"]);
    assert.equal(now(), `${MARK}one\r\nTWO\r\nthree\r\nfour\r\nFIVE\r\nsix`);
    writeFileSync(path, `${MARK}mine\r\none\r\nTWO\r\nthree\r\nfour\r\nFIVE\r\nsix`);
    const editor = await openDiff(turn);
    await until("the editor has it", () => editor.document.lineCount === 7);
    at(editor, 2);
    await vscode.commands.executeCommand("streamkeeper.undoChange");
    assert.equal(now(), `${MARK}mine\r\none\r\ntwo\r\nthree\r\nfour\r\nFIVE\r\nsix`);
    assert.deepEqual(Object.values((await fileOf(turn)).decided), ["undo"]);
    await until("the editor shows it", () => editor.document.lineAt(2).text === "two");
    await vscode.commands.executeCommand("streamkeeper.undoFile");
    assert.equal(now(), `${MARK}mine\r\n${before.slice(1)}`);
    assert.deepEqual(openHunks(await fileOf(turn)), []);
  });

  it("stays where somebody has changed the same lines, and is still to be decided", async () => {
    const turn = await change("one\ntwo\nthree\n", ["two", "TWO"], ["three", "THREE\nfour"]);
    writeFileSync(path, "one\nTWO!\nTHREE\nfour\n");
    const file = await fileOf(turn);
    const { undone, left } = await undoChanges(player.app, file, openHunks(file));
    // They are one place, since they stand beside each other.
    assert.deepEqual([undone.length, left.length], [0, 1]);
    assert.equal(now(), "one\nTWO!\nTHREE\nfour\n");
    assert.deepEqual((await fileOf(turn)).decided, {});
  });

  it("that was kept is what later undoing goes back to, and leaves the diff", async () => {
    const turn = await change("one\ntwo\nthree\n", ["one", "ONE"], ["three", "THREE"]);
    const editor = await openDiff(turn);
    at(editor, 0);
    await vscode.commands.executeCommand("streamkeeper.keepChange");
    const { input } = vscode.window.tabGroups.activeTabGroup.activeTab ?? {};
    assert.ok(input instanceof vscode.TabInputTextDiff);
    const left = await vscode.workspace.openTextDocument(input.original);
    await until("the left side has it", () => left.getText() === "ONE\ntwo\nthree\n");
    const say = { turn_id: turn, decision: "undo" } as const;
    await changesFor(player.app, "decide_changes", chat(), say);
    assert.equal(now(), "ONE\ntwo\nthree\n");
    const { decided } = await fileOf(turn);
    assert.deepEqual(Object.values(decided).toSorted(), ["keep", "undo"]);
  });

  it("as a new file goes, and comes back when that is undone", async () => {
    const content = "made\n";
    const chunks = await player.play([call("write_file", { path: NAME, content })], [approve]);
    // The first chunk is the chat's.
    const turn = chunks.at(-1)?.turn_id ?? "";
    const file = await fileOf(turn);
    const outcome = await undoChanges(player.app, file, openHunks(file));
    assert.equal(existsSync(path), false);
    assert.deepEqual(openHunks(await fileOf(turn)), []);
    assert.equal(await putBack(player.app, outcome), true);
    assert.equal(now(), content);
    assert.equal(openHunks(await fileOf(turn)).length, 1);
    const again = await undoChanges(player.app, await fileOf(turn), file.hunks);
    writeFileSync(path, "somebody else's\n");
    assert.equal(await putBack(player.app, again), false);
    assert.equal(now(), "somebody else's\n");
  });

  it("is stored, though the file was undone and nobody could be told", async () => {
    const turn = await change("a\na\n", ["a\na\n", "a\na\na\n"]);
    const file = await fileOf(turn);
    const { client, tools, log } = player.app;
    const away = {
      tools,
      log,
      client: {
        call: client.call.bind(client),
        post: () => Promise.reject(new Error("away")),
      },
    };
    await assert.rejects(undoChanges(away, file, file.hunks), /away/);
    assert.equal(now(), "a\na\n");
    const { undone } = await undoChanges(player.app, file, file.hunks);
    assert.equal(undone.length, 1);
    assert.equal(now(), "a\na\n");
    assert.deepEqual(openHunks(await fileOf(turn)), []);
  });

  it("is left alone while an answer waits", async () => {
    const turn = await change("one\n", ["one", "ONE"]);
    const playing = player.play([call("write_file", { path: "never.txt", content: "" })]);
    await player.waiting("tool_decision");
    await changesFor(player.app, "decide_changes", chat(), { turn_id: turn, decision: "undo" });
    assert.equal(now(), "ONE\n");
    await player.stop();
    await playing;
  });
});
