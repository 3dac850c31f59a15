import assert from "node:assert/strict";
import { choicesFor, coveringRules } from "../../../server/domain/approvals/rules.ts";

describe("rules for files", () => {
  const isAllowed = (pattern: string, path: unknown, name = "write_file"): boolean => {
    const rule = { type: "path", pattern, tool_name: "apply_diff", arguments: "{}" } as const;
    const call = { tool: { name, kind: "write" as const }, args: { path }, reading: undefined };
    return coveringRules([{ ...rule, kind: "write" }], call) !== undefined;
  };

  it("allow what fits below the workspace, and nothing that leads out of it", () => {
    assert.equal(isAllowed("src/**", "src/a/b.ts"), true);
    assert.equal(isAllowed("src/**", "./src//a.ts"), true);
    assert.equal(isAllowed("**/*.ts", "a.ts"), true);
    assert.equal(isAllowed("src/*.ts", "src/a/b.ts"), false);
    for (const path of [
      "other/a.ts",
      "src/../other/a.ts",
      "src/..",
      "../src/a.ts",
      "/src/a.ts",
      "~/src/a.ts",
      "src\\..\\a.ts",
      "C:/src/a.ts",
      "src2/a.ts",
      "SRC/a.ts",
      "src/a\n.ts",
      "",
      ".",
      7,
      undefined,
    ]) {
      assert.equal(isAllowed("src/**", path), false, JSON.stringify(path));
    }
    for (const glob of ["!x", "/**", "../**", "src/../**", "~/**"]) {
      assert.equal(isAllowed(glob, "src/a.ts"), false, glob);
    }
    assert.equal(isAllowed("src/**", "src/a.ts", "create_directory"), true);
    assert.equal(isAllowed("src/**", "src/a.ts", "move_file"), false);
  });

  it("are offered for the file, its folder and its kind; signs in names are names", () => {
    const offered = (path: string): string[] =>
      choicesFor({
        tool: { name: "write_file", kind: "write" },
        args: { path },
        reading: undefined,
      }).map(({ pattern }) => pattern);
    assert.deepEqual(offered("a.ts"), ["a.ts", "**/*.ts"]);
    assert.deepEqual(offered("app/lib/a.ts"), ["app/lib/a.ts", "app/lib/**", "app/**", "**/*.ts"]);
    const [first = ""] = offered("app/[id]/(x)/{a}.ts");
    assert.equal(isAllowed(first, "app/[id]/(x)/{a}.ts"), true);
    assert.equal(isAllowed(first, "app/i/(x)/{a}.ts"), false);
    assert.deepEqual(offered("../a.ts"), []);
  });
});
