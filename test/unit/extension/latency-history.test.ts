import assert from "node:assert/strict";
import fc from "fast-check";
import { parseReading, type Reading } from "../../../extension/latency/latency.ts";
import {
  addReading,
  EMPTY_HISTORY,
  HISTORY_MS,
  type History,
  pointsOf,
  SLOT_MS,
} from "../../../extension/latency/latency-history.ts";
import { createMetrics } from "../../../server/observe/metrics.ts";

const POLL_MS = 2_000;

/** A reading with so many commits of 1 ms so far. */
function reading(at: number, commits: number, startedAt = 1): Reading {
  const edges = [0.0005, 0.001, Number.POSITIVE_INFINITY];
  const buckets = new Map(edges.map((edge) => [edge, edge < 0.001 ? 0 : commits]));
  return {
    at,
    startedAt,
    duration: buckets,
    phases: { wait: buckets, body: buckets, commit: buckets },
    phaseSeconds: { wait: 0, body: 0, commit: commits * 0.001 },
    commits,
    errors: 0,
    rollbacks: 0,
    slow: 0,
    streams: 0,
    turns: 0,
    storage: undefined,
    waiting: 0,
    waitingForSecond: 0,
  };
}

function addAll(readings: readonly Reading[]): History {
  return readings.reduce(addReading, EMPTY_HISTORY);
}

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);

describe("fifteen minutes of commit latency", () => {
  it("have a point for each quarter of a minute, and one for the part of it that has passed", () => {
    const readings = Array.from({ length: 20 }, (_, i) => reading(i * POLL_MS, i));
    const points = pointsOf(addAll(readings), 19 * POLL_MS);
    assert.deepEqual(
      points.map(({ from, to, commits }) => [from, to, commits]),
      [
        [0, 16_000, 8],
        [16_000, 32_000, 8],
        [32_000, 38_000, 3],
      ],
    );
    for (const { p50, p99 } of points) {
      assert.ok(p50 !== undefined && p50 > 0.0005 && p50 < 0.001);
      assert.ok(p99 !== undefined && p99 <= 0.001);
    }
  });

  it("count every commit once, whatever the pauses and restarts between two readings", () => {
    const step = fc.record({
      ms: fc.integer({ min: 1, max: 60_000 }),
      commits: fc.nat(50),
      restart: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let at = 0;
        let commits = 100;
        let startedAt = 1;
        let expected = 0;
        const readings = [reading(0, commits)];
        for (const { ms, commits: more, restart } of steps) {
          at += ms;
          if (restart) {
            startedAt += 1;
            commits = 0;
          }
          commits += more;
          expected += more;
          readings.push(reading(at, commits, startedAt));
        }
        const points = pointsOf(addAll(readings), at);
        assert.equal(sum(points.map((point) => point.commits)), expected);
        const spent = sum(points.map(({ phaseSeconds }) => phaseSeconds.commit));
        assert.ok(Math.abs(spent - expected * 0.001) < 1e-9);
        for (const [index, point] of points.entries()) {
          assert.ok(point.from < point.to);
          if (index > 0) assert.equal(point.from, points[index - 1]?.to);
        }
      }),
    );
  });

  it("stay bounded when nobody looks for a day, and forget what is older", () => {
    let history = EMPTY_HISTORY;
    const day = 24 * 60 * 60_000;
    for (let at = 0; at <= day; at += POLL_MS) history = addReading(history, reading(at, at));
    const points = pointsOf(history, day);
    const most = Math.ceil(HISTORY_MS / SLOT_MS) + 1;
    assert.ok(points.length <= most && history.points.length <= most, String(points.length));
    assert.ok(history.open.length <= SLOT_MS / POLL_MS + 1);
    assert.ok(points.every(({ to }) => to > day - HISTORY_MS));
    assert.deepEqual(pointsOf(history, day + HISTORY_MS + 1), []);
  });

  it("know where the time of what the companion really writes went", async () => {
    const metrics = createMetrics("test");
    const read = async (at: number) => parseReading(await metrics.registry.metrics(), at);
    const before = await read(0);
    for (const [phase, seconds] of [
      ["wait", 0.1],
      ["body", 0.02],
      ["commit", 0.3],
    ] as const) {
      metrics.transactionPhase.append_chunks[phase].observe(seconds);
      metrics.transactionPhase.tool_call[phase].observe(seconds);
    }
    const [point] = pointsOf(addAll([before, await read(POLL_MS)]), POLL_MS);
    assert.deepEqual(point?.phaseSeconds, { wait: 0.2, body: 0.04, commit: 0.6 });
  });
});
