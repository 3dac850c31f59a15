import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { YOUNG_GENERATION } from "../../server/shared/young-generation.ts";

/** Whether V8 makes all objects of a place old whose first ones stay, as V8 tells it. */
function makesAllOld(prelude: string): boolean {
  const home = import.meta.resolve("../../server/lifecycle/begin-young.ts");
  const program = `
    import { beginYoung } from ${JSON.stringify(home)};
    ${prelude}
    const make = (at) => ({ at, parts: [at, at + 1, at + 2], more: { at } });
    const stay = [];
    for (let round = 0; round < 5; round++) {
      for (let at = 0; at < 300; at++) stay.push(make(at));
      gc({ type: "minor" });
    }
    console.log(stay.length);`;
  const flags = ["--expose-gc", "--trace-pretenuring-statistics", "--input-type=module"];
  const args = [...YOUNG_GENERATION, ...flags, "--eval", program];
  return execFileSync(process.execPath, args, { encoding: "utf8" }).includes("undecided => tenure");
}

describe("the young generation", () => {
  it("has all new objects, also of a place in the code whose first ones stay", () => {
    assert.equal(makesAllOld("beginYoung();"), false);
    assert.equal(makesAllOld(""), true, "this engine needs not be told");
  });
});
