// Paths as models write them.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveNamed } from "../../../extension/tools/files/named-paths.ts";

describe("the tools of the editor", () => {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), "streamkeeper-names-")));
  after(() => rmSync(scratch, { recursive: true }));

  it("are told what is meant by a name that is written as no file is named, and make nothing of it", async () => {
    mkdirSync(join(scratch, "src"));
    for (const name of ["src/a.ts", "src/b\\c.ts", " led", "'it'"]) {
      writeFileSync(join(scratch, name), "");
    }
    const roots = { folders: [{ name: "app", path: scratch }], closed: [] };
    const at = (name: string, use?: "write") => resolveNamed(roots, name, use);
    for (const odd of [
      "src\\a.ts",
      `file://${join(scratch, "src/a.ts")}`,
      "`src/a.ts`",
      '"src/a.ts"',
      " src/a.ts\n",
      "src/a.ts\u200B",
      "src/a.ts:12:3",
      "src/a.ts#L3-L4",
      "app/src/a.ts",
    ]) {
      await assert.rejects(at(odd), /^Error: There is no .*src\/a\.ts; name that\.$/, odd);
      await assert.rejects(at(odd, "write"), /name that/, odd);
    }
    for (const odd of ["src\\new.ts", "`new.ts`", "new.ts\n", "file:///new.ts"]) {
      await assert.rejects(at(odd, "write"), /names no file; name it \S*new\.ts/, odd);
    }
    for (const odd of ["~/a", "$HOME/a", "C:\\a"])
      await assert.rejects(at(odd, "write"), /outside/);
    // What is there, and what only looks odd, is what it is.
    for (const name of [
      "src/b\\c.ts",
      " led",
      "'it'",
      "new one.ts",
      "a:b.ts",
      "it's 100%.ts",
      "👨‍👩.ts",
    ]) {
      assert.equal(await at(name, "write"), join(scratch, name));
    }
  });
});
