// The alerts of a disk that is slow and of one that fails: a real companion on it, a real Prometheus that watches.
// Its rules are those that are shipped but for their times, which are seconds here and minutes there.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { alerts, alertsFile, type Times } from "../../monitoring/alerts.ts";
import { buildDiskFaults, type DiskFaults } from "../faults/support/disk-faults.ts";
import { type Lab, withLab } from "../faults/support/lab.ts";
import { findPrometheus } from "../setup/prometheus.ts";
import { SQLITE } from "../support/engines.ts";
import {
  hurry,
  type Prometheus,
  type Rule,
  shippedFolder,
  withPrometheus,
} from "../support/prometheus.ts";

const TIMES: Times = { window: "10s", longWindow: "10s", patient: "2s", prompt: "2s" };
const WITHIN_MS = 40_000;

describe("an alert", function () {
  this.timeout(120_000);

  it("fires while the disk is slow to confirm, and is over when it is fast again", async function () {
    const faults = buildDiskFaults({ syncMicros: 300_000 });
    if (!faults) return this.skip();
    await watching(faults, async (lab, prometheus) => {
      const load = startLoad(lab);
      faults.begin();
      await reached(prometheus, "StreamkeeperCommitsSlow", "firing");
      assert.equal(await stateOf(prometheus, "StreamkeeperCommitsFail"), "inactive");
      faults.end();
      await reached(prometheus, "StreamkeeperCommitsSlow", "inactive");
      await load.stop();
    });
  });

  it("fires while commits fail, and is over when they work again, with all that was shown", async function () {
    const faults = buildDiskFaults({ failEvery: 1 });
    if (!faults) return this.skip();
    await watching(faults, async (lab, prometheus) => {
      const { conversations, ended } = lab.talk(5, { words: 400, gap_ms: 5 });
      await delay(500);
      faults.begin();
      await reached(prometheus, "StreamkeeperCommitsFail", "firing");
      await reached(prometheus, "StreamkeeperStorageFailing", "firing");
      faults.end();
      await reached(prometheus, "StreamkeeperStorageFailing", "inactive");
      await reached(prometheus, "StreamkeeperCommitsFail", "inactive");
      await ended;
      await lab.check(conversations, 5);
    });
  });
});

/** Lends a companion on this disk, and a Prometheus that scrapes it and looks at the alerts every second. */
async function watching(
  faults: DiskFaults,
  body: (lab: Lab, prometheus: Prometheus) => Promise<void>,
): Promise<void> {
  try {
    const { prometheus: binary } = await findPrometheus();
    await withLab(
      SQLITE,
      async (lab) => {
        const folder = shippedFolder(lab.dataDir);
        hurry(folder);
        writeFileSync(join(folder, "alerts.yml"), alertsFile(alerts(TIMES)));
        await withPrometheus(binary, folder, async (prometheus) => {
          await prometheus.waitFor("up", ({ value }) => value === 1);
          await body(lab, prometheus);
        });
      },
      { env: faults.env },
    );
  } finally {
    faults.remove();
  }
}

async function stateOf(prometheus: Prometheus, name: string): Promise<Rule["state"] | undefined> {
  return (await prometheus.rules()).find((rule) => rule.name === name)?.state;
}

async function reached(prometheus: Prometheus, name: string, wanted: Rule["state"]): Promise<void> {
  const deadline = performance.now() + WITHIN_MS;
  for (;;) {
    const state = await stateOf(prometheus, name);
    if (state === wanted) return;
    assert.ok(performance.now() < deadline, `${name} is ${state}, not ${wanted}`);
    await delay(200);
  }
}

/** Answers without end. */
function startLoad(lab: Lab): { stop(): Promise<void> } {
  let stopped = false;
  const keep = async (): Promise<void> => {
    while (!stopped) await lab.talk(5, { words: 30, gap_ms: 10 }).ended;
  };
  const running = keep();
  return {
    async stop() {
      stopped = true;
      await running;
    },
  };
}
