import assert from "node:assert/strict";
import fc from "fast-check";
import { cleanText, createTextCleaner } from "../../../server/providers/clean-text.ts";

function throughCleaner(deltas: string[]): string {
  const cleaner = createTextCleaner();
  return deltas.map((delta) => cleaner.add(delta)).join("") + cleaner.rest();
}

describe("the text cleaner", () => {
  it("gives the same text however it is cut into deltas, and every delta is well formed", () => {
    const units = fc.array(fc.constantFrom("a", "é", "\0", "\ud83c", "\udf89", "🎉", "\n"), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(units, (deltas) => {
        const whole = cleanText(deltas.join(""));
        assert.equal(throughCleaner(deltas), whole);
        const cleaner = createTextCleaner();
        for (const delta of deltas) assert.ok(cleaner.add(delta).isWellFormed());
      }),
    );
  });

  it("has no NUL and no half characters left", () => {
    assert.equal(throughCleaner(["a\0b", "c\ud800"]), "a\ufffdbc\ufffd");
  });
});
