// Which files a command changed, found by looking before and after it, in real folders.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { watchFiles } from "../../extension/tools/terminal/command-changes.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { approve, call, type Player, startPlaying } from "./playing.ts";

describe("files that a command changed", function () {
  this.timeout(60_000);
  let folder: string;

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "streamkeeper-changed-")));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const remove = (name: string) => rmSync(join(folder, name));
  const git = (...args: string[]) => {
    const person = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
    execFileSync("git", ["-C", folder, ...person, ...args], { stdio: "ignore" });
  };
  const roots = (name = "") => ({
    folders: [{ name: "project", path: join(folder, name) }],
    closed: [join(folder, "closed")],
  });
  const during = async (work: () => void, below = "") => {
    const changesSince = await watchFiles(roots(below));
    work();
    return await changesSince();
  };

  for (const isRepository of [false, true]) {
    it(`are new, changed or gone ${isRepository ? "in a repository" : "where there is no git"}`, async () => {
      mkdirSync(join(folder, "src"));
      mkdirSync(join(folder, "closed"));
      for (const name of ["same", "src/changed", "gone"]) write(name, "before");
      write(".gitignore", "left-out\n");
      if (isRepository) {
        git("init", "-q");
        git("add", ".");
        git("commit", "-qm", "first");
      }
      write("unsaved", "a person's own");
      assert.equal(await during(() => undefined), undefined);
      const changes = await during(() => {
        write("src/changed", "after!");
        write("src/made", "new");
        write("unsaved", "a person's own, changed");
        write("left-out", "x");
        write("closed/secret", "x");
        remove("gone");
      });
      assert.deepEqual(changes, {
        files: [
          { path: "gone", is: "deleted" },
          { path: "src/changed", is: "changed" },
          { path: "src/made", is: "new" },
          { path: "unsaved", is: "changed" },
        ],
        more: 0,
      });
    });
  }

  it("are what commits bring and take, and not what is only committed", async () => {
    git("init", "-q");
    write("a", "1");
    mkdirSync(join(folder, "below"));
    write("below/b", "1");
    git("add", ".");
    git("commit", "-qm", "first");
    git("checkout", "-q", "-b", "other");
    write("a", "other");
    write("only-there", "x");
    git("add", ".");
    git("commit", "-qm", "other");
    git("checkout", "-q", "-");
    write("below/b", "2");
    assert.equal(await during(() => git("commit", "-qam", "kept as it is")), undefined);
    const switched = await during(() => git("checkout", "-q", "other"));
    assert.deepEqual(switched?.files, [
      { path: "a", is: "changed" },
      { path: "below/b", is: "changed" },
      { path: "only-there", is: "new" },
    ]);
    // Of a folder in it alone, by its own names.
    const below = await during(() => git("checkout", "-q", "-"), "below");
    assert.deepEqual(below?.files, [{ path: "b", is: "changed" }]);
    write("a", "a person's");
    const stashed = await during(() => git("stash", "-q"));
    assert.deepEqual(stashed?.files, [{ path: "a", is: "changed" }]);
  });

  it("are counted where they are many, and not known where there are too many to look at", async () => {
    const many = await during(() => {
      for (let n = 0; n < 130; n += 1) write(`made-${n}`, "x");
    });
    assert.deepEqual([many?.files.length, many?.more], [100, 30]);
    for (let n = 0; n < 5_001; n += 1) write(`there-${n}`, "x");
    assert.deepEqual(await during(() => remove("made-1")), { files: [], more: null });
  });

  it("are told with the result of its call", async () => {
    const home = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
    const player: Player = await startPlaying();
    try {
      const chunks = await player.play(
        [call("execute_command", { command: "echo made > by-a-command" })],
        [approve],
      );
      const result = chunks.find(({ type }) => type === "tool_result");
      assert.deepEqual(metadataOf(result).changed_by_command, {
        files: [{ path: "by-a-command", is: "new" }],
        more: 0,
      });
    } finally {
      rmSync(join(home, "by-a-command"), { force: true });
      await player.close();
    }
  });
});
