import assert from "node:assert/strict";
import { PLOT, toPath, toShares, xOf, yOf } from "../../../webview/metrics/chart.ts";
import { formatSeconds } from "../../../webview/metrics/format.ts";
import type { ChartPoint } from "../../../webview/metrics/messages.ts";

function point(from: number, to: number, p95: number | null): ChartPoint {
  return { from, to, p50: p95, p95, p99: p95, commits: 1, errors: 0, rollbacks: 0, slow: 0 };
}

describe("the latency chart", () => {
  it("has the newest at the right, the slowest at the top, and a decade as high as any other", () => {
    assert.equal(xOf(0), PLOT.right);
    assert.equal(xOf(900), PLOT.left);
    assert.equal(xOf(5_000), PLOT.left);
    assert.equal(yOf(0.0001), PLOT.bottom);
    assert.equal(yOf(0), PLOT.bottom);
    assert.equal(yOf(10), PLOT.top);
    assert.equal(yOf(100), PLOT.top);
    assert.ok(Math.abs(yOf(0.01) - yOf(0.1) - (yOf(0.1) - yOf(1))) < 0.2);
  });

  it("breaks its line where nothing was committed or nobody measured", () => {
    const [a, b, c, d] = [
      point(60, 45, 0.001),
      point(45, 30, 0.01),
      point(30, 15, null),
      point(15, 0, 0.001),
    ];
    assert.equal(toPath([a, b], "p95").match(/M/g)?.length, 1);
    assert.equal(toPath([a, b, c, d], "p95").match(/M/g)?.length, 2);
    assert.equal(toPath([a, d], "p95").match(/M/g)?.length, 2);
    assert.equal(toPath([c], "p95"), "");
    assert.equal(toPath([a], "p50"), `M${xOf(60)} ${yOf(0.001)}L${xOf(45)} ${yOf(0.001)}`);
  });

  it("divides the time into phases only when some was spent", () => {
    assert.equal(toShares({ wait: 0, body: 0, commit: 0 }), undefined);
    assert.deepEqual(toShares({ wait: 1, body: 1, commit: 2 }), { wait: 25, body: 25, commit: 50 });
  });

  it("writes times with the digits that matter", () => {
    const written = [0, 0.00002, 0.00009, 0.0001, 0.00099, 0.0123, 0.9994, 0.9996, 2.5].map(
      formatSeconds,
    );
    assert.deepEqual(written, [
      "0 ms",
      "0.02 ms",
      "0.09 ms",
      "0.1 ms",
      "1.0 ms",
      "12 ms",
      "999 ms",
      "1.0 s",
      "2.5 s",
    ]);
  });
});
