// The ways in which models write which files are to be searched, and lists that are too long.
import assert from "node:assert/strict";
import { treeLines } from "../../../extension/tools/files/file-tree.ts";
import { atAnyDepth, globsOf } from "../../../extension/tools/files/include-globs.ts";
import { ToolError } from "../../../extension/tools/paths.ts";

describe("an include", () => {
  const app = { name: "app", path: "/home/me/app" };
  const lib = { name: "lib", path: "/home/me/lib" };
  const isFolder = (path: string) => /\/(?:src|src\/\[id\]|dist)\/?$/.test(path);
  const one = (include: string) => globsOf(include, [app], isFolder)?.get(app);

  for (const [include, globs] of [
    ["", undefined],
    [" , ", undefined],
    ["**", []],
    ["**/*", []],
    ["./", []],
    ["src/**/*.ts", ["/src/**/*.ts", "/src/**/*.ts/**"]],
    ["./src/**", ["/src/**"]],
    ["src", ["/src/**"]],
    ["src/", ["/src/**"]],
    ["/src/", ["/src/**"]],
    ["src//x/../a.ts", ["/src/a.ts", "/src/a.ts/**"]],
    ["README.md", ["/README.md", "/README.md/**"]],
    ["*.ts", ["*.ts", "*.ts/**"]],
    ["*.{ts,md}", ["*.{ts,md}", "*.{ts,md}/**"]],
    ["{src,lib}/**", ["/{src,lib}/**"]],
    ["**/*.ts, lib/**", ["/**/*.ts", "/**/*.ts/**", "/lib/**"]],
    ['["src/**", "lib/**"]', ["/src/**", "/lib/**"]],
    ['"src/**"', ["/src/**"]],
    ["*.ts;*.js", ["*.ts", "*.ts/**", "*.js", "*.js/**"]],
    ["lib/*.ts\nsrc/**", ["/lib/*.ts", "/lib/*.ts/**", "/src/**"]],
    ["*.ts *.md", ["*.ts", "*.ts/**", "*.md", "*.md/**"]],
    ["*.ts | *.md", ["*.ts", "*.ts/**", "*.md", "*.md/**"]],
    ["my notes *.md", ["my notes *.md", "my notes *.md/**"]],
    ["app/src", ["/src/**"]],
    ["src\\deep\\*.ts", ["/src/deep/*.ts", "/src/deep/*.ts/**"]],
    [
      "src/[id]/page.ts",
      [
        "/src/[id]/page.ts",
        "/src/[id]/page.ts/**",
        "/src/[[]id]/page.ts",
        "/src/[[]id]/page.ts/**",
      ],
    ],
    ["[id]/**", ["/[id]/**", "/[[]id]/**"]],
    ["src\\[id]\\**", ["/src/[id]/**", "/src/[[]id]/**"]],
    ["src/\\[id\\]/**", ["/src/[[]id]/**"]],
    ["src/[id]", ["/src/[id]/**", "/src/[[]id]/**"]],
    ["a{b.ts", ["a[{]b.ts", "a[{]b.ts/**"]],
    ["a[b.ts", ["/a[[]b.ts", "/a[[]b.ts/**"]],
    [".github/**", ["/.github/**"]],
    ["/home/me/app/src/**", ["/src/**"]],
    ["/home/me/app", []],
    ["!**/*.test.ts", ["!/**/*.test.ts", "!/**/*.test.ts/**"]],
    ["src/**, !src/gen/**", ["/src/**", "!/src/gen/**"]],
  ] as const) {
    it(`may be ${JSON.stringify(include)}`, () => assert.deepEqual(one(include), globs));
  }

  it("names a folder of the workspace by its name or its path, and nothing outside of it", () => {
    const two = (include: string) => globsOf(include, [app, lib], isFolder);
    assert.deepEqual([...(two("lib/src/**") ?? [])], [[lib, ["/src/**"]]]);
    assert.deepEqual([...(two("lib") ?? [])], [[lib, []]]);
    assert.deepEqual([...(two("/home/me/lib/*.ts") ?? [])], [[lib, ["/*.ts", "/*.ts/**"]]]);
    assert.deepEqual(two("src/**")?.size, 2);
    assert.deepEqual(
      [...(two("!lib/src/**") ?? [])],
      [
        [app, []],
        [lib, ["!/src/**"]],
      ],
    );
    for (const include of ["../lib/**", "C:\\other\\**", "src/../../x"]) {
      assert.throws(() => one(include), ToolError, include);
    }
  });

  it("is tried at any depth, too", () => {
    const deep = atAnyDepth(new Map([[app, ["/src/**", "!/gen/**", "*.ts", "/**/a"]]]));
    assert.deepEqual(deep.get(app), ["**/src/**", "!**/gen/**", "**/*.ts", "**/a"]);
  });
});

describe("a long list", () => {
  it("is whole where it fits", () => {
    assert.deepEqual(treeLines(["b", "a/c"], 2), { lines: ["a/c", "b"], isCut: false });
  });

  it("opens the upper folders first, and hides no part of a project", () => {
    const many = Array.from({ length: 1_500 }, (_, index) => `aaa/p${index % 50}/f${index}.js`);
    const paths = [...many, "src/main.ts", "src/deep/x.ts", "zoo/z.ts", "README.md"];
    const { lines, isCut } = treeLines(paths, 100);
    assert.equal(isCut, true);
    assert.ok(lines.length <= 100);
    for (const path of ["README.md", "src/main.ts", "src/deep/x.ts", "zoo/z.ts"]) {
      assert.ok(lines.includes(path), path);
    }
    assert.ok(lines.includes("aaa/p7/ (30 files)"), lines.join("\n"));
    const files = lines.map((line) => Number(/ \((\d+) files?\)$/.exec(line)?.[1] ?? 1));
    assert.equal(
      files.reduce((sum, count) => sum + count),
      paths.length,
    );
  });

  it("names what stands in one folder as far as it fits", () => {
    const flat = Array.from({ length: 30 }, (_, index) => `f${index}`);
    assert.equal(treeLines(flat, 10).lines.length, 10);
    assert.deepEqual(
      treeLines(
        flat.map((name) => `a/${name}`),
        10,
      ).lines,
      ["a/ (30 files)"],
    );
  });
});
