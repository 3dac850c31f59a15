import assert from "node:assert/strict";
import { leavesOut, pathsIn, placedIn } from "../../../extension/changes/place-code.ts";

const paths = (info: string, text = "x", hint = ""): string[] => pathsIn({ info, text, hint });

describe("a block of code", () => {
  it("says of which file it is, at its fence, in its first line, or before it", () => {
    for (const info of [
      "ts src/a.ts",
      "ts:src/a.ts",
      'ts title="src/a.ts"',
      "{.ts file=src/a.ts}",
      "src/a.ts",
      "ts filename=./src/a.ts",
    ]) {
      assert.deepEqual(paths(info), ["src/a.ts"], info);
    }
    for (const line of [
      "// src/a.ts",
      "# src/a.ts",
      "/* src/a.ts */",
      "<!-- src/a.ts -->",
      "// File: src/a.ts",
    ]) {
      assert.deepEqual(paths("ts", `${line}\nlet a;`), ["src/a.ts"], line);
    }
    assert.deepEqual(paths("ts", "let a;", "src\\a.ts"), ["src/a.ts"]);
    assert.deepEqual(paths("make Makefile"), ["Makefile"]);
    for (const none of ["ts", "c++", "js {1,3}", "text wrap=true"]) {
      assert.deepEqual(paths(none, "// Adds two numbers.\n", "npm test"), [], none);
    }
  });

  it("that leaves lines out is known, and code that only looks so is not", () => {
    for (const line of ["// ... existing code ...", "# …", "  {/* ... */}", "/* ... */", "…"]) {
      assert.ok(leavesOut(`a\n${line}\nb`), line);
    }
    for (const line of ["  ...args,", "    ...", "f(...x)", "// and so on...", '"..."']) {
      assert.ok(!leavesOut(`a\n${line}\nb`), line);
    }
  });

  const FILE = "import x\n\nfunction a() {\n  one\n}\n\nfunction b() {\n  two\n}\n";

  it("goes to the place of the lines that it begins and ends with", () => {
    assert.equal(
      placedIn(FILE, "\nfunction a() {\n  ONE\n  more\n}\n"),
      FILE.replace("  one\n", "  ONE\n  more\n"),
    );
    assert.equal(placedIn("a\nb\nc", "b\nx\nc\n"), "a\nb\nx\nc");
  });

  it("goes to the place of all where it is most of it, and nowhere else", () => {
    const all = FILE.replace("import x", "import y");
    assert.equal(placedIn(FILE, all), all);
    assert.equal(placedIn("", "a\n"), "a\n");
    assert.equal(placedIn("a\nb", "A\na\nb\n"), "A\na\nb");
    assert.equal(placedIn(FILE, "function c() {\n  three\n}\n"), undefined);
    // In two places.
    assert.equal(placedIn("x {\n}\nx {\n}\nlong\nfile\nhere\nis\nit", "x {\n y\n}\n"), undefined);
  });
});
