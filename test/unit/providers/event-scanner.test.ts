import assert from "node:assert/strict";
import fc from "fast-check";
import { createEventScanner } from "../../../server/providers/event-scanner.ts";

/** What the scanner says at the end of these bytes, cut at random places. */
function scanAll(text: string, cuts: number[], limit = 100): string {
  const bytes = Buffer.from(text);
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
  const scanner = createEventScanner(limit);
  let from = 0;
  let said = "more";
  for (const to of [...at, bytes.length]) {
    const now = scanner.scan(bytes.subarray(from, to));
    if (now === "too_long") return now;
    if (now === "done") said = now;
    from = to;
  }
  return said;
}

describe("the event scanner", () => {
  const cuts = fc.array(fc.nat(), { maxLength: 20 });

  it("sees the end mark wherever the bytes are cut, and only as a line of its own", () => {
    fc.assert(
      fc.property(cuts, fc.constantFrom("\n", "\r\n"), (at, eol) => {
        const event = `data: {"a":1}${eol}${eol}`;
        assert.equal(scanAll(`${event}data: [DONE]${eol}${eol}`, at), "done");
        assert.equal(scanAll(`${event}data:[DONE]${eol}`, at), "done");
        assert.equal(scanAll(`${event}data: {"x":"data: [DONE]"}${eol}${eol}`, at), "more");
        assert.equal(scanAll(`${event}: data: [DONE]${eol}`, at), "more");
        assert.equal(scanAll(`data: [DONE] not yet${eol}`, at), "more");
      }),
    );
  });

  it("allows any number of events up to the limit, and no event over it", () => {
    fc.assert(
      fc.property(cuts, fc.constantFrom("\n", "\r\n"), (at, eol) => {
        const fits = `data: ${"x".repeat(90)}${eol}${eol}`;
        assert.equal(scanAll(fits.repeat(5), at), "more");
        assert.equal(scanAll(`${fits}${"x".repeat(101)}`, at), "too_long");
        assert.equal(scanAll(`data: ${"x".repeat(45)}${eol}`.repeat(3), at), "too_long");
      }),
    );
  });
});
