import assert from "node:assert/strict";
import fc from "fast-check";
import { Histogram, Registry } from "prom-client";
import { createDurations } from "../../server/observe/durations.ts";

const about = { name: "some_seconds", help: "Some.", buckets: [0.001, 0.1, 2.5] };
/** On, beside and far from the edges. */
const seconds = fc.oneof(
  fc.constantFrom(0, 0.001, 0.1, 2.5, 0.1000001, 99),
  fc.double({ min: 0, max: 5, noNaN: true }),
);

function openMetrics() {
  const registry = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return registry;
}

/** The same lines, whatever their order within a series. */
function linesOf(text: string): string[] {
  return text.split("\n").toSorted();
}

describe("durations", () => {
  it("are written as the library writes its histograms", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ kind: fc.constantFrom("a", "b"), value: seconds })),
        async (observed) => {
          const [ours, theirs] = [openMetrics(), openMetrics()];
          const durations = createDurations({ ...about, labelNames: ["kind"] }, ours);
          const series = { a: durations.add({ kind: "a" }), b: durations.add({ kind: "b" }) };
          const histogram = new Histogram({ ...about, labelNames: ["kind"], registers: [theirs] });
          for (const kind of ["a", "b"]) histogram.zero({ kind });
          for (const { kind, value } of observed) {
            series[kind].observe(value);
            histogram.observe({ kind }, value);
          }
          assert.deepEqual(linesOf(await ours.metrics()), linesOf(await theirs.metrics()));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("keep the newest exemplar of each bucket, and lose none to values without one", async () => {
    const registry = openMetrics();
    const series = createDurations({ ...about, labelNames: [] }, registry).add({});
    series.observe(0.05, { trace_id: "old" });
    series.observe(0.06, { trace_id: "new" });
    series.observe(0.07);
    series.observe(9, { trace_id: "slow" });
    const exemplars = [
      ...(await registry.metrics()).matchAll(/le="([^"]+)"} (\d) # \{trace_id="(\w+)"\} (\S+)/g),
    ];
    assert.deepEqual(
      exemplars.map(([, ...found]) => found),
      [
        ["0.1", "3", "new", "0.06"],
        ["+Inf", "4", "slow", "9"],
      ],
    );
  });
});
