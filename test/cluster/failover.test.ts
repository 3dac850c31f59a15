// Companions on a cluster whose primary dies, is demoted or is cut off: a failover is a pause.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Ready } from "../../server/protocol/responses.ts";
import { Conversation } from "../faults/support/conversation.ts";
import { assertInvariants } from "../faults/support/invariants.ts";
import { answering, Lab, until } from "../faults/support/lab.ts";
import { startPacedUpstream } from "../faults/support/paced-upstream.ts";
import { type Cluster, startCluster } from "../support/postgres-cluster.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

const STREAMS = 10;
/** Each goes on for longer than a failover takes here. */
const WISH = { words: 500, gap_ms: 10 };
const ANSWER = Array.from({ length: WISH.words }, (_, index) => `w${index} `).join("");

async function levelOf(lab: Lab): Promise<string | null | undefined> {
  return Ready.parse(await (await lab.companion.request("GET", "/readyz")).json()).level;
}

/** Resolves when its metric says that answers have waited for so long. */
async function waitedFor(lab: Lab, seconds: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const metrics = await (await lab.companion.request("GET", "/metrics")).text();
    const [line = ""] = /^database_waiting_seconds .*$/m.exec(metrics) ?? [];
    if (Number(line.split(" ")[1]) >= seconds) return;
    if (performance.now() > deadline) throw new Error(`waited in vain for a wait: ${line}`);
    await delay(100);
  }
}

describe("a companion on a cluster", function () {
  this.timeout(120_000);
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());
  afterEach(async function () {
    if (this.currentTest?.state !== "failed") return;
    // It may have ended at any point of a failover.
    await cluster.stop();
    cluster = await startCluster();
  });

  async function withLab(
    body: (lab: Lab, database: string) => Promise<void>,
    { url, args = [] }: { url?: (database: string) => string; args?: string[] } = {},
  ): Promise<void> {
    const database = await cluster.createDatabase();
    const flag = (url ?? cluster.url)(database);
    const lab = new Lab(await startPacedUpstream(), { database: flag, args });
    try {
      await lab.start();
      await body(lab, database);
    } finally {
      await lab.close();
    }
  }

  async function assertWhole(lab: Lab, database: string, all: Conversation[]): Promise<void> {
    for (const { final, text, sessionId } of all) {
      assert.equal(final?.type, "done", `${sessionId}: ${JSON.stringify(final)}`);
      assert.equal(text, ANSWER, sessionId);
    }
    const { address, upstream } = lab;
    await assertInvariants({
      address,
      upstream,
      database: cluster.primary.url(database),
      conversations: all,
      nextOf: 5,
    });
  }

  it("goes on with every answer when the primary dies and the standby takes over", () =>
    withLab(async (lab, database) => {
      assert.equal(await levelOf(lab), "one_machine");
      await cluster.setSynchronous(true);
      assert.equal(await levelOf(lab), "two_machines");
      const { conversations, ended } = lab.talk(STREAMS, WISH);
      await until("words", answering(conversations));
      const stream = await lab.companion.request(
        "GET",
        `/v1/sessions/${conversations[0]?.sessionId}/stream?until=turn_end`,
      );
      const heard = stream.text();
      await cluster.primary.stop("immediate");
      await waitedFor(lab, 4);
      const sent = new Conversation(WISH);
      const answered = sent.run(lab.where);
      await delay(500);
      assert.equal(sent.frames.size, 0);
      await cluster.failOver();
      const promoted = performance.now();
      await until("a word after the takeover", () => sent.frames.size > 0, 10);
      const took = performance.now() - promoted;
      assert.ok(took < 2_000, `the new primary was found after ${took} ms`);
      await ended;
      await answered;
      const waits = Array.from(
        (await heard).matchAll(/^: waits for the database (\d+)$/gm),
        (wait) => Number(wait[1]),
      );
      assert.equal(waits.at(-1), 0);
      const away = waits.slice(0, waits.indexOf(0));
      assert.equal(away[0], 1);
      assert.ok(away.length >= 3, `told only ${waits.join()}`);
      assert.deepEqual(
        away,
        [...new Set(away)].toSorted((a, b) => a - b),
      );
      assert.deepEqual(sent.refusals, []);
      for (const { reconnects, refusals } of conversations) {
        assert.deepEqual([reconnects, refusals], [0, []]);
      }
      await assertWhole(lab, database, [...conversations, sent]);
      await cluster.rejoin();
    }));

  it("shows nothing that only the primary has while its synchronous standby is away", () =>
    withLab(async (lab, database) => {
      await cluster.setSynchronous(true);
      const { conversations, ended } = lab.talk(STREAMS, WISH);
      await until("words", answering(conversations));
      await cluster.standby.stop("immediate");
      // What the standby had acknowledged before is on its way to its readers.
      await delay(500);
      const shown = conversations.map(({ cursor }) => cursor);
      await until(
        "a wait that is told",
        () => lab.companion.output().includes("nothing can be"),
        30,
      );
      await delay(2_000);
      assert.deepEqual(
        conversations.map(({ cursor }) => cursor),
        shown,
      );
      await cluster.standby.start();
      await ended;
      await assertWhole(lab, database, conversations);
      await cluster.setSynchronous(false);
    }));

  it("goes and looks when its primary has become a standby, and when the network swallows everything", async () => {
    const proxies = await Promise.all(
      [cluster.primary, cluster.standby].map(({ port }) => startTcpProxy(port)),
    );
    const url = (name: string) =>
      `postgres://postgres@${proxies.map(({ port }) => `127.0.0.1:${port}`).join(",")}/${name}`;
    const withProxies = async (lab: Lab, database: string) => {
      const [first, second] = proxies;
      const demoted = lab.talk(STREAMS, WISH);
      await until("words", answering(demoted.conversations));
      await cluster.primary.stop("fast");
      await cluster.failOver();
      // Where the old primary was there is a server again at once, and it lets itself be read.
      await cluster.rejoin();
      await demoted.ended;
      await assertWhole(lab, database, demoted.conversations);

      await cluster.setSynchronous(true);
      const silent = lab.talk(STREAMS, WISH);
      await until("words", answering(silent.conversations));
      const near = cluster.primary === old ? first : second;
      assert.ok(near);
      near.onClientData = () => "drop";
      // The one that nobody reaches runs on, and lets itself be written.
      await cluster.failOver();
      await silent.ended;
      near.onClientData = () => "pass";
      await assertWhole(lab, database, silent.conversations);
      await cluster.rejoin();
    };
    const old = cluster.primary;
    await withLab(withProxies, { url });
    for (const proxy of proxies) await proxy.close();
  });

  it("tells what is the matter when the database stays away for longer than it may", () =>
    withLab(
      async (lab, database) => {
        await cluster.setSynchronous(true);
        const { conversations, ended } = lab.talk(2, WISH);
        await until("words", answering(conversations));
        await cluster.primary.stop("immediate");
        // One waits up to a try longer than the other, and would go on with what comes back.
        const failed = () => lab.companion.output().match(/a turn failed/g)?.length;
        await until("both to give up", () => failed() === conversations.length, 30);
        const ready = await lab.companion.request("GET", "/readyz");
        assert.equal(ready.status, 503);
        assert.match(await ready.text(), /2 database servers can be written: 1 of them only let/);
        await cluster.failOver();
        await ended;
        for (const { final } of conversations) {
          assert.match(
            String(final?.metadata?.code),
            /^(database_unavailable|commit_outcome_unknown)$/,
          );
        }
        const { address, upstream } = lab;
        await assertInvariants({
          ...{ address, upstream, conversations },
          database: cluster.primary.url(database),
        });
        await cluster.rejoin();
      },
      { args: ["--database-patience", "6"] },
    ));
});
