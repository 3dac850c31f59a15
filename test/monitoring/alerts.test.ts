// The shipped alerts, played by promtool.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Alert, alerts, alertsFile, runbookOf } from "../../monitoring/alerts.ts";
import { GENERATED } from "../../monitoring/generated.ts";
import { METRICS } from "../../monitoring/promql.ts";
import { createMetrics } from "../../server/observe/metrics.ts";
import { findPrometheus } from "../setup/prometheus.ts";
import { ALERT_CASES, type AlertCase, INSTANCE } from "./alert-cases.ts";

const SHIPPED = resolve("monitoring/prometheus/alerts.yml");
const ALERTS = alerts();

describe("what is made for Prometheus and Grafana", () => {
  for (const { path, content } of GENERATED) {
    it(`stands in ${path} as \`npm run monitoring\` makes it`, () => {
      assert.equal(readFileSync(path, "utf8"), content());
    });
  }

  it("asks only for metrics that there are", async () => {
    const text = await createMetrics("test").registry.metrics();
    const names = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    assert.deepEqual(
      Object.values(METRICS).filter((name) => !names.has(name)),
      [],
    );
  });
});

describe("the alerts", () => {
  let promtool: string;
  let folder: string;

  before(async function () {
    this.timeout(300_000);
    ({ promtool } = await findPrometheus());
    folder = mkdtempSync(join(tmpdir(), "streamkeeper-alerts-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const run = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: "utf8" });
    return status === 0 ? "" : `${stdout}${stderr}exit ${status}`;
  };
  /** What promtool has against it; empty if nothing. */
  const play = (one: AlertCase, rules: string): string => {
    const file = join(folder, "case.json");
    writeFileSync(file, JSON.stringify(toPromtool(one, rules)));
    return run("test", "rules", file);
  };

  it("are rules that promtool accepts", () => {
    assert.equal(run("check", "rules", SHIPPED), "");
  });

  it("have cases that fire and cases that do not, each", () => {
    for (const { name } of ALERTS) {
      const fires = ALERT_CASES.filter(({ alert }) => alert === name).map((one) => !!one.fires);
      assert.ok(fires.includes(true) && fires.includes(false), name);
    }
  });

  for (const one of ALERT_CASES) {
    it(`${one.alert} ${one.title}`, () => assert.equal(play(one, SHIPPED), ""));
  }

  // Each is wrong in a way that looks right.
  for (const { alert, wrong, caught } of [
    {
      alert: "StreamkeeperCommitsFail",
      wrong: `rate(${METRICS.transactionCommits}{status="success"}[5m]) / rate(${METRICS.transactionCommits}[5m]) < 0.99`,
      caught: "fires when one commit in fifty fails",
    },
    {
      alert: "StreamkeeperCommitsFail",
      wrong: `sum by (job, instance) (rate(${METRICS.transactionCommits}{status!="success"}[5m])) > 0`,
      caught: "keeps still at a single error among 10,000",
    },
    {
      alert: "StreamkeeperCommitsSlow",
      wrong: `sum by (job, instance) (rate(${METRICS.transactionDuration}_bucket{le="0.1"}[5m])) < 1`,
      caught: "keeps still while idle",
    },
    {
      alert: "StreamkeeperCommitsSlow",
      wrong: `sum by (job, instance) (delta(${METRICS.transactionDuration}_count[5m])) - sum by (job, instance) (delta(${METRICS.transactionDuration}_bucket{le="0.1"}[5m])) > 5`,
      caught: "goes on over counters that begin again at zero",
    },
  ]) {
    it(`would not pass with ${wrong}`, () => {
      const one = ALERT_CASES.find((found) => found.alert === alert && found.title === caught);
      assert.ok(one);
      const rules = join(folder, "wrong.yml");
      writeFileSync(
        rules,
        alertsFile(
          ALERTS.map((rule) =>
            rule.name === alert ? { ...rule, conditions: [{ value: wrong, is: "" }] } : rule,
          ),
        ),
      );
      assert.match(play(one, rules), /FAILED/);
    });
  }
});

function toPromtool(one: AlertCase, rules: string) {
  const alert = ALERTS.find(({ name }) => name === one.alert);
  assert.ok(alert, one.alert);
  return {
    rule_files: [rules],
    evaluation_interval: "1m",
    tests: [
      {
        interval: "1m",
        input_series: Object.entries(one.series).map(([series, values]) => ({ series, values })),
        alert_rule_test: [
          {
            eval_time: `${one.at}m`,
            alertname: one.alert,
            exp_alerts: one.fires ? [expected(alert, one.fires)] : [],
          },
        ],
      },
    ],
  };
}

function expected(alert: Alert, labels: Record<string, string>) {
  const all: Record<string, string> = { job: "streamkeeper", instance: INSTANCE, ...labels };
  return {
    exp_labels: { severity: alert.severity, ...all },
    exp_annotations: {
      summary: alert.summary.replaceAll(
        /\{\{ \$labels\.(\w+) \}\}/g,
        (_, name: string) => all[name] ?? "",
      ),
      runbook_url: runbookOf(alert),
    },
  };
}
