import assert from "node:assert/strict";
import { RUN, TailPlaces } from "../../../server/db/commit/tail-places.ts";

/** Says when a place is given that is in use. */
function createRows() {
  const places = new TailPlaces();
  const held = new Set<number>();
  return {
    places,
    write(rows: number): number[] {
      const first = places.take(rows);
      const written = Array.from({ length: rows }, (_, row) => first + row);
      for (const position of written) {
        assert.ok(!held.has(position), `${position} is in use`);
        held.add(position);
        places.hold(position);
      }
      return written;
    },
    settle(positions: readonly number[]): void {
      for (const position of positions) held.delete(position);
      places.free(positions);
    },
  };
}

describe("places in the tail", () => {
  it("are used again, and never while a row there is not settled", () => {
    const rows = createRows();
    const written: number[][] = [];
    let highest = 0;
    for (let group = 0; group < 3_000; group++) {
      const next = rows.write(1 + ((group * 37) % 90));
      highest = Math.max(highest, ...next);
      written.push(next);
      // The newest two hundred groups are not settled, and neither is each hundredth of all.
      const due = written.length - 200;
      if (due >= 0 && due % 100 !== 0) rows.settle(written[due] ?? []);
    }
    const notSettled = 200 * 90 + 30 * 90;
    assert.ok(highest < 2 * notSettled, `${highest} places for at most ${notSettled} rows`);
  });

  it("are one behind the other, however many are asked for", () => {
    const rows = createRows();
    const first = rows.write(10);
    const many = rows.write(3 * RUN + 1);
    assert.equal(many.at(-1), (many[0] ?? 0) + 3 * RUN);
    rows.settle(many);
    rows.settle(first);
    assert.equal(rows.write(2 * RUN)[0], 0);
  });

  it("are given back a run at a time, at once where all is settled", () => {
    const rows = createRows();
    const written = [rows.write(RUN), rows.write(RUN), rows.write(10)];
    assert.equal(rows.places.unneeded(1_000), undefined);
    for (const one of written) rows.settle(one);
    const removed: number[] = [];
    while (!rows.places.isEmpty) {
      const from = rows.places.unneeded(1_000) ?? -1;
      rows.places.removedFrom(from);
      removed.push(from);
    }
    assert.deepEqual(removed, [RUN + 10, 10, 0]);
  });

  it("that a burst has needed are given back after some seconds, those in use are not", () => {
    const rows = createRows();
    rows.write(10);
    const burst = [rows.write(RUN), rows.write(RUN)];
    for (const one of burst) rows.settle(one);
    assert.equal(rows.places.unneeded(6_000), undefined);
    assert.equal(rows.places.unneeded(7_000), undefined);
    rows.places.unneeded(12_000);
    assert.equal(rows.places.unneeded(12_001), 2 * RUN);
    rows.places.removedFrom(2 * RUN);
    assert.equal(rows.places.unneeded(12_002), RUN);
    rows.places.removedFrom(RUN);
    assert.equal(rows.places.unneeded(12_003), undefined);
    assert.equal(rows.write(1)[0], RUN);
  });
});
