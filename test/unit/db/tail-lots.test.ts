import assert from "node:assert/strict";
import { Tail } from "../../../server/db/commit/tail.ts";

const NOTHING = {
  settle: () => {},
  settleAll: () => ({ rows: 0, holes: [] }),
  removeFrom: () => {},
  lastSeqOf: () => undefined,
};

describe("what of the tail is settled with a group", () => {
  it("is no more than a lot, however much has waited, in the order of the sessions", () => {
    const tail = new Tail(NOTHING, () => Promise.resolve());
    let largest = 0;
    const settled: string[] = [];
    for (let group = 0; group < 400; group++) {
      const orders = tail.due(40, group * 5);
      largest = Math.max(
        largest,
        orders.settle.reduce((sum, { positions }) => sum + positions.length, 0),
      );
      settled.push(...orders.settle.map(({ sessionId }) => sessionId));
      tail.carriedOut(orders);
      const first = tail.take(40);
      for (let row = 0; row < 40; row++) {
        const sessionId = String(1_000 + ((group * 40 + row) % 400));
        const after = tail.newestSeq(sessionId, 0);
        tail.add(sessionId, first + row, 1, after + 1, group * 5);
      }
    }
    assert.ok(largest >= 200, `${largest} rows at most`);
    assert.ok(largest <= 300, `${largest} rows`);
    const inOrder = settled.filter((id, index) => index === 0 || id > (settled[index - 1] ?? ""));
    assert.ok(inOrder.length > settled.length * 0.9, "neighbours are settled together");
  });
});
