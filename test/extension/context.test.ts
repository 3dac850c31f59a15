// What a person puts into a message from the editor, in a real extension host: found, read as
// the editor has it, bounded.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import type { App } from "../../extension/app.ts";
import { findMentions, takeContext } from "../../extension/context/mentions.ts";
import { openFile } from "../../extension/context/open-file.ts";
import type { ContextItem } from "../../server/protocol/requests.ts";
import type { Mention } from "../../webview/messages.ts";
import { extension, until } from "./support.ts";

describe("context from the editor", function () {
  this.timeout(60_000);
  let app: App;
  let project: string;
  let outside: string;

  before(async () => {
    app = await (await extension().activate()).app();
    const folder = vscode.workspace.workspaceFolders?.[0];
    assert.ok(folder, "the tests' window has a folder");
    project = folder.uri.fsPath;
    outside = mkdtempSync(join(tmpdir(), "streamkeeper-outside-"));
    mkdirSync(join(project, "src/deep"), { recursive: true });
    writeFileSync(join(project, "src/a.ts"), "export const one = 1;\nexport const two = 2;\n");
    writeFileSync(join(project, "src/deep/names.ts"), "export {};\n");
    writeFileSync(join(outside, "secret.txt"), "secret");
  });

  after(() => {
    rmSync(join(project, "src"), { recursive: true, force: true });
    rmSync(outside, { recursive: true });
  });

  const take = (...mentions: Mention[]): Promise<ContextItem[]> =>
    takeContext(app.tools.roots(), mentions);
  const file = (...path: string[]): Mention => ({
    kind: "file",
    uri: vscode.Uri.file(join(...path)).toString(),
  });

  it("finds files by parts of their paths, the best first", async () => {
    const names = async (typed: string) =>
      (await findMentions("file", typed)).map(({ name }) => name);
    assert.equal((await names("a.ts"))[0], "src/a.ts");
    assert.equal((await names("DEEP/NA"))[0], "src/deep/names.ts");
    assert.ok((await names("sdn")).includes("src/deep/names.ts"));
    assert.deepEqual(await names("no such file"), []);
  });

  it("is a file as the editor has it, with what is not saved, cut where it is long", async () => {
    const document = await vscode.workspace.openTextDocument(join(project, "src/a.ts"));
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, new vscode.Position(0, 0), "// not saved\n");
    await vscode.workspace.applyEdit(edit);
    const [item] = await take(file(project, "src/a.ts"));
    assert.deepEqual(item, {
      type: "file",
      label: "src/a.ts",
      uri: document.uri.toString(),
      content: "// not saved\nexport const one = 1;\nexport const two = 2;\n",
    });
    // It reverts the editor in front, and on a busy machine another may come there meanwhile.
    await until("reverted", async () => {
      await vscode.window.showTextDocument(document);
      await vscode.commands.executeCommand("workbench.action.files.revert");
      return document.getText().startsWith("export");
    });
    writeFileSync(join(project, "src/long.txt"), "x".repeat(300_000));
    const [long] = await take(file(project, "src/long.txt"));
    assert.match(long?.content ?? "", /x\n\[… 200000 characters are left out here …\]\nx/);
  });

  it("is never taken from outside of the workspace, through a link, or from our own data", async () => {
    symlinkSync(outside, join(project, "src/linked"));
    assert.deepEqual(
      await take(
        file(outside, "secret.txt"),
        file(project, "src/linked/secret.txt"),
        file(project, "../secret.txt"),
        file(app.dataDir, "token"),
        { kind: "file", uri: "https://e.example/a" },
        { kind: "file" },
      ),
      [],
    );
  });

  it("opens a place that an answer names, in the workspace alone", async () => {
    const open = async (path: string, line: number, column?: number): Promise<string> => {
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
      await openFile(app.tools.roots(), { path, line, column });
      const editor = vscode.window.activeTextEditor;
      if (!editor) return "nothing";
      const { line: row, character } = editor.selection.active;
      const name = vscode.workspace.asRelativePath(editor.document.uri, false);
      return `${name}:${row + 1}:${character + 1}`;
    };
    symlinkSync(join(outside, "secret.txt"), join(project, "src/way-out.ts"));
    assert.equal(await open("src/a.ts", 2), "src/a.ts:2:1");
    assert.equal(await open("src\\a.ts", 2, 8), "src/a.ts:2:8");
    assert.equal(await open(join(project, "src/a.ts"), 1), "src/a.ts:1:1");
    assert.equal(await open("names.ts", 1), "src/deep/names.ts:1:1");
    assert.equal(await open("src/a.ts", 999_999), "src/a.ts:3:1");
    for (const path of [
      join(outside, "secret.txt"),
      "../secret.txt",
      "src/way-out.ts",
      "src/none.ts",
      "**/*.ts",
      "//server/share/x.ts",
      "src",
    ]) {
      assert.equal(await open(path, 1), "nothing", path);
    }
    rmSync(join(project, "src/way-out.ts"));
  });

  it("takes addresses of a remote window for its own files", async () => {
    const uri = vscode.Uri.from({
      scheme: "vscode-remote",
      authority: "ssh-remote+host",
      path: vscode.Uri.file(join(project, "src/a.ts")).path,
    });
    const [item] = await take({ kind: "file", uri: uri.toString() });
    assert.equal(item?.label, "src/a.ts");
  });

  it("is a symbol with all its lines", async () => {
    const code = "// first\nfunction debounce() {\n  return 1;\n}\n// last\n";
    writeFileSync(join(project, "src/s.demo"), code);
    const uri = vscode.Uri.file(join(project, "src/s.demo"));
    const name = new vscode.Range(1, 9, 1, 17);
    const provided = [
      vscode.languages.registerWorkspaceSymbolProvider({
        provideWorkspaceSymbols: () => [
          new vscode.SymbolInformation(
            "debounce",
            vscode.SymbolKind.Function,
            "",
            new vscode.Location(uri, name),
          ),
          new vscode.SymbolInformation(
            "elsewhere",
            vscode.SymbolKind.Function,
            "",
            new vscode.Location(vscode.Uri.file(join(outside, "secret.txt")), name),
          ),
        ],
      }),
      vscode.languages.registerDocumentSymbolProvider(
        { pattern: "**/*.demo" },
        {
          provideDocumentSymbols: () => [
            new vscode.DocumentSymbol(
              "debounce",
              "",
              vscode.SymbolKind.Function,
              new vscode.Range(1, 0, 3, 1),
              name,
            ),
          ],
        },
      ),
    ];
    const found = await findMentions("symbol", "debounce");
    const ours = found.find((one) => one.name === "debounce");
    assert.ok(ours);
    assert.equal(
      found.some((one) => one.name === "elsewhere"),
      false,
    );
    assert.deepEqual(await take(ours), [
      {
        type: "symbol",
        label: "debounce (src/s.demo:2-4)",
        uri: uri.toString(),
        content: "function debounce() {\n  return 1;\n}",
      },
    ]);
    for (const one of provided) one.dispose();
  });

  it("is what the editor underlines and what is selected", async () => {
    const collection = vscode.languages.createDiagnosticCollection("test");
    const uri = vscode.Uri.file(join(project, "src/a.ts"));
    collection.set(uri, [new vscode.Diagnostic(new vscode.Range(1, 0, 1, 5), "two is too many")]);
    const editor = await vscode.window.showTextDocument(uri);
    editor.selection = new vscode.Selection(0, 0, 0, 6);
    const [problems, selection] = await take({ kind: "problems" }, { kind: "selection" });
    collection.dispose();
    assert.match(problems?.content ?? "", /src\/a\.ts:2: error: two is too many/);
    assert.deepEqual(
      { label: selection?.label, content: selection?.content },
      { label: "src/a.ts:1", content: "export" },
    );
  });

  it("is what stands in the terminal, and the clipboard is as before", async () => {
    for (const terminal of vscode.window.terminals) terminal.dispose();
    await until("no terminal", () => vscode.window.activeTerminal === undefined);
    assert.deepEqual(await take({ kind: "terminal" }), []);
    await vscode.env.clipboard.writeText("copied before");
    const terminal = vscode.window.createTerminal({ name: "test", shellPath: "/bin/sh" });
    terminal.show();
    terminal.sendText("echo out-$((40+2))");
    const item = await until("the terminal's text", async () => {
      const [taken] = await take({ kind: "terminal" });
      return taken?.content.includes("out-42") ? taken : undefined;
    });
    assert.equal(item.label, "@terminal");
    assert.equal(await vscode.env.clipboard.readText(), "copied before");
    terminal.dispose();
  });

  describe("that a person adds as a file", () => {
    /** What the command puts into the chat. */
    const added = async (...args: unknown[]): Promise<ContextItem[]> => {
      const sent: { context: ContextItem[] }[] = [];
      const { focusView } = app.chats;
      const chat = { send: (message: { context: ContextItem[] }) => sent.push(message) };
      app.chats.focusView = async () => chat as never;
      try {
        await vscode.commands.executeCommand("streamkeeper.addFile", ...args);
      } finally {
        app.chats.focusView = focusView;
      }
      return sent.flatMap(({ context }) => context);
    };
    const uriOf = (name: string): vscode.Uri => vscode.Uri.file(join(project, name));
    const shown = (what: string, isIt: (input: unknown) => boolean) =>
      until(what, () => isIt(vscode.window.tabGroups.activeTabGroup.activeTab?.input));

    afterEach(() => vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor"));

    it("comes from the explorer, several files at once", async () => {
      const uris = ["src/a.ts", "src/deep/names.ts"].map(uriOf);
      const labels = (await added(uris[0], uris)).map(({ label }) => label);
      assert.deepEqual(labels, ["src/a.ts", "src/deep/names.ts"]);
    });

    it("is what has no file yet", async () => {
      const document = await vscode.workspace.openTextDocument({ content: "not saved anywhere" });
      await vscode.window.showTextDocument(document);
      const [item] = await added();
      assert.deepEqual([item?.label, item?.content], ["Untitled-1", "not saved anywhere"]);
    });

    it("is the file of a comparison, from whichever side", async () => {
      const file = uriOf("src/a.ts");
      const before = file.with({ scheme: "git", query: "HEAD" });
      const none = vscode.workspace.registerTextDocumentContentProvider("git-test", {
        provideTextDocumentContent: () => "before",
      });
      await vscode.commands.executeCommand(
        "vscode.diff",
        file,
        before.with({ scheme: "git-test" }),
        "compared",
      );
      await shown("the comparison", (input) => input instanceof vscode.TabInputTextDiff);
      assert.equal((await added())[0]?.label, "src/a.ts");
      assert.equal((await added(before))[0]?.label, "src/a.ts", "what git's own tabs show");
      none.dispose();
    });

    it("is what is written in a notebook, saved or not", async () => {
      const cell = (source: string) => ({ cell_type: "code", source: [source], metadata: {} });
      const book = { cells: [cell("1 + 1")], metadata: {}, nbformat: 4, nbformat_minor: 5 };
      writeFileSync(join(project, "src/book.ipynb"), JSON.stringify(book));
      const notebook = await vscode.workspace.openNotebookDocument(uriOf("src/book.ipynb"));
      await vscode.window.showNotebookDocument(notebook);
      const edit = new vscode.WorkspaceEdit();
      const more = new vscode.NotebookCellData(vscode.NotebookCellKind.Code, "2 + 2", "python");
      edit.set(notebook.uri, [vscode.NotebookEdit.insertCells(1, [more])]);
      await vscode.workspace.applyEdit(edit);
      const [item] = await added();
      assert.equal(item?.label, "src/book.ipynb");
      assert.match(item?.content ?? "", /^# %% \[\w+\]\n1 \+ 1\n\n# %% \[python\]\n2 \+ 2\n$/);
    });

    it("is named when it is none that can be read, once for all", async () => {
      writeFileSync(join(project, "src/pic.png"), Buffer.from([0x89, 0x50, 0, 0, 1, 2, 3]));
      await vscode.commands.executeCommand("vscode.open", uriOf("src/pic.png"));
      await shown("the picture", (input) => input instanceof vscode.TabInputCustom);
      const warned: string[] = [];
      const { showWarningMessage } = vscode.window;
      vscode.window.showWarningMessage = async (message: string) => void warned.push(message);
      try {
        assert.deepEqual(await added(), []);
        assert.deepEqual(
          await added(uriOf("src/pic.png"), ["src/pic.png", "src/none.ts"].map(uriOf)),
          [],
        );
      } finally {
        vscode.window.showWarningMessage = showWarningMessage;
      }
      const why = "only folders of the workspace and its text files, up to 5 MB, can be.";
      assert.deepEqual(warned, [
        `pic.png was not added: ${why}`,
        `pic.png, none.ts was not added: ${why}`,
      ]);
    });
  });
});
