// Searches and lists of a workspace as it is: includes as models write them, folders that may
// not be read, much of all.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as vscode from "vscode";
import { listFiles } from "../../extension/tools/files/lists.ts";

import { call, type Player, results, startPlaying } from "./playing.ts";

describe("searches and lists", function () {
  this.timeout(60_000);
  let player: Player;
  let folder: string;
  /** All lies in here. */
  const HOME = "made-tree";
  const at = (name: string): string => join(folder, HOME, name);
  const put = (name: string, text = "needle42\n"): void => {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  };
  const ask = async (name: string, args: Record<string, unknown>): Promise<string> =>
    results(await player.play([call(name, args)]))[0] ?? "";
  const find = (include: unknown, more: Record<string, unknown> = {}): Promise<string> =>
    ask("search_in_code", { query: "needle42", include, ...more });
  const list = async (): Promise<string[]> =>
    (await ask("list_files", { path: HOME, recursive: true })).split("\n");

  before(async () => {
    player = await startPlaying();
    folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
    for (let index = 0; index < 1_500; index++) put(`node_modules/p${index % 50}/f${index}.js`);
    for (const name of ["src/a.ts", "src/deep/b.ts", "src/[id]/page.ts", "zoo/z.ts", "a,b.md"]) {
      put(name);
    }
    for (const name of [".github/ci.yml", "ignored/x.ts", "README.md"]) put(name);
    put("crlf.txt", "needle42\r\nfoo(\r\nneedle42\r\n");
    put(".gitignore", "node_modules/\nignored/\n");
    put(".env", "KEY=needle42\n");
  });
  beforeEach(() => {
    player.session = undefined;
  });
  after(async () => {
    rmSync(at(""), { recursive: true, force: true });
    await player.close();
  });

  for (const [include, names, not] of [
    [`./${HOME}/src/**`, ["src/a.ts", "src/[id]/page.ts"], ["zoo/z.ts"]],
    [`${HOME}/src`, ["src/a.ts", "src/deep/b.ts"], ["zoo/z.ts"]],
    [`${HOME}\\src\\deep\\`, ["src/deep/b.ts"], ["src/a.ts"]],
    [`${HOME}/src/[id]/*.ts`, ["src/[id]/page.ts"], ["src/a.ts"]],
    [`${HOME}/zoo/**, ${HOME}/src/a.ts`, ["zoo/z.ts", "src/a.ts"], ["src/deep/b.ts"]],
    [[`${HOME}/zoo/**`, `${HOME}/src/a.ts`], ["zoo/z.ts", "src/a.ts"], ["src/deep/b.ts"]],
    [`${HOME}/.github/**`, [".github/ci.yml"], ["src/a.ts"]],
    ["zoo/*.ts", ["zoo/z.ts"], ["src/a.ts"]],
    [`${HOME}/**, !**/src/**`, ["zoo/z.ts"], ["src/a.ts", "node_modules"]],
    [null, ["src/a.ts", ".github/ci.yml"], ["node_modules", "ignored/x.ts", ".env"]],
  ] as const) {
    it(`search in ${JSON.stringify(include)}`, async () => {
      const said = await find(include);
      for (const name of names) assert.ok(said.includes(`${HOME}/${name}:1:needle42`), said);
      for (const name of not) assert.ok(!said.includes(`${HOME}/${name}`), said);
    });
  }

  it("leave out what git ignores below a folder that an include names, and say so of what it names", async () => {
    put("app/built/out.ts");
    put("app/gen.[x].ts");
    put("app/a.ts");
    put("app/.gitignore", "built/\ngen.\\[x\\].ts\n");
    try {
      for (const include of ["app/**", "app", "app/**/*.ts", "**/*.ts"]) {
        const said = await find(`${HOME}/${include}`);
        assert.match(said, /made-tree\/app\/a\.ts:1:needle42/, include);
        assert.doesNotMatch(said, /built|gen/, include);
      }
      for (const include of ["app/built/**", "app/built", "app/gen.[x].ts"]) {
        assert.match(await find(`${HOME}/${include}`), /fits only files that git/, include);
      }
    } finally {
      rmSync(at("app"), { recursive: true });
    }
  });

  it("list all folders of a workspace that has several", async () => {
    put("one/src/a.ts");
    put("two/b.ts");
    const folders = ["one", "two"].map((name) => ({ name, path: at(name) }));
    const listed = async (
      path: string | undefined,
      recursive: boolean,
      more: typeof folders = [],
    ) => {
      const roots = { folders: [...folders, ...more], closed: [] };
      const said = await listFiles(roots, { path, recursive }, new AbortController().signal);
      return said.split("\n");
    };
    for (const path of [".", "./", "", undefined]) {
      assert.deepEqual(await listed(path, false), ["one/", "one/src/", "two/", "two/b.ts"]);
      assert.deepEqual(await listed(path, true), ["one/src/a.ts", "two/b.ts"]);
    }
    assert.deepEqual(await listed("two", false), ["b.ts"]);
    const gone = [{ name: "gone", path: at("gone") }];
    assert.match(
      (await listed(".", false, gone)).join(),
      /two\/b\.ts,gone\/,gone\/\[may not be read\]$/,
    );
    assert.match((await listed(".", true, gone)).join(), /two\/b\.ts,\[Could not be read: gone\]$/);
    for (const name of ["one", "two"]) rmSync(at(name), { recursive: true });
  });

  it("search in a folder by its whole path, and in none outside", async () => {
    assert.match(await find(`${at("src")}/**`), /made-tree\/src\/a\.ts:1:needle42/);
    assert.match(await find("../x/**"), /outside of the workspace/);
  });

  it("say that an include fits no file, or only such as are left out", async () => {
    assert.match(await find("nowhere/**"), /^\[Nothing was searched: .*it fits no file\.\]$/);
    assert.match(
      await find(`${HOME}/ignored/**`),
      /fits only files that git or the editor's settings/,
    );
    assert.match(
      await find(`${HOME}/node_modules`),
      /fits only files that git or the editor's settings/,
    );
    assert.equal(await find(`${HOME}/src/**`, { query: "not there" }), "[Nothing found.]");
    assert.match(await find(null, { query: "nee.*42" }), /taken as plain text/);
  });

  it("take patterns as they are meant, and say what is wrong with one", async () => {
    const crlf = (query: string, is_regex: boolean) =>
      find(`${HOME}/crlf.txt`, { query, is_regex });
    assert.match(
      await crlf("needle42$", true),
      /^made-tree\/crlf\.txt:1:needle42\nmade-tree\/crlf\.txt:3:needle42$/,
    );
    assert.match(await crlf("needle42\nfoo(", false), /:1:needle42\n.*:2:foo\($/);
    assert.match(await crlf("(?<=needle)42", true), /:1:needle42/);
    assert.match(await crlf("foo(", true), /unclosed group/);
  });

  it("find the rest where something may not be read, and name that", async function () {
    put("locked/x.txt");
    put("locked.txt");
    chmodSync(at("locked"), 0);
    chmodSync(at("locked.txt"), 0);
    try {
      try {
        readFileSync(at("locked.txt"));
        // Whoever may read everything cannot try it.
        this.skip();
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== "EACCES") throw thrown;
      }
      const said = await find(null);
      assert.match(said, /made-tree\/src\/a\.ts:1:needle42/);
      assert.match(said, /\[Could not be read: .*made-tree\/locked \(Permission denied\)/);
      assert.match(said, /made-tree\/locked\.txt \(Permission denied\)/);
      const files = await list();
      assert.ok(files.includes(`${HOME}/src/a.ts`));
      assert.match(
        files.at(-1) ?? "",
        /Could not be read: made-tree\/locked \(Permission denied\)/,
      );
    } finally {
      chmodSync(at("locked"), 0o700);
      rmSync(at("locked"), { recursive: true });
      rmSync(at("locked.txt"));
    }
  });

  it("list a project's own files, whatever is installed, and links that stay inside", async () => {
    symlinkSync("README.md", at("LINK.md"));
    symlinkSync("/etc", at("etc"));
    const files = await list();
    rmSync(at("LINK.md"));
    rmSync(at("etc"));
    const own = [
      ".github/ci.yml",
      "src/[id]/page.ts",
      "zoo/z.ts",
      "a,b.md",
      "LINK.md",
      ".gitignore",
    ];
    for (const name of own)
      assert.ok(files.includes(`${HOME}/${name}`), `${name} in ${files.join()}`);
    assert.ok(!files.some((name) => /node_modules|ignored\/|\/etc/.test(name)), files.join("\n"));
    // Ignored by a file above the folder that is listed.
    put("zoo/node_modules/q.js");
    assert.equal(
      await ask("list_files", { path: `${HOME}/zoo`, recursive: true }),
      `${HOME}/zoo/z.ts`,
    );
    const left = await ask("list_files", { path: `${HOME}/ignored`, recursive: true });
    assert.match(left, /^made-tree\/ignored\/x\.ts$|left out: by git/);
    assert.match(
      await ask("list_files", { path: `${HOME}/missing`, recursive: true }),
      /There is no folder/,
    );
    assert.match(await ask("list_files", { path: `${HOME}/README.md` }), /is a file/);
  });

  it("follow the editor's settings for searches", async () => {
    const settings = vscode.workspace.getConfiguration("search");
    const { Global } = vscode.ConfigurationTarget;
    await settings.update("exclude", { "**/zoo": true }, Global);
    try {
      assert.doesNotMatch(await find(`${HOME}/**`), /zoo/);
      assert.ok(!(await list()).includes(`${HOME}/zoo/z.ts`));
    } finally {
      await settings.update("exclude", undefined, Global);
    }
  });
});
