// `--durability two_machines`: what only one machine has is not shown, whatever the cluster makes
// of its settings meanwhile, and it is said in words.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Ready } from "../../server/protocol/responses.ts";
import { Conversation } from "../faults/support/conversation.ts";
import { answering, Lab, until } from "../faults/support/lab.ts";
import { startPacedUpstream } from "../faults/support/paced-upstream.ts";
import { type Cluster, startCluster } from "../support/postgres-cluster.ts";

const WISH = { words: 300, gap_ms: 10 };
const ANSWER = Array.from({ length: WISH.words }, (_, index) => `w${index} `).join("");

async function readyOf(lab: Lab): Promise<Ready> {
  return Ready.parse(await (await lab.companion.request("GET", "/readyz")).json());
}

async function told(lab: Lab, what: (ready: Ready) => boolean): Promise<Ready> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const ready = await readyOf(lab);
    if (what(ready)) return ready;
    assert.ok(performance.now() < deadline, `never told: ${JSON.stringify(ready)}`);
    await delay(100);
  }
}

async function metricOf(lab: Lab, name: string): Promise<number> {
  const text = await (await lab.companion.request("GET", "/metrics")).text();
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
}

async function waitsForSecond(lab: Lab, isIt: (seconds: number) => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const seconds = await metricOf(lab, "database_second_machine_waiting_seconds");
    if (isIt(seconds)) return;
    assert.ok(performance.now() < deadline, `waits for ${seconds} s`);
    await delay(100);
  }
}

describe("where nothing is shown that only one machine has", function () {
  this.timeout(120_000);
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());

  it("waits, in words, while the second machine is away though the server waits for none, and goes on", async () => {
    const database = await cluster.createDatabase();
    await cluster.setSynchronous(true);
    const args = ["--durability", "two_machines"];
    const lab = new Lab(await startPacedUpstream(), { database: cluster.url(database), args });
    try {
      await lab.start();
      assert.equal((await readyOf(lab)).level, "two_machines");
      const { conversations, ended } = lab.talk(5, WISH);
      await until("words", answering(conversations));
      const stream = await lab.companion.request(
        "GET",
        `/v1/sessions/${conversations[0]?.sessionId}/stream?until=turn_end`,
      );
      const heard = stream.text();
      // As Patroni does where its synchronous mode is not strict.
      await cluster.standby.stop("immediate");
      await cluster.setSynchronous(false);
      const { problem } = await told(lab, ({ ready }) => !ready);
      assert.match(problem?.message ?? "", /on one machine only|second machine .* is away/);
      assert.equal(await metricOf(lab, "database_up"), 1);
      const shown = conversations.map(({ cursor }) => cursor);
      // A reader from the beginning sees no more of it.
      const [first] = conversations;
      assert.ok(first);
      const late = new Conversation(WISH, first.sessionId, { requestId: first.requestId });
      late.turnId = first.turnId;
      const lateEnded = late.run(lab.where);
      const sent = new Conversation(WISH);
      const answered = sent.run(lab.where);
      await delay(2_000);
      assert.deepEqual(
        conversations.map(({ cursor }) => cursor),
        shown,
      );
      assert.ok(late.cursor <= first.cursor, `${late.cursor} of ${first.cursor}`);
      assert.equal(sent.frames.size, 0);
      await waitsForSecond(lab, (seconds) => seconds >= 1);
      await cluster.standby.start();
      await cluster.setSynchronous(true);
      await Promise.all([ended, answered, lateEnded]);
      for (const { final, text } of [...conversations, late, sent]) {
        assert.equal(final?.type, "done", JSON.stringify(final));
        assert.equal(text, ANSWER);
      }
      assert.equal((await told(lab, ({ ready }) => ready)).level, "two_machines");
      const waits = (await heard).match(/^: waits .*$/gm) ?? [];
      assert.equal(waits.at(-1), ": waits for the database 0");
      assert.ok(waits.some((wait) => /^: waits for the database \d+, its second m/.test(wait)));
      await waitsForSecond(lab, (seconds) => seconds === 0);
      await cluster.primary.stop("immediate");
      await told(lab, ({ ready }) => !ready);
      assert.equal(await metricOf(lab, "database_up"), 0);
    } finally {
      await lab.close();
      await cluster.primary.start().catch(() => {});
      await cluster.setSynchronous(false);
    }
  });

  it("waits for the first of them, and takes an operator's word for a storage that replicates", async () => {
    const database = await cluster.createDatabase();
    const lab = new Lab(await startPacedUpstream(), {
      database: cluster.url(database),
      args: ["--durability", "replicated_storage"],
    });
    try {
      await lab.start();
      assert.equal((await readyOf(lab)).level, "two_machines");
      const { conversations, ended } = lab.talk(1, { words: 3, gap_ms: 1 });
      await ended;
      assert.equal(conversations[0]?.final?.type, "done");
    } finally {
      await lab.close();
    }
  });
});
