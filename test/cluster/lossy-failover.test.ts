// A standby that is behind is promoted: words that were shown are gone. Everybody is told, nobody
// waits for ever.
import assert from "node:assert/strict";
import { LogReset } from "../../server/protocol/stream-events.ts";
import { Conversation } from "../faults/support/conversation.ts";
import { answering, Lab, until } from "../faults/support/lab.ts";
import { startPacedUpstream } from "../faults/support/paced-upstream.ts";
import { type Cluster, startCluster } from "../support/postgres-cluster.ts";

const STREAMS = 5;
const WISH = { words: 2_000, gap_ms: 10 };

describe("a failover that loses what was shown", function () {
  this.timeout(120_000);
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());

  it("is told to every reader, ends the answers it cut, and leaves no hole", async () => {
    const database = await cluster.createDatabase();
    const lab = new Lab(await startPacedUpstream(), { database: cluster.url(database) });
    const leaving = new AbortController();
    try {
      await lab.start();
      const conversations = Array.from({ length: STREAMS }, () => new Conversation(WISH));
      // These do not understand that their log went back, and would come back for ever.
      for (const one of conversations) void one.run(lab.where, leaving.signal);
      await until("words", answering(conversations));
      await cluster.caughtUp();
      await cluster.cutReplication();
      const kept = new Map(conversations.map((one) => [one, one.cursor]));
      await until("more words", () =>
        conversations.every((one) => one.cursor > (kept.get(one) ?? 0) + 10),
      );
      const streams = conversations.map((one) => new Reading(lab, one));
      await Promise.all(streams.map((one) => one.opened));
      await cluster.primary.stop("immediate");
      await cluster.failOver();
      const promoted = performance.now();
      await until("every reader to be told", () => streams.every(({ reset }) => reset), 10);
      const took = performance.now() - promoted;
      assert.ok(took < 2_000, `they were told after ${took} ms`);
      for (const { reset, seen } of streams) {
        assert.ok(reset && reset.resume_after < seen && reset.seen >= seen, JSON.stringify(reset));
      }
      await Promise.all(streams.map((one) => one.ended));
      for (const { sessionId } of conversations) {
        const rows = await cluster.primary.query<{ seq: string; type: string }>(
          `select seq, type from chunks where session_id = '${sessionId}' order by seq`,
          database,
        );
        assert.deepEqual(
          rows.map(({ seq }) => Number(seq)),
          rows.map((_, index) => index + 1),
        );
        assert.equal(rows.at(-1)?.type, "interrupted");
        const next = new Conversation({ words: 2, gap_ms: 1 }, sessionId);
        await next.run(lab.where);
        assert.equal(next.text, "w0 w1 ");
      }
    } finally {
      leaving.abort();
      for (const one of reading) one.leave();
      await lab.close();
    }
  });
});

const reading = new Set<Reading>();

/** A reader of a running answer; hears what it is told beside chunks. */
class Reading {
  reset: LogReset | undefined;
  readonly seen: number;
  readonly opened: Promise<void>;
  readonly ended: Promise<void>;
  readonly #leave = new AbortController();

  constructor(lab: Lab, { sessionId, cursor }: Conversation) {
    this.seen = cursor;
    reading.add(this);
    const { port, token } = lab.companion;
    const response = fetch(
      `http://127.0.0.1:${port}/v1/sessions/${sessionId}/stream?until=turn_end`,
      {
        headers: { authorization: `Bearer ${token}`, "last-event-id": String(cursor) },
        signal: this.#leave.signal,
      },
    );
    this.opened = response.then(() => {});
    this.ended = response.then((opened) => this.#read(opened)).catch(() => {});
  }

  leave(): void {
    this.#leave.abort();
  }

  async #read(response: Response): Promise<void> {
    let text = "";
    for await (const part of response.body ?? []) {
      text += Buffer.from(part).toString();
      const told = /event: log_reset\ndata: (.*)\n\n/.exec(text)?.[1];
      if (told !== undefined) this.reset ??= LogReset.parse(JSON.parse(told));
    }
  }
}
