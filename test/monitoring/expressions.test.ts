// Every question of the dashboard and the alerts, put to a real Prometheus that scrapes a
// real companion under load.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { alerts } from "../../monitoring/alerts.ts";
import { PANELS } from "../../monitoring/panels.ts";
import { Conversation } from "../faults/support/conversation.ts";
import { type Lab, withLab } from "../faults/support/lab.ts";
import { findPrometheus } from "../setup/prometheus.ts";
import { chunksOf } from "../support/companion.ts";
import { SQLITE } from "../support/engines.ts";
import { hurry, type Prometheus, shippedFolder, withPrometheus } from "../support/prometheus.ts";

const ANSWERED_WITHIN_MS = 40_000;

interface Question {
  who: string;
  expr: string;
}

describe("every expression", function () {
  this.timeout(90_000);

  it("has data while the companion works, and no rule fails", async function () {
    const { prometheus: binary } = await findPrometheus();
    await withLab(SQLITE, async (lab) => {
      const folder = shippedFolder(lab.dataDir);
      hurry(folder);
      await withPrometheus(binary, folder, async (prometheus) => {
        const load = startLoad(lab);
        try {
          const open = await askUntilAnswered(prometheus, [
            ...dashboardQuestions(),
            ...alertQuestions(),
          ]);
          assert.deepEqual(open, []);
          const nonsense = { who: "nobody", expr: "sse_transactions_total" };
          assert.deepEqual(
            await unanswered(prometheus, [nonsense]),
            [nonsense],
            "the test can fail",
          );
          const rules = await prometheus.rules();
          assert.deepEqual(
            rules.map(({ name, health }) => ({ name, health })),
            alerts().map(({ name }) => ({ name, health: "ok" })),
          );
        } finally {
          await load.stop();
        }
      });
    });
  });
});

/** As Grafana asks. */
function dashboardQuestions(): Question[] {
  return PANELS.flatMap(({ panels }) =>
    panels.flatMap(({ title, queries }) =>
      queries.map(({ expr }) => ({
        who: title,
        expr: expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*"),
      })),
    ),
  );
}

/** An alert that does not fire gives nothing; what it compares must give something. */
function alertQuestions(): Question[] {
  return alerts().flatMap(({ name, conditions }) =>
    conditions.map(({ value }) => ({ who: name, expr: value })),
  );
}

/** What has no number yet. */
async function unanswered(prometheus: Prometheus, questions: readonly Question[]) {
  const open: Question[] = [];
  for (const question of questions) {
    const samples = await prometheus.query(question.expr);
    if (!samples.some(({ value }) => Number.isFinite(value))) open.push(question);
  }
  return open;
}

async function askUntilAnswered(prometheus: Prometheus, questions: readonly Question[]) {
  await prometheus.waitFor("up", ({ value }) => value === 1);
  const deadline = performance.now() + ANSWERED_WITHIN_MS;
  let open = questions;
  while (open.length > 0 && performance.now() < deadline) {
    open = await unanswered(prometheus, open);
    await delay(250);
  }
  return open;
}

/** Answers without end, in new chats and in those there are; some fail; readers that resume. */
function startLoad(lab: Lab): { stop(): Promise<void> } {
  let stopped = false;
  const keep = async (): Promise<void> => {
    while (!stopped) {
      const { conversations, ended } = lab.talk(5, { words: 50, gap_ms: 10 });
      await ended;
      await lab.talk(1, { words: 3, gap_ms: 5, fault: "the body ended early" }).ended;
      const sessionId = conversations[0]?.sessionId;
      await new Conversation({ words: 3, gap_ms: 5 }, sessionId).run(lab.where);
      await resume(lab, sessionId);
    }
  };
  const running = keep();
  return {
    async stop() {
      stopped = true;
      await running;
    },
  };
}

async function resume(lab: Lab, sessionId: string | undefined): Promise<void> {
  assert.ok(sessionId);
  const path = `/v1/sessions/${sessionId}/stream?after=1&until=turn_end`;
  for await (const chunk of chunksOf(await lab.companion.request("GET", path))) {
    if (chunk.is_final) break;
  }
}
