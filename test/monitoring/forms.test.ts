// The two forms of /metrics. One must not change what the other says: Prometheus asks for
// OpenMetrics, the status bar for text.
import assert from "node:assert/strict";
import { METRIC_NAMES } from "../../server/observe/metric-names.ts";
import { createMetrics } from "../../server/observe/metrics.ts";
import { VENDOR_NAMES } from "../../server/providers/vendors.ts";
import { type Companion, withCompanion } from "../support/companion.ts";

describe("the two forms of the metrics", () => {
  it("have the same series, whichever was asked for before", () =>
    withCompanion({ quick: true }, async (companion) => {
      const before = await metricsOf(companion, "text/plain");
      assert.match(before.type, /^text\/plain; version=0\.0\.4/);
      const open = await metricsOf(companion, "application/openmetrics-text; version=1.0.0");
      assert.match(open.type, /^application\/openmetrics-text; version=1\.0\.0/);
      const after = await metricsOf(companion, "text/plain");
      assert.deepEqual(seriesOf(after.text), seriesOf(before.text));
      assert.deepEqual(seriesOf(open.text), seriesOf(before.text));
      assert.ok(seriesOf(after.text).some((name) => name.startsWith("sse_turns_total{")));
    }));

  it("give the same values", () =>
    withCompanion({ quick: true }, async (companion) => {
      const body = { title: "One" };
      assert.equal((await companion.request("POST", "/v1/sessions", body)).status, 201);
      const created =
        'sse_transaction_commits_total{operation="create_session",status="success"} 1\n';
      for (const form of ["application/openmetrics-text", "text/plain"]) {
        assert.ok((await metricsOf(companion, form)).text.includes(created), form);
      }
    }));

  it("have each series from the start, so that a rate sees the first event", () =>
    withCompanion({ quick: true }, async (companion) => {
      const series = seriesOf((await metricsOf(companion, "text/plain")).text);
      const absent = Object.values(METRIC_NAMES).filter(
        (name) => !series.some((one) => one.startsWith(name)),
      );
      assert.deepEqual(absent, []);
      for (const provider of VENDOR_NAMES) {
        const first = `chat_upstream_errors_total{provider="${provider}",code="upstream_cut"}`;
        assert.ok(series.includes(first), first);
      }
    }));

  it("say what is free on the disk of the database, and nothing of a disk elsewhere", async () => {
    const sample = /^storage_free_bytes (.*)$/m;
    const here = await createMetrics("test", async () => 12_345).registry.metrics();
    assert.equal(sample.exec(here)?.[1], "12345");
    const elsewhere = await createMetrics("test").registry.metrics();
    assert.equal(sample.exec(elsewhere), null);
  });

  it("end OpenMetrics with its mark, once, and text without", () =>
    withCompanion({ quick: true }, async (companion) => {
      const open = await metricsOf(companion, "application/openmetrics-text");
      assert.equal(open.text.match(/^# EOF$/gm)?.length, 1);
      assert.ok(open.text.endsWith("\n# EOF\n"));
      const plain = await metricsOf(companion, "*/*");
      assert.ok(!plain.text.includes("# EOF"));
    }));
});

async function metricsOf(companion: Companion, accept: string) {
  const response = await fetch(`${companion.url}/metrics`, {
    headers: { accept, authorization: `Bearer ${companion.metricsToken}` },
  });
  assert.equal(response.status, 200);
  return { text: await response.text(), type: response.headers.get("content-type") ?? "" };
}

/** Ours, without their values. */
function seriesOf(text: string): string[] {
  return [...text.matchAll(/^((?:sse|chat|session|database|storage|streamkeeper)_[^ ]+) /gm)]
    .map(([, series]) => series ?? "")
    .toSorted();
}
