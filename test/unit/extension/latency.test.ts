import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Buckets,
  formatSeconds,
  keepLastMinute,
  parseReading,
  quantile,
  type Reading,
  toFigures,
} from "../../../extension/latency/latency.ts";
import { createStorageHealth } from "../../../server/db/engine/storage-health.ts";
import { createMetrics, DURATION_BUCKETS } from "../../../server/observe/metrics.ts";

/** Readings of a real registry, so that the parser meets what the companion really writes. */
function realMetrics() {
  const metrics = createMetrics("0.0.0");
  const observe = (seconds: number, status: "success" | "error" | "rollback" = "success") => {
    const operation = "append_chunks";
    metrics.transactionDuration[operation].observe(seconds);
    metrics.transactionPhase[operation].commit.observe(seconds);
    metrics.transactionCommits.inc({ operation, status });
  };
  const read = async (at: number) => parseReading(await metrics.registry.metrics(), at);
  return { metrics, observe, read };
}

const finite = fc.double({ min: 0.00001, max: 2.4, noNaN: true });

describe("commit latency from /metrics", () => {
  it("is unknown while nothing was committed between two readings", async () => {
    const { observe, read } = realMetrics();
    observe(0.2);
    const readings = [await read(0), await read(2_000)];
    assert.equal(toFigures(readings).p95, undefined);
    assert.equal(toFigures(readings).commits, 0);
    assert.equal(toFigures([]).p95, undefined);
  });

  it("counts only what happened between the readings, over all operations", async () => {
    const { metrics, observe, read } = realMetrics();
    observe(2);
    const before = await read(0);
    for (let i = 0; i < 99; i++) observe(0.0008);
    metrics.transactionDuration.create_session.observe(0.0007);
    metrics.transactionCommits.inc({ operation: "create_session", status: "success" });
    observe(0.2, "error");
    metrics.transactionSlow.inc({ operation: "append_chunks" });
    const figures = toFigures([before, await read(1_000)]);
    assert.equal(figures.commits, 100);
    assert.equal(figures.errors, 1);
    assert.equal(figures.slow, 1);
    assert.ok(figures.p50 && figures.p50 > 0.0005 && figures.p50 < 0.001, String(figures.p50));
    assert.ok(figures.p99 && figures.p99 < 0.001, String(figures.p99));
    assert.ok(figures.phases.commit && figures.phases.wait === undefined);
  });

  it("loses nothing and goes never below zero when the companion restarts in between", async () => {
    const [first, second] = [realMetrics(), realMetrics()];
    for (let i = 0; i < 10; i++) first.observe(0.001);
    const a = await first.read(0);
    for (let i = 0; i < 5; i++) first.observe(0.001);
    const b = await first.read(2_000);
    for (let i = 0; i < 3; i++) second.observe(0.002);
    const c = { ...(await second.read(4_000)), startedAt: b.startedAt + 1 };
    assert.equal(toFigures([a, b, c]).commits, 8);
    // Also when the new process hides its start time: its counters are smaller.
    assert.equal(toFigures([a, b, { ...c, startedAt: b.startedAt }]).commits, 8);
  });

  it("comes with what storing runs into, until it works again", async () => {
    const { metrics, read } = realMetrics();
    const health = createStorageHealth();
    health.listen(metrics.showStorage);
    assert.equal((await read(0)).storage, undefined);
    health.failed("storage_busy");
    health.failed("session_busy");
    assert.equal((await read(0)).storage, "storage_busy");
    health.failed("storage_full");
    assert.equal((await read(0)).storage, "storage_full");
    health.worked();
    assert.equal((await read(0)).storage, undefined);
  });

  it("comes with what answers wait for, and for how long", async () => {
    const { metrics, read } = realMetrics();
    metrics.databaseWaiting.set(7);
    assert.partialDeepStrictEqual(await read(0), { waiting: 7, waitingForSecond: 0 });
    metrics.secondMachineWaiting.set(7);
    assert.partialDeepStrictEqual(await read(0), { waiting: 7, waitingForSecond: 7 });
  });

  it("forgets readings older than a minute", () => {
    const at = (ms: number): Reading => ({ ...parseReading("", ms) });
    let readings: Reading[] = [];
    for (let ms = 0; ms <= 180_000; ms += 2_000) readings = keepLastMinute(readings, at(ms));
    assert.deepEqual([readings[0]?.at, readings.at(-1)?.at], [120_000, 180_000]);
    // After an hour without a look there is nothing to compare with.
    assert.equal(keepLastMinute(readings, at(3_780_000)).length, 1);
  });

  it("interpolates inside the bucket, as Prometheus does", () => {
    const buckets: Buckets = new Map([
      [1, 50],
      [2, 100],
      [Infinity, 100],
    ]);
    assert.equal(quantile(buckets, 0.5), 1);
    assert.equal(quantile(buckets, 0.75), 1.5);
    assert.equal(quantile(buckets, 0.25), 0.5);
    assert.equal(
      quantile(
        new Map([
          [1, 0],
          [Infinity, 5],
        ]),
        0.95,
      ),
      1,
    );
    assert.equal(quantile(new Map(), 0.95), undefined);
  });

  it("puts each quantile into the bucket that holds the true one", () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 200 }), (seconds) => {
        const edges = [...DURATION_BUCKETS, Infinity];
        const buckets = new Map(
          edges.map((edge) => [edge, seconds.filter((value) => value <= edge).length]),
        );
        const sorted = seconds.toSorted((a, b) => a - b);
        for (const q of [0.5, 0.95, 0.99]) {
          const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
          const upper = edges.find((edge) => exact <= edge) ?? Infinity;
          const lower = edges[edges.indexOf(upper) - 1] ?? 0;
          const estimate = quantile(buckets, q) ?? Number.NaN;
          assert.ok(
            estimate >= lower && estimate <= upper,
            `${estimate} not in ${lower}..${upper}`,
          );
        }
      }),
    );
  });

  it("sums any run of increases and restarts to what was really observed", () => {
    const step = fc.record({ commits: fc.nat(50), restart: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let [at, startedAt, total, seen] = [0, 1, 0, 0];
        const reading = (): Reading => ({ ...parseReading("", at), startedAt, commits: total });
        const readings = [reading()];
        for (const { commits, restart } of steps) {
          at += 2_000;
          if (restart) [startedAt, total] = [startedAt + 1, 0];
          total += commits;
          seen += commits;
          readings.push(reading());
        }
        assert.equal(toFigures(readings).commits, seen);
      }),
    );
  });

  it("reads any text without throwing", () => {
    fc.assert(fc.property(fc.string(), (text) => void toFigures([parseReading(text, 0)])));
  });

  it("is written short", () => {
    const texts = [0.00001, 0.0009, 0.00951, 0.0121, 0.0999, 0.9994, 1.23].map(formatSeconds);
    assert.deepEqual(texts, ["< 0.1 ms", "0.9 ms", "9.5 ms", "12 ms", "100 ms", "999 ms", "1.2 s"]);
  });
});
