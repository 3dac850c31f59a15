import assert from "node:assert/strict";
import { toFigures } from "../../../extension/latency/latency.ts";
import { toReport, toScrapeConfig } from "../../../extension/latency/metrics-report.ts";
import { FromMetrics, ToMetrics } from "../../../webview/metrics/messages.ts";

const FIGURES = toFigures([]);
const INPUT: Parameters<typeof toReport>[0] = {
  companion: "stopped",
  message: "not running",
  failing: false,
  monotonicNow: 100_000,
  wallNow: 1_700_000_000_000,
  ready: undefined,
  slowSeconds: 0.1,
  figures: FIGURES,
  points: [],
  listed: undefined,
  slow: [],
  url: undefined,
  dataDir: "/home/me/data",
};

describe("what the metrics view is told", () => {
  it("is understood by its page, with a companion and without", () => {
    const withCompanion = {
      ...INPUT,
      companion: "ready",
      ready: { engine: "postgres", durability: "full" },
      points: [
        {
          ...FIGURES,
          from: 70_000,
          to: 85_000,
          p95: 0.002,
          phaseSeconds: { wait: 1, body: 2, commit: 3 },
        },
        { ...FIGURES, from: 85_000, to: 100_500, phaseSeconds: { wait: 1, body: 0, commit: 0 } },
      ],
      url: "http://127.0.0.1:1234",
    } as const;
    for (const input of [INPUT, withCompanion]) {
      ToMetrics.parse(structuredClone({ type: "report", report: toReport(input) }));
    }
    const report = toReport(withCompanion);
    assert.deepEqual(
      report.points.map(({ from, to, p95, p50 }) => ({ from, to, p95, p50 })),
      [
        { from: 30, to: 15, p95: 0.002, p50: null },
        { from: 15, to: 0, p95: null, p50: null },
      ],
    );
    assert.deepEqual(report.phases, { wait: 2, body: 2, commit: 3 });
    assert.equal(report.metrics_url, "http://127.0.0.1:1234/metrics");
    assert.equal(toReport(INPUT).metrics_url, null);
  });

  it("takes the slow threshold from the companion, which counts by it, as soon as it is known", () => {
    assert.equal(toReport(INPUT).slow_threshold_seconds, 0.1);
    const listed = {
      engine: "sqlite",
      durability: "full",
      slow_threshold_seconds: 0.25,
      transactions: [],
    } as const;
    assert.equal(
      toReport({ ...INPUT, listed: { ...listed, transactions: [] } }).slow_threshold_seconds,
      0.25,
    );
  });

  it("has no token, only where it is, also under a path with spaces and quotes", () => {
    const config = toScrapeConfig('/home/me/a "b" c');
    assert.match(config, /credentials_file: "\/home\/me\/a \\"b\\" c\/metrics_token"/);
  });
});

describe("what the page of the metrics view may ask for", () => {
  it("is a closed list", () => {
    for (const message of [
      { type: "ready" },
      { type: "open_session", session_id: "abc" },
      { type: "command", command: "copy_metrics_url" },
    ]) {
      assert.ok(FromMetrics.safeParse(message).success, JSON.stringify(message));
    }
    for (const message of [
      null,
      { type: "open_session", session_id: "../x" },
      { type: "command", command: "workbench.action.terminal.new" },
      { type: "command", command: "copy", text: "x" },
      { type: "ready", more: 1 },
      { type: "__proto__" },
    ]) {
      assert.ok(!FromMetrics.safeParse(message).success, JSON.stringify(message));
    }
  });
});
