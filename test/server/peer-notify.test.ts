// What companions on one Postgres tell each other: sooner than a look at the
// database, and never needed.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { createPeers } from "../../server/chat/log/peer-notify.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { parsePeerNotice } from "../../server/protocol/peer-notice.ts";
import { FINISH, type Script, say, stall, type TestChat, text } from "../support/chat.ts";
import { withDatabase } from "../support/database.ts";
import { POSTGRES } from "../support/engines.ts";
import { dropDatabase, freshDatabase } from "../support/postgres.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { withTwo } from "../support/two-companions.ts";

const NONE: Script = () => [FINISH];
const LOST = "hints of other companions do not arrive; the database is polled";

/** Says the time so often, 50 ms apart. */
const clock = (times: number, at: (n: number) => Promise<void> | void = () => {}): Script =>
  async function* () {
    for (let n = 0; n < times; n++) {
      await at(n);
      await delay(50);
      yield text(`${performance.now()} `);
    }
    yield FINISH;
  };

/** The chunks as the other companion's reader gets them, and how long each word took to it. */
async function readElsewhere(a: TestChat, b: TestChat) {
  const turn = await say(a.chat, "hi");
  const chunks: StreamChunk[] = [];
  const delays: number[] = [];
  const until = { pause_of: turn.turn_id };
  const signal = AbortSignal.timeout(30_000);
  for await (const batch of b.chat.stream(turn.session_id, { after: 0, until }, signal)) {
    for (const { chunk } of batch) {
      chunks.push(chunk);
      for (const time of (chunk.token ?? "").split(" ").filter(Boolean)) {
        delays.push(performance.now() - Number(time));
      }
    }
  }
  assert.deepEqual(
    chunks.map(({ seq }) => seq),
    chunks.map((_, index) => index + 1),
  );
  assert.equal(chunks.at(-1)?.type, "done");
  return { sessionId: turn.session_id, delays };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Lends a client that hears what is sent in this database. */
async function withEar(
  url: string,
  body: (heard: string[], client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const heard: string[] = [];
  client.on("notification", ({ payload = "" }) => heard.push(payload));
  await client.query("listen streamkeeper");
  try {
    await body(heard, client);
  } finally {
    await client.end();
  }
}

async function until(what: () => boolean): Promise<void> {
  for (const end = performance.now() + 45_000; !what(); await delay(10)) {
    assert.ok(performance.now() < end, `never: ${what.toString()}`);
  }
}

describe("hints between companions", function () {
  this.timeout(60_000);

  it("bring a word to the other companion long before it would look", () =>
    withTwo([clock(50), NONE], async (a, b) => {
      const { delays } = await readElsewhere(a, b);
      // By looking 4 times a second alone it is 125.
      assert.ok(median(delays.slice(-25)) < 60, `${median(delays.slice(-25))} ms`);
    }));

  it("stop a turn at once whose model says nothing, wherever somebody asks", () => {
    const hang: Script = async function* (_request, signal) {
      yield text("so far");
      await stall(signal);
    };
    return withTwo([hang, NONE], async (a, b, url) => {
      await withEar(url, async (_heard, client) => {
        // Both listen, and one has answered the other.
        await known(client, a, b);
        const turn = await say(a.chat, "hi");
        // From here on it stores nothing, by which it would notice.
        await until(() => a.requests.length === 1);
        await delay(500);
        const asked = performance.now();
        await b.chat.cancelTurn(turn.session_id);
        assert.ok(performance.now() - asked < 2_000, `${performance.now() - asked} ms`);
      });
    });
  });

  it("lose nothing when their connection is cut, and come back", () => {
    let cut = async () => {};
    return withTwo([clock(100, (n) => (n === 20 ? cut() : undefined)), NONE], async (a, b, url) => {
      await withEar(url, async (_heard, client) => {
        cut = async () => {
          const { rowCount } = await client.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'streamkeeper hints' and datname = current_database()",
          );
          assert.equal(rowCount, 2);
        };
        const { delays } = await readElsewhere(a, b);
        assert.ok(median(delays.slice(-25)) < 60, `${median(delays.slice(-25))} ms`);
        for (const { lines } of [a, b]) {
          const told = lines.map(({ msg }) => msg).filter((msg) => msg.startsWith("hints of"));
          assert.deepEqual(told, [LOST, "hints of other companions arrive again"]);
        }
      });
    });
  });

  it("that nobody of ours has sent change nothing", () =>
    withTwo([clock(30), NONE], async (a, b, url) => {
      const { sessionId } = await readElsewhere(a, b);
      await withEar(url, async (_heard, client) => {
        const left = new AbortController();
        const seen: string[] = [];
        const reading = (async () => {
          for await (const batch of b.chat.stream(
            sessionId,
            { after: 0, until: "left" },
            left.signal,
          )) {
            seen.push(...batch.map(({ chunk }) => chunk.type));
          }
        })();
        await until(() => seen.includes("done"));
        const before = seen.length;
        const from = "somebody";
        for (const payload of [
          "",
          "check",
          "null",
          "{",
          "[".repeat(7_000),
          { from: 1, news: [[sessionId, 5]] },
          { from, news: [[sessionId, -1]] },
          { from, news: [[sessionId, 1e300]] },
          { from, news: [[sessionId, Number.MAX_SAFE_INTEGER]] },
          { from, news: 5, look: 7 },
          { from, news: [["no such", 5]], look: ["'; drop table sessions; --"] },
          { from, look: [sessionId, "none"] },
          { from, asks: true, __proto__: { look: 1 } },
        ]) {
          const sent = typeof payload === "string" ? payload : JSON.stringify(payload);
          await client.query("select pg_notify('streamkeeper', $1)", [sent]);
        }
        await delay(500);
        assert.equal(seen.length, before);
        const more = await say(a.chat, "more", { session_id: sessionId });
        await until(() => seen.filter((type) => type === "done").length === 2);
        assert.equal(more.session_id, sessionId);
        left.abort();
        await reading;
        assert.deepEqual(
          b.lines.filter(({ level }) => level !== "debug" && level !== "info"),
          [],
        );
      });
    }));

  it("are not needed: nothing arrives, and it is said once", async () => {
    const other = await freshDatabase();
    try {
      await withTwo(
        [clock(30), NONE],
        async (a, b) => {
          await readElsewhere(a, b);
          await until(() => b.lines.some(({ msg }) => msg === LOST));
        },
        // Listens in another database, as deaf as behind a proxy that pools transactions.
        (url) => ({ engine: "postgres", url, directUrl: other }),
      );
    } finally {
      await dropDatabase(other);
    }
  });

  it("are not needed: nobody may listen, and it is said once", async () => {
    let attempts = 0;
    let proxy: TcpProxy | undefined;
    await withTwo(
      [clock(60), NONE],
      async (a, b) => {
        await readElsewhere(a, b);
        await until(() => attempts > 3);
        assert.equal(b.lines.filter(({ msg }) => msg === LOST).length, 1);
      },
      async (url) => {
        const direct = new URL(url);
        proxy = await startTcpProxy(Number(direct.port));
        proxy.onClientData = (data) => {
          if (!data.includes("listen streamkeeper")) return "pass";
          attempts++;
          return "cut";
        };
        direct.port = String(proxy.port);
        return { engine: "postgres", url, directUrl: direct.href };
      },
    );
    await proxy?.close();
  });

  it("are not sent while nobody is there", () =>
    withDatabase(POSTGRES, async ({ database, test }) => {
      await withEar(test.flag, async (heard) => {
        assert.ok(database.peerChannel);
        const hints = createPeers(database.peerChannel, "alone");
        const listening = Promise.withResolvers<void>();
        hints.listen({ onNews() {}, onLook() {}, onListening: listening.resolve });
        await listening.promise;
        for (let n = 1; n < 20; n++) {
          hints.news("session", n);
          await delay(10);
        }
        const words = heard.filter((payload) => !payload.startsWith("check "));
        assert.deepEqual(words, ['{"from":"alone","asks":true}']);
      });
    }));

  it("of very many sessions go out together, each within what Postgres takes", () =>
    withDatabase(POSTGRES, async ({ database, test }) => {
      await withEar(test.flag, async (heard, client) => {
        assert.ok(database.peerChannel);
        const hints = createPeers(database.peerChannel, "me");
        const listening = Promise.withResolvers<void>();
        const met = Promise.withResolvers<void>();
        const { resolve: onListening } = listening;
        hints.listen({ onNews: () => met.resolve(), onLook() {}, onListening });
        await listening.promise;
        await client.query("select pg_notify('streamkeeper', $1)", [
          JSON.stringify({ from: "other", news: [["met", 1]] }),
        ]);
        await met.promise;
        const ids = Array.from({ length: 10_000 }, (_, n) => `${n}`.padStart(36, "0"));
        for (const round of [1, 2]) for (const id of ids) hints.news(id, round);
        hints.look("gone");
        const told = () => heard.map(parsePeerNotice).filter((hint) => hint?.from === "me");
        await until(() => told().some((hint) => hint?.look?.includes("gone")));
        const news = told().flatMap((hint) => hint?.news ?? []);
        assert.deepEqual(new Map(news), new Map(ids.map((id) => [id, 2])));
        assert.equal(news.length, ids.length);
        assert.ok(heard.every((payload) => Buffer.byteLength(payload) < 8_000));
      });
    }));
});

/**
 * Resolves when both have heard of each other: to somebody who asks they answer, so
 * each is asked by a third.
 */
async function known(client: pg.Client, ...companions: TestChat[]): Promise<void> {
  const answers = new Set<string>();
  const note = ({ payload = "" }: pg.Notification) =>
    answers.add(parsePeerNotice(payload)?.from ?? "");
  client.on("notification", note);
  while (!companions.every(({ deps }) => answers.has(deps.owner))) {
    await client.query("select pg_notify('streamkeeper', $1)", ['{"from":"test","asks":true}']);
    await delay(50);
  }
  client.off("notification", note);
}
