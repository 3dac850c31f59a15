// Files as they are: encodings, line ends, names. No byte changes that nobody asked to change.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as vscode from "vscode";
import { firstKept } from "../../extension/tools/first-kept.ts";
import type { PendingCall } from "../../server/protocol/responses.ts";
import type { PlannedCall } from "../support/upstream/openai-scripts.ts";
import { type Answer, approve, call, type Player, results, startPlaying } from "./playing.ts";
import { until } from "./support.ts";

const WIN = { hi: Buffer.from("cff0e8e2e5f2", "hex"), peace: Buffer.from("ece8f0", "hex") };
const SJIS_NIHON = Buffer.from("93fa967b", "hex");

describe("files as they are", function () {
  this.timeout(60_000);
  let player: Player;
  let project: string;

  before(async () => {
    player = await startPlaying();
    project = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  });
  beforeEach(() => {
    player.session = undefined;
  });
  afterEach(async () => {
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });
  after(() => player.close());

  const bytes = (...parts: (string | Uint8Array)[]): Buffer =>
    Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const put = (name: string, ...parts: (string | Uint8Array)[]): void => {
    mkdirSync(dirname(join(project, name)), { recursive: true });
    writeFileSync(join(project, name), bytes(...parts));
  };
  const has = (name: string, said: string, ...parts: (string | Uint8Array)[]): void =>
    assert.equal(
      readFileSync(join(project, name)).toString("hex"),
      bytes(...parts).toString("hex"),
      said,
    );
  const one = async (name: string, args: Record<string, unknown>): Promise<string> =>
    results(await player.play([call(name, args)], [approve]))[0] ?? "";
  const edit = async (path: string, old_text: string, new_text: string): Promise<string> => {
    await one("read_file", { path });
    return await one("apply_diff", { path, edits: [{ old_text, new_text }] });
  };
  /** What the model is told without anyone having been asked. */
  const refused = async (name: string, args: Record<string, unknown>): Promise<string> =>
    results(await player.play([call(name, args)]))[0] ?? "";
  const withFiles = async (
    settings: Record<string, unknown>,
    work: () => Promise<void>,
    scope?: vscode.ConfigurationScope,
  ): Promise<void> => {
    const { Workspace } = vscode.ConfigurationTarget;
    const inLanguage = scope !== undefined;
    const set = async (value: (key: string) => unknown): Promise<void> => {
      for (const key of Object.keys(settings)) {
        const files = vscode.workspace.getConfiguration("files", scope);
        await files.update(key, value(key), Workspace, inLanguage);
      }
    };
    await set((key) => settings[key]);
    try {
      await work();
    } finally {
      await set(() => undefined);
    }
  };

  it("are read and written in the encoding of their folder's settings", () =>
    withFiles({ encoding: "windows1251" }, async () => {
      put("w.txt", "a = 1\r\n// ", WIN.hi, "\r\n");
      assert.match(await one("read_file", { path: "w.txt" }), /^a = 1\n\/\/ Привет\n$/);
      has(
        "w.txt",
        await edit("w.txt", "Привет", "Привет\nмир"),
        "a = 1\r\n// ",
        WIN.hi,
        "\r\n",
        WIN.peace,
        "\r\n",
      );
      has("n.txt", await one("write_file", { path: "n.txt", content: "мир" }), WIN.peace);
    }));

  it("are not changed, and nobody is asked, where something cannot be written in their encoding", () =>
    withFiles({ encoding: "windows1251" }, async () => {
      put("w.txt", WIN.hi, "\n");
      await one("read_file", { path: "w.txt" });
      const edits = [{ old_text: "Привет", new_text: "Привет → 日本" }];
      const said = await refused("apply_diff", { path: "w.txt", edits });
      assert.match(said, /"→", "日", "本" cannot be written in windows1251.*Nothing was written/);
      has("w.txt", said, WIN.hi, "\n");
    }));

  it("that are not UTF-8 take ASCII only, where no setting says what they are", async () => {
    put("l.txt", "a = 1\n// caf", Uint8Array.of(0xe9), "\n");
    has(
      "l.txt",
      await edit("l.txt", "// caf", "// Caf"),
      "a = 1\n// Caf",
      Uint8Array.of(0xe9),
      "\n",
    );
    const said = await refused("apply_diff", {
      path: "l.txt",
      edits: [{ old_text: "1", new_text: "é" }],
    });
    assert.match(said, /not UTF-8.*"é" cannot be put into it/);
    has("l.txt", said, "a = 1\n// Caf", Uint8Array.of(0xe9), "\n");
  });

  it("keep the encoding in which they are open", async () => {
    put("o.txt", "a = 1\n", SJIS_NIHON, "\n");
    const uri = vscode.Uri.file(join(project, "o.txt"));
    const document = await vscode.workspace.openTextDocument(uri, { encoding: "shiftjis" });
    await vscode.window.showTextDocument(document);
    has(
      "o.txt",
      await edit("o.txt", "日本\n", "日本\n日本\n"),
      "a = 1\n",
      SJIS_NIHON,
      "\n",
      SJIS_NIHON,
      "\n",
    );
    await until("the editor has it", () =>
      Promise.resolve(document.getText().endsWith("日本\n日本\n")),
    );
    assert.equal(document.encoding, "shiftjis");
  });

  it("keep bytes that their encoding does not know", async () => {
    const stray = Uint8Array.of(0x81);
    put("s.txt", "a = 1\n", SJIS_NIHON, "\nx", stray, "\n", SJIS_NIHON);
    const uri = vscode.Uri.file(join(project, "s.txt"));
    await vscode.window.showTextDocument(
      await vscode.workspace.openTextDocument(uri, { encoding: "shiftjis" }),
    );
    has(
      "s.txt",
      await edit("s.txt", "日本\nx", "日本!\nX"),
      "a = 1\n",
      SJIS_NIHON,
      "!\nX",
      stray,
      "\n",
      SJIS_NIHON,
    );
  });

  it("are in the encoding that VS Code guesses or takes by the language", async () => {
    put("g.txt", "// ", WIN.hi, ", ", WIN.peace, "! ", WIN.hi, ", ", WIN.peace, "!\n");
    const guess = { autoGuessEncoding: true, candidateGuessEncodings: ["windows1251"] };
    await withFiles(guess, async () => {
      assert.match(await one("read_file", { path: "g.txt" }), /Привет, мир! Привет/);
    });
    put("g.bat", "rem ", WIN.hi, "\n");
    await withFiles(
      { encoding: "windows1251" },
      async () => assert.match(await one("read_file", { path: "g.bat" }), /rem Привет/),
      { languageId: "bat" },
    );
  });

  for (const [name, mark, isBig] of [
    ["UTF-16 LE with a mark", "fffe", false],
    ["UTF-16 BE with a mark", "feff", true],
    ["UTF-16 LE without one", "", false],
    ["UTF-16 BE without one", "", true],
  ] as const) {
    it(`are read and written in ${name}`, async () => {
      const wide = (text: string): Buffer => {
        const encoded = Buffer.from(text, "utf16le");
        return isBig ? encoded.swap16() : encoded;
      };
      const begin = Buffer.from(mark, "hex");
      put("u.txt", begin, wide("one line of text\r\ntwo lines of text\r\n"));
      assert.match(await one("read_file", { path: "u.txt" }), /^one line of text\ntwo/);
      const said = await edit("u.txt", "two", "二\n\u{1f40d}");
      has("u.txt", said, begin, wide("one line of text\r\n二\r\n\u{1f40d} lines of text\r\n"));
    });
  }

  it("get the mark and the line ends that they have, or that VS Code would give them", async () => {
    put("b.txt", "\ufeffa\r\nb");
    await one("read_file", { path: "b.txt" });
    has(
      "b.txt",
      await one("write_file", { path: "b.txt", content: "a\nB\nc" }),
      "\ufeffa\r\nB\r\nc",
    );
    await withFiles({ encoding: "utf8bom" }, async () =>
      has("bn.txt", await one("write_file", { path: "bn.txt", content: "é" }), "\ufeffé"),
    );
  });

  it("come back byte for byte", async () => {
    put("c.txt", "\r\na\n", WIN.hi, "\r");
    await edit("c.txt", "a", "b");
    await player.app.tools.checkpoints.restore(
      firstKept(await player.app.tools.checkpoints.list(player.session ?? "")),
    );
    has("c.txt", "", "\r\na\n", WIN.hi, "\r");
  });

  it("are shown as they will be, and a diff that nobody touches is approved as it is", () =>
    withFiles({ encoding: "windows1251" }, async () => {
      put("d.txt", WIN.hi, "\r\nb\n");
      await one("read_file", { path: "d.txt" });
      const turn = player.play([
        call("apply_diff", { path: "d.txt", edits: [{ old_text: "b", new_text: "мир\nc" }] }),
      ]);
      const { call_id } = await player.waiting("tool_decision");
      const diff = await until("a diff is shown", () => {
        const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
        return Promise.resolve(input instanceof vscode.TabInputTextDiff && input);
      });
      const text = async (uri: vscode.Uri): Promise<string> =>
        (await vscode.workspace.openTextDocument(uri)).getText().replaceAll("\r\n", "\n");
      assert.equal(await text(diff.original), "Привет\nb\n");
      assert.equal(await text(diff.modified), "Привет\nмир\nc\n");
      const message = { type: "tool_decision", call_id, decision: "approve" } as const;
      const sent = player.app.tools.withEdits(player.session ?? "", message);
      assert.deepEqual(sent, message);
      await player.decide(message);
      assert.deepEqual(results(await turn), ["Changed d.txt."]);
      has("d.txt", "", WIN.hi, "\r\n", WIN.peace, "\nc\n");
    }));

  it("are shown in the chat as they will be, also after a call before and a person's hand", async () => {
    put("e.txt", "\ufeffone\r\ntwo\r\nthree");
    await one("read_file", { path: "e.txt" });
    const diff = (old_text: string, new_text: string): PlannedCall =>
      call("apply_diff", { path: "e.txt", edits: [{ old_text, new_text }] });
    const turn = player.play([diff("one", "1"), { ...diff("three", "3\n"), together: true }]);
    const pending = async (): Promise<PendingCall[]> => {
      const session_id = player.session ?? "";
      return (await player.app.client.call("list_pending", { session_id })).pending;
    };
    const [first, second] = await until("both wait", async () => {
      const calls = player.session === undefined ? [] : await pending();
      return calls.length === 2 && calls;
    });
    const lines = async (of: PendingCall | undefined): Promise<string[] | undefined> => {
      const change = await player.app.tools.changeOf(player.session ?? "", of?.call_id ?? "");
      if (!change) return undefined;
      assert.deepEqual([change.encoding, change.line_ends], ["utf8bom", "crlf"]);
      return change.lines.map(({ sign, text, end }) => `${sign}${text}${end ?? ""}`);
    };
    const shows = async (of: PendingCall | undefined, expected: string[]): Promise<void> => {
      const isAsExpected = async () => String(await lines(of)) === String(expected);
      await until(`the chat shows ${String(expected)}`, isAsExpected);
    };
    await shows(first, ["-one", "+1", " two", " threenone"]);
    await shows(second, [" one", " two", "-threenone", "+3"]);
    await player.decide({ call_id: first?.call_id ?? "", decision: "approve" });
    await shows(second, [" 1", " two", "-threenone", "+3"]);
    const uri = await until("the diff of the second", () => {
      const tabs = vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs);
      const inputs = tabs.map(({ input }) => input instanceof vscode.TabInputTextDiff && input);
      return inputs.filter((input) => input !== false).at(-1)?.modified;
    });
    const document = await vscode.workspace.openTextDocument(uri);
    await until("it is renewed, too", () => document.getText().includes("1\r\ntwo"));
    const message = { type: "tool_decision", call_id: second?.call_id ?? "" } as const;
    const asSent = (): unknown =>
      player.app.tools.withEdits(player.session ?? "", { ...message, decision: "approve" });
    assert.deepEqual(asSent(), { ...message, decision: "approve" });
    const edit = new vscode.WorkspaceEdit();
    edit.insert(uri, new vscode.Position(0, 0), "0\n");
    await vscode.workspace.applyEdit(edit);
    await shows(second, ["+0", " 1", " two", "-threenone", "+3"]);
    await player.decide(asSent() as Answer);
    await turn;
    has("e.txt", "", "\ufeff0\r\n1\r\ntwo\r\n3\r\n");
  });

  it("are not changed, and nobody is asked, where the change does not fit", async () => {
    put("f.txt", "a\na\n");
    assert.match(
      await refused("apply_diff", { path: "f.txt", edits: [{ old_text: "a", new_text: "b" }] }),
      /not been read/,
    );
    await one("read_file", { path: "f.txt" });
    assert.match(
      await refused("apply_diff", { path: "f.txt", edits: [{ old_text: "a", new_text: "b" }] }),
      /more than once/,
    );
    const document = await vscode.workspace.openTextDocument(join(project, "f.txt"));
    const change = new vscode.WorkspaceEdit();
    change.insert(document.uri, new vscode.Position(0, 0), "unsaved ");
    await vscode.workspace.applyEdit(change);
    assert.match(await one("read_file", { path: "f.txt" }), /^unsaved a/);
    assert.match(await refused("write_file", { path: "f.txt", content: "b" }), /not saved/);
    await document.save();
    has("f.txt", "", "unsaved a\na\n");
  });

  for (const name of ["a b/c d.txt", "#1 100%25 ?.txt", 'it\'s "x" `y` $z.txt', "日本/é.txt"]) {
    it(`may be named ${name}`, async () => {
      has(name, await one("write_file", { path: name, content: "a\n" }), "a\n");
      has(name, await edit(name, "a", "b"), "b\n");
      assert.match(
        await one("list_files", { path: dirname(name) }),
        new RegExp(name.slice(-5).replace(/[?.$`]/g, ".")),
      );
    });
  }

  it("are found in the form of Unicode that their names have", async () => {
    const [composed, apart] = ["cr\u00e9me/\u00e9t\u00e9.txt", "cre\u0301me/e\u0301te\u0301.txt"];
    put(apart, "a\n");
    has(apart, await edit(composed, "a", "b"), "b\n");
    assert.throws(() => readFileSync(join(project, composed)));
    put("\u00f6.txt", "composed");
    put("o\u0308.txt", "apart");
    assert.equal(await one("read_file", { path: "o\u0308.txt" }), "apart");
    assert.equal(await one("read_file", { path: "\u00f6.txt" }), "composed");
  });

  it("are not written through links, which stay links", async () => {
    put("real.txt", "a\n");
    symlinkSync(join(project, "real.txt"), join(project, "link.txt"));
    assert.equal(await one("read_file", { path: "link.txt" }), "a\n");
    const said = await refused("write_file", { path: "link.txt", content: "b" });
    assert.match(said, /leads to real\.txt; name that/);
    has("real.txt", said, "a\n");
  });
});
