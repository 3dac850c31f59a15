import assert from "node:assert/strict";
import type { Figures } from "../../../extension/latency/latency.ts";
import { type StatusInput, toStatusText } from "../../../extension/latency/status-text.ts";

const NOTHING: Figures = {
  p50: undefined,
  p95: undefined,
  p99: undefined,
  phases: { wait: undefined, body: undefined, commit: undefined },
  phaseSeconds: { wait: 0, body: 0, commit: 0 },
  commits: 0,
  errors: 0,
  rollbacks: 0,
  slow: 0,
};

interface Rest {
  lastP95?: number;
  unanswered?: boolean;
  storage?: { label: string; message: string };
}

function ready(figures: Partial<Figures>, rest: Rest = {}) {
  return {
    state: "ready",
    figures: { ...NOTHING, ...figures },
    lastP95: rest.lastP95,
    slowSeconds: 0.1,
    unanswered: rest.unanswered ?? false,
    storage: rest.storage,
  } satisfies StatusInput;
}

function check(input: StatusInput, expected: string): void {
  const { text, severity, spoken } = toStatusText(input);
  assert.equal(`${text} | ${severity} | ${spoken.key} ${spoken.value}`.trim(), expected);
}

describe("status bar text", () => {
  it("shows the p95 of the last minute", () =>
    check(ready({ p95: 0.0009 }), "$(database) 0.9 ms | none | latency 0.9 ms"));
  it("warns above the threshold, not at it", () => {
    check(ready({ p95: 0.1 }), "$(database) 100 ms | none | latency 100 ms");
    check(ready({ p95: 0.25 }), "$(database) 250 ms | warning | slow 250 ms");
  });
  it("turns to the error colour when a commit failed, fast or slow", () => {
    check(ready({ p95: 0.0009, errors: 2 }), "$(database) 0.9 ms | error | failing 2");
    check(ready({ errors: 1 }), "$(database) – | error | failing 1");
  });
  it("names what storing runs into, before any figure", () =>
    check(
      ready({ p95: 0.0009, errors: 2 }, { storage: { label: "Disk full", message: "Full." } }),
      "$(error) Disk full | error | storage Full.",
    ));
  it("stays calm on rollbacks", () =>
    check(ready({ p95: 0.0009, rollbacks: 3 }), "$(database) 0.9 ms | none | latency 0.9 ms"));
  it("keeps the last figure when idle, and a dash before the first", () => {
    check(ready({}, { lastP95: 0.002 }), "$(database) 2.0 ms | none | idle");
    check(ready({}), "$(database) – | none | idle");
    check(ready({}, { lastP95: 3 }), "$(database) 3.0 s | none | idle");
  });
  it("says when the companion is away, starting, or was given up", () => {
    check(ready({ p95: 0.001 }, { unanswered: true }), "$(database) 1.0 ms | error | away");
    check({ state: "away" }, "$(error) Streamkeeper | error | away");
    check({ state: "starting" }, "$(loading~spin) Streamkeeper | none | starting");
    check({ state: "stopped" }, "$(circle-slash) Streamkeeper | none | stopped");
    check({ state: "failed", message: "why" }, "$(error) Streamkeeper | error | failed why");
  });
});
