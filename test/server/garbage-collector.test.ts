import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { YOUNG_GENERATION } from "../../server/shared/young-generation.ts";

/** What a process of its own says whose collector is set up by `prelude`. */
function run(prelude: string): { stdout: string; stderr: string } {
  const home = import.meta.resolve("../../server/lifecycle/garbage-collector.ts");
  const program = `
    import { setUpCollector } from ${JSON.stringify(home)};
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
  return spawnSync(process.execPath, args, { encoding: "utf8" });
}

/** Of a place in the code whose first objects stay V8 says that it makes all of them old. */
const MADE_OLD = /undecided => tenure/;

describe("the garbage collector", () => {
  it("finds all new objects young, also of a place in the code whose first ones stay", () => {
    assert.doesNotMatch(run("setUpCollector();").stdout, MADE_OLD);
    assert.match(run("").stdout, MADE_OLD, "this engine needs not be told");
  });

  for (const cores of [2, 8])
    it(`is told nothing on ${cores} cores that this engine does not know`, () => {
      const { stdout, stderr } = run(`setUpCollector(${cores});`);
      assert.equal(stderr, "");
      assert.match(stdout, /1500/);
    });

  it("would say so", () => {
    const prelude =
      'import { setFlagsFromString } from "node:v8"; setFlagsFromString("--no-such");';
    assert.match(run(prelude).stderr, /unrecognized flag/);
  });
});
