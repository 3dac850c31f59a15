// Statements that the server is slow to carry out, and that nobody waits for any more: whatever
// becomes of them, the log, the messages, what readers saw and what the model is told say the same.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import pg from "pg";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { FINISH, openChat, read, type Script, say, type TestChat, text } from "../support/chat.ts";
import { POSTGRES } from "../support/engines.ts";
import { startPostgres } from "../support/postgres.ts";
import { carries, startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";

const WORDS = Array.from({ length: 30 }, (_, n) => `w${n} `);
const WHOLE = WORDS.join("");
const GAP_MS = 4;

/** Words, each in its own commit or so; the second message is answered at once. */
const SPEAK: Script = async function* ({ messages }) {
  if (messages.at(-1)?.content === "next") yield text("ok");
  else {
    for (const word of WORDS) {
      await delay(GAP_MS);
      yield text(word);
    }
  }
  yield FINISH;
};

const LOCKS = {
  chunks: "lock table chunks in access exclusive mode",
  "new chunks": "lock table chunks in share mode",
  sessions: "select from sessions for update",
  messages: "lock table messages in access exclusive mode",
  calls: "lock table tool_calls in access exclusive mode",
};
const LOCKED = Object.keys(LOCKS) as (keyof typeof LOCKS)[];

/**
 * What happens while an answer is written: something is locked for a while, and
 * statements are given up on.
 */
const mishap = fc.record({
  afterMs: fc.integer({ min: 0, max: 100 }),
  /** The first let go of after so long, then the others one by one. */
  locks: fc.uniqueArray(fc.constantFrom(...LOCKED), { maxLength: 3 }),
  forMs: fc.integer({ min: 20, max: 300 }),
  /** Of the appends that come meanwhile, so many are given up on. */
  givenUp: fc.integer({ min: 0, max: 8 }),
});
type Mishap = typeof mishap extends fc.Arbitrary<infer T> ? T : never;

const isAppend = carries("insert into chunks");

async function suffer(proxy: TcpProxy, url: string, { afterMs, locks, forMs, givenUp }: Mishap) {
  await delay(afterMs);
  const others = locks.map((name) => ({ name, client: new pg.Client({ connectionString: url }) }));
  for (const { client } of others) {
    client.on("error", () => {});
    await client.connect();
  }
  let left = givenUp;
  proxy.onClientData = (data) => {
    if (left === 0 || !isAppend(data)) return "pass";
    left--;
    return "give up";
  };
  for (const { name, client } of others) {
    // What waits for the first may hold what the second wants.
    await client.query(`set lock_timeout = 300; begin; ${LOCKS[name]}`).catch(() => {});
  }
  for (const [index, { client }] of others.entries()) {
    await delay(index === 0 ? forMs : 100);
    await client.end();
  }
  proxy.onClientData = () => "pass";
}

const tokens = (chunks: readonly StreamChunk[]) =>
  chunks.flatMap(({ type, token }) => (type === "assistant_message" ? [token] : [])).join("");

async function logOf({ chat }: TestChat, sessionId: string): Promise<StreamChunk[]> {
  const options = { after: 0, until: "turn_end" } as const;
  const chunks: StreamChunk[] = [];
  for await (const batch of chat.stream(sessionId, options, new AbortController().signal)) {
    chunks.push(...batch.map(({ chunk }) => chunk));
  }
  return chunks;
}

async function checkOneAnswer(open: TestChat, proxy: TcpProxy, url: string, mishaps: Mishap[]) {
  const turn = await say(open.chat, "speak");
  const reading = read(open.chat, turn);
  for (const one of mishaps) await suffer(proxy, url, one);
  const seen = await reading;
  const log = await logOf(open, turn.session_id);
  assert.deepEqual(seen, log, "the reader saw the log");
  assert.deepEqual(
    log.map(({ seq }) => seq),
    log.map((_, index) => index + 1),
  );
  const said = tokens(log);
  assert.ok(WHOLE.startsWith(said), `nothing twice, nothing left out: ${said}`);
  if (log.at(-1)?.type === "done") assert.equal(said, WHOLE);
  const rows = await open.database.reader
    .selectFrom("messages")
    .select("content")
    .where("session_id", "=", turn.session_id)
    .where("role", "=", "assistant")
    .execute();
  assert.equal(rows.map(({ content }) => content).join(""), said, "the message is what was shown");
  await read(open.chat, await say(open.chat, "next", { session_id: turn.session_id }));
  const told = open.requests.at(-1)?.messages.find(({ role }) => role === "assistant");
  assert.ok(said === "" || String(told?.content).startsWith(said), "the model is told all of it");
}

describe("statements that were given up on", () => {
  async function withRelay(body: (open: TestChat, proxy: TcpProxy, url: string) => Promise<void>) {
    const database = await POSTGRES.create();
    const url = new URL(database.flag);
    const proxy = await startTcpProxy(Number(url.port));
    url.port = String(proxy.port);
    const source = { engine: "postgres", url: url.href, directUrl: database.flag } as const;
    const open = await openChat(source, SPEAK);
    try {
      await body(open, proxy, database.flag);
    } finally {
      await open.close();
      await proxy.close();
      await database.remove();
    }
  }

  it("are carried out once or not at all: what readers saw is what the message says", () =>
    withRelay(async (open, proxy, url) => {
      await fc.assert(
        fc.asyncProperty(fc.array(mishap, { minLength: 1, maxLength: 2 }), (mishaps) =>
          checkOneAnswer(open, proxy, url, mishaps),
        ),
        {
          numRuns: 12,
          endOnFailure: true,
          examples: [
            [[{ afterMs: 30, locks: ["chunks"], forMs: 300, givenUp: 1 }]],
            [[{ afterMs: 30, locks: ["sessions"], forMs: 1_800, givenUp: 8 }]],
            // The end of the turn has read all there is, and waits for something else,
            // when the late ones come.
            [[{ afterMs: 30, locks: ["new chunks", "calls"], forMs: 1_500, givenUp: 8 }]],
          ],
        },
      );
    })).timeout(120_000);
});

describe("commits that wait for a standby that is away", () => {
  // Longer than the driver waits for a statement, and than anybody waits for a lock.
  const AWAY_MS = 14_000;

  it("end no answer: what they hold is waited for as long as the database itself", async () => {
    const server = await startPostgres();
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    const setStandby = async (name: string) => {
      await admin.query(`alter system set synchronous_standby_names = '${name}'`);
      await admin.query("select pg_reload_conf()");
    };
    // Some end in each moment of the beginning; others have said all by then, and end meanwhile,
    // when a renewal of the leases holds the rows that they need.
    const script: Script = async function* ({ messages }) {
      const words = Number(messages[0]?.content);
      for (let n = 0; n < words; n++) {
        await delay(20);
        yield text(`w${n} `);
      }
      if (words < 30) await delay(4_000);
      yield FINISH;
    };
    const open = await openChat({ engine: "postgres", url: server.url }, script);
    try {
      const answers = Array.from({ length: 60 }, async (_, n) => {
        const words = 20 + n * 2;
        const seen = await read(open.chat, await say(open.chat, String(words)));
        const last = seen.at(-1);
        assert.equal(last?.type, "done", JSON.stringify(last));
        assert.equal(tokens(seen), Array.from({ length: words }, (_, w) => `w${w} `).join(""));
      });
      await delay(700);
      await setStandby("nobody");
      await delay(AWAY_MS);
      await setStandby("");
      await Promise.all(answers);
    } finally {
      await setStandby("");
      await admin.end();
      await open.close();
      await server.stop();
    }
  }).timeout(90_000);
});
