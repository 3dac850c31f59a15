// Folders, commits and changes as context, in a real extension host with the user's own git.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as vscode from "vscode";
import type { App } from "../../extension/app.ts";
import { findMentions, takeContext } from "../../extension/context/mentions.ts";
import type { ContextItem } from "../../server/protocol/requests.ts";
import type { Mention } from "../../webview/messages.ts";
import { extension } from "./support.ts";

describe("context of a project", function () {
  this.timeout(60_000);
  let app: App;
  let project: string;
  let outside: string;

  before(async () => {
    app = await (await extension().activate()).app();
    project = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? assert.fail("no folder");
    outside = mkdtempSync(join(tmpdir(), "streamkeeper-outside-"));
  });

  afterEach(() => {
    for (const name of ["src", ".git", ".gitignore", ".gitattributes"]) {
      rmSync(join(project, name), { recursive: true, force: true });
    }
  });

  after(() => rmSync(outside, { recursive: true }));

  const take = (...mentions: Mention[]): Promise<ContextItem[]> =>
    takeContext(app.tools.roots(), mentions);
  const takeOne = async (mention: Mention): Promise<ContextItem> =>
    (await take(mention))[0] ?? assert.fail(`nothing of ${JSON.stringify(mention)}`);
  const at = (name: string): string => join(project, name);
  const write = (name: string, text: string | Uint8Array): void => {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  };
  const folder = (name: string): Mention => ({
    kind: "folder",
    uri: vscode.Uri.file(at(name)).toString(),
  });
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=a@b.example", ...args], {
      cwd: project,
      encoding: "utf8",
    });
  /** A program that leaves a mark when somebody runs it. */
  const trap = (): { program: string; ran: () => boolean } => {
    const marker = join(outside, "ran");
    const program = join(outside, "program.sh");
    writeFileSync(program, `#!/bin/sh\ntouch ${marker}\n`);
    chmodSync(program, 0o755);
    return { program, ran: () => existsSync(marker) };
  };

  describe("a folder", () => {
    it("is found by its name", async () => {
      write("src/deep/er/a.ts", "");
      const names = async (typed: string) =>
        (await findMentions("folder", typed)).map(({ name }) => name);
      // The list of files is kept for some seconds.
      assert.deepEqual(await eventually(() => names("deep/er")), ["src/deep/er"]);
      assert.equal((await names("DEEP"))[0], "src/deep");
      assert.ok((await names("")).includes("src"));
    });

    it("brings its names and its files, with what is not saved; the upper ones first", async () => {
      write("src/deep/b.ts", "let b = 2;\n");
      write("src/z.ts", "let z = 0;\n");
      const document = await vscode.workspace.openTextDocument(at("src/z.ts"));
      const edit = new vscode.WorkspaceEdit();
      edit.insert(document.uri, new vscode.Position(0, 0), "// not saved\n");
      await vscode.workspace.applyEdit(edit);
      const item = await takeOne(folder("src"));
      await vscode.window.showTextDocument(document);
      await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
      assert.deepEqual(item, {
        type: "folder",
        label: "src/",
        uri: vscode.Uri.file(at("src")).toString(),
        content: [
          "The folder src: 2 files, 2 of them below as they are now.",
          "What git or the editor's settings leave out of searches is not here.",
          "",
          "deep/b.ts",
          "z.ts",
          "",
          "===== z.ts =====",
          "// not saved",
          "let z = 0;",
          "",
          "",
          "===== deep/b.ts =====",
          "let b = 2;",
          "",
        ].join("\n"),
      });
    });

    it("leaves out what git ignores, and names the rest with the reason why it is not read", async () => {
      // Beside it the editor may still save what the test before has left.
      write(".gitignore", "build/\n");
      write("src/own/build/out.js", "made\n");
      write("src/own/.ignore", "notes/\n");
      write("src/own/notes/n.md", "of the past\n");
      write("src/own/a.ts", "let a = 1;\n");
      write("src/own/.env", "KEY=very-secret\n");
      write("src/own/pic.png", Buffer.from([0x89, 0x50, 0, 0, 1, 2, 3]));
      write("src/own/package-lock.json", "{}\n");
      write("src/own/long.txt", "x".repeat(31_000));
      writeFileSync(join(outside, "far.txt"), "far-away");
      symlinkSync(join(outside, "far.txt"), at("src/own/far.txt"));
      symlinkSync(at("src/own/a.ts"), at("src/own/near.ts"));
      const { label, content } = await takeOne(folder("src/own"));
      assert.equal(label, "src/own/ (2 of 6 files)");
      const [head, names] = content.split("\n\n");
      assert.match(head ?? "", /6 files, 2 of them below .*, 4 only named, with the reason\.\n/);
      assert.equal(
        names,
        [
          ".env [may hold keys]",
          ".ignore",
          "a.ts",
          "long.txt [too large]",
          "near.ts [a link]",
          "package-lock.json [made by a program]",
          "pic.png [no text]",
        ].join("\n"),
      );
      assert.ok(content.includes("===== a.ts =====\nlet a = 1;\n"));
      assert.doesNotMatch(content, /very-secret|far-away|of the past|xxxx/);
    });

    it("takes no more than there is room for, and says which files that leaves out", async () => {
      for (let n = 10; n < 20; n += 1) write(`src/f${n}.txt`, "y".repeat(20_000));
      const { label, content } = await takeOne(folder("src"));
      assert.equal(label, "src/ (4 of 10 files)");
      assert.ok(content.length < 105_000);
      assert.match(content, /\nf13\.txt\nf14\.txt \[no room left\]\n/);
    });

    it("is also what a person drags or adds as a file, and never one of elsewhere", async () => {
      write("src/a.ts", "let a = 1;\n");
      const [item] = await take({ kind: "file", uri: vscode.Uri.file(at("src")).toString() });
      assert.deepEqual([item?.type, item?.label], ["folder", "src/"]);
      symlinkSync(outside, at("src/linked"));
      const none = [
        { kind: "folder", uri: vscode.Uri.file(outside).toString() },
        folder("src/linked"),
        folder("src/none"),
        folder(".git"),
        { kind: "folder", uri: vscode.Uri.file(app.dataDir).toString() },
        { kind: "folder" },
      ] satisfies Mention[];
      assert.deepEqual(await take(...none), []);
    });
  });

  describe("a commit", () => {
    const commit = (message: string): string => {
      git("add", "-A", "-f", "src");
      git("commit", "-qm", message);
      return git("rev-parse", "--short", "HEAD").trim();
    };

    it("is found among the newest, by its words, its hash, a branch and what git calls one", async () => {
      assert.deepEqual(await findMentions("commit", ""), [], "there is no repository");
      git("init", "-q", "-b", "main");
      assert.deepEqual(await findMentions("commit", ""), [], "there is no commit");
      write("src/a.ts", "one\n");
      const first = commit("Mend the первый parser");
      write("src/a.ts", "two\n");
      const second = commit("Second");
      const found = async (typed: string) =>
        (await findMentions("commit", typed)).map(({ name }) => name);
      assert.deepEqual(await found(""), [second, first]);
      assert.deepEqual(await found("ПЕРВЫЙ"), [first]);
      assert.deepEqual(await found(first), [first]);
      assert.deepEqual(await found("HEAD~1"), [first]);
      assert.equal((await found("main"))[0], second);
      assert.deepEqual(await found("nothing-like-it"), []);
      assert.deepEqual(await found("--output=pwned"), []);
      const [{ detail } = assert.fail()] = await findMentions("commit", first);
      assert.match(detail ?? "", /^Mend the первый parser · Ada, \d{4}-\d\d-\d\d$/);
    });

    it("brings message and diff, names what it does not show, and cuts what is long", async () => {
      git("init", "-q");
      write("src/a.ts", "one\n");
      write("src/old name.ts", `${"same\n".repeat(20)}last\n`);
      const root = commit("Begin");
      write("src/a.ts", "two\n");
      rmSync(at("src/old name.ts"));
      write("src/новое имя.ts", `${"same\n".repeat(20)}LAST\n`);
      write("src/.env", "KEY=very-secret\n");
      write("src/yarn.lock", "locked\n");
      write("src/pic.png", Buffer.from([0x89, 0x50, 0, 0, 1, 2, 3]));
      write("src/long.txt", "long line\n".repeat(20_000));
      const name = commit("Change much\n\nWith a body.");
      const { type, label, content } = await takeOne({ kind: "commit", name });
      assert.deepEqual([type, label], ["commit", `${name} Change much`]);
      assert.match(
        content,
        /^commit [\da-f]{40}\nAuthor: Ada\nDate: \d{4}-[^\n]+\n\nChange much\n\nWith a body\.\n\n/,
      );
      assert.doesNotMatch(content, /a@b\.example|very-secret|locked/);
      const names = content.split("\n\n").find((part) => part.startsWith("src/.env"));
      assert.equal(
        names,
        [
          "src/.env +1 -0 [not shown: may hold keys]",
          "src/a.ts +1 -1",
          "src/long.txt +20000 -0",
          "src/pic.png [not shown: no text]",
          "src/yarn.lock +1 -0 [not shown: made by a program]",
          "src/old name.ts → src/новое имя.ts +1 -1",
        ].join("\n"),
      );
      assert.match(content, /\ndiff --git a\/src\/a\.ts b\/src\/a\.ts\n[^]*\n-one\n\+two\n/);
      assert.match(content, /rename to src\/новое имя\.ts\n[^]*\n-last\n\+LAST$/);
      assert.match(content, /\n\[… \d+ characters are left out here …\]\n/);
      assert.ok(content.length < 105_000);
      const first = await takeOne({ kind: "commit", name: root });
      assert.match(first.content, /\n\+one/, "the first commit is told whole");
    });

    it("is of a merge what it brought, and of a folder in a repository only that folder", async () => {
      git("init", "-q", "-b", "main");
      write("src/a.ts", "one\n");
      commit("Begin");
      git("checkout", "-q", "-b", "side");
      write("src/side.ts", "from the side\n");
      commit("Side");
      git("checkout", "-q", "main");
      write("src/a.ts", "two\n");
      commit("Main");
      git("merge", "-q", "--no-ff", "-m", "Merge side", "side");
      const merged = await takeOne({ kind: "commit", name: git("rev-parse", "HEAD").trim() });
      assert.match(merged.content, /\n\nsrc\/side\.ts \+1 -0\n\n/);
      assert.match(merged.content, /\+from the side$/);

      write("src/inner/in.ts", "inside\n");
      write("src/outer.ts", "not inside\n");
      const name = commit("Both");
      const roots = { folders: [{ name: "inner", path: at("src/inner") }], closed: [] };
      const [part] = await takeContext(roots, [{ kind: "commit", name }]);
      const told = part?.content.split("\n\n") ?? [];
      assert.equal(told[2], "in.ts +1 -0\n[and 1 outside of the workspace's folder]");
      assert.doesNotMatch(part?.content ?? "", /not inside|outer/);
    });

    it("runs nothing that a repository names, and takes no word for an option", async () => {
      git("init", "-q");
      write("src/a.ts", "one\n");
      write("src/.gitattributes", "* diff=x\n");
      const name = commit("First");
      const { program, ran } = trap();
      for (const key of ["core.fsmonitor", "diff.external", "diff.x.textconv", "diff.x.command"]) {
        git("config", key, program);
      }
      for (const key of ["gpg.program", "core.pager", "pager.show", "pager.log"]) {
        git("config", key, program);
      }
      git("config", "log.showSignature", "true");
      git("config", "color.ui", "always");
      git("config", "diff.noprefix", "true");
      const signed = git("cat-file", "commit", "HEAD").replace(
        "\n\n",
        "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----\n\n",
      );
      const hash = execFileSync("git", ["hash-object", "-t", "commit", "-w", "--stdin"], {
        cwd: project,
        input: signed,
        encoding: "utf8",
      }).trim();
      git("update-ref", "HEAD", hash);
      assert.equal((await findMentions("commit", "")).length, 1);
      const { content } = await takeOne({ kind: "commit", name: hash });
      assert.match(content, /\ndiff --git a\/src\/a\.ts b\/src\/a\.ts\n/);
      assert.equal(ran(), false);
      for (const wrong of ["--output=x", "HEAD", "main", `${name} --`, "", "ffffffff"]) {
        assert.deepEqual(await take({ kind: "commit", name: wrong }), [], wrong);
      }
    });
  });

  it("is what has changed in git, and runs nothing that a repository names", async () => {
    assert.deepEqual(await take({ kind: "git" }), []);
    git("init", "-q");
    write("src/a.ts", "export const one = 1;\n");
    write("src/deep/names.ts", "export {};\n");
    git("add", "src/a.ts");
    git("commit", "-qm", "first");
    const { program, ran } = trap();
    for (const key of ["core.fsmonitor", "diff.external", "diff.x.textconv"]) {
      git("config", key, program);
    }
    write("src/.gitattributes", "* diff=x\n");
    const index = execFileSync("sha1sum", [at(".git/index")], { encoding: "utf8" });
    write("src/a.ts", "export const one = 11;\n");
    const { content } = await takeOne({ kind: "git" });
    assert.match(content, /^ M src\/a\.ts$/m);
    assert.match(content, /^\?\? src\/deep\/$/m);
    assert.match(content, /^\+export const one = 11;$/m);
    assert.equal(ran(), false);
    assert.equal(execFileSync("sha1sum", [at(".git/index")], { encoding: "utf8" }), index);
  });
});

/** Of what is read anew only after a while, the first that is not empty. */
async function eventually<T>(look: () => Promise<T[]>): Promise<T[]> {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await look();
    if (found.length > 0) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
  return [];
}
