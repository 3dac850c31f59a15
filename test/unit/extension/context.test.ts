import assert from "node:assert/strict";
import { rank } from "../../../extension/context/rank.ts";

const PATHS = ["src/deep/names.ts", "src/names.ts", "names/readme.md", "src/rename.ts", "b.txt"];

describe("the rank of a path", () => {
  const best = (typed: string) =>
    PATHS.filter((path) => rank(path, typed) < Infinity).toSorted(
      (a, b) => rank(a, typed) - rank(b, typed),
    );

  it("prefers the beginning of a name, then its middle, then folders, then characters in their order", () => {
    assert.deepEqual(best("name"), [
      "src/names.ts",
      "src/deep/names.ts",
      "src/rename.ts",
      "names/readme.md",
    ]);
    assert.deepEqual(best("srnts"), ["src/names.ts", "src/rename.ts", "src/deep/names.ts"]);
  });

  it("leaves out what does not fit, and nothing when nothing was typed", () => {
    assert.deepEqual(best("zzz"), []);
    assert.deepEqual(new Set(best("")), new Set(PATHS));
  });
});
