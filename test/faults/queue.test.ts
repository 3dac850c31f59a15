// The companion is killed while messages wait behind answers: each is sent once, in its order.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { ENGINES, POSTGRES } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { Conversation } from "./support/conversation.ts";
import { type Lab, withLab, withTwoLabs } from "./support/lab.ts";
import type { Wish } from "./support/paced-upstream.ts";
import { record } from "./support/results.ts";
import { viewStorage } from "./support/storage-view.ts";

const KILLS = FULL ? 25 : 3;
const SESSIONS = 5;
const QUEUED = 3;
/** Between the first message on its way and the last answer. */
const LONGEST_MS = 700;

/** Until the companion has it, whatever happens meanwhile. */
async function queue(where: Lab["where"], one: Conversation, wish: Wish): Promise<void> {
  for (;;) {
    const { port, token } = await where();
    const body = {
      session_id: one.sessionId,
      request_id: one.requestId,
      when_busy: "queue",
      message: { type: "user_message", content: JSON.stringify(wish) },
    };
    const status = await fetch(`http://127.0.0.1:${port}/v1/messages/stream`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    }).then(
      async (response) => {
        await response.body?.cancel();
        return response.status;
      },
      () => 0,
    );
    if (status === 202 || status === 200) return;
    assert.ok([0, 503].includes(status), `queued: ${status}`);
    await delay(20);
  }
}

/** A chat whose first answer runs while the others come; resolves when all have been answered. */
async function chat(where: Lab["where"], n: number): Promise<Conversation[]> {
  const wish = (words: number): Wish => ({ words, gap_ms: 2 });
  const first = new Conversation(wish(60 + n));
  const answered = [first.run(where)];
  while (first.sessionId === undefined) await delay(2);
  const all = [first];
  for (let k = 0; k < QUEUED; k++) {
    const one = new Conversation(wish(10 + k), first.sessionId);
    all.push(one);
    await queue(where, one, wish(10 + k));
    // Asked for under the same id: the turn that it makes, once it has been sent.
    answered.push(one.run(where));
  }
  await Promise.all(answered);
  return all;
}

async function checkOrder(lab: Lab, chats: readonly Conversation[][]): Promise<void> {
  const view = viewStorage(lab.database);
  try {
    for (const [first, ...queued] of chats) {
      const rows = await view.rows<{ turn_id: string }>(
        "select turn_id from messages where session_id = ? and role = 'user' order by position",
        [first?.sessionId ?? ""],
      );
      const wanted = [first, ...queued].map((one) => one?.turnId);
      assert.deepEqual(
        rows.map(({ turn_id }) => turn_id),
        wanted,
        `the order of ${first?.sessionId}`,
      );
      const left = await view.rows("select id from queued_messages where session_id = ?", [
        first?.sessionId ?? "",
      ]);
      assert.deepEqual(left, []);
    }
  } finally {
    await view.close();
  }
}

for (const engine of ENGINES) {
  describe(`messages that wait on ${engine.engine}`, function () {
    this.timeout(FULL ? 900_000 : 120_000);

    it(`are sent once and in order, though the companion dies at ${KILLS} moments`, () =>
      withLab(engine, async (lab) => {
        for (let n = 0; n < KILLS; n++) {
          const running = Promise.all(
            Array.from({ length: SESSIONS }, (_, k) => chat(lab.where, k)),
          );
          await delay(Math.random() * LONGEST_MS);
          await lab.kill();
          await lab.start();
          await delay(Math.random() * LONGEST_MS);
          await lab.kill();
          await lab.start();
          const chats = await running;
          await checkOrder(lab, chats);
          const checks = await lab.check(chats.flat(), 2);
          record("kill -9, messages wait", engine.engine, checks, 2);
        }
      }));
  });
}

describe("messages that wait on a Postgres of two companions", function () {
  this.timeout(FULL ? 2_400_000 : 300_000);

  it(`are sent once and in order, though the companions die by turns at ${KILLS} moments`, async () => {
    const database = await POSTGRES.create();
    try {
      await withTwoLabs(database.flag, async (labs) => {
        for (let n = 0; n < 2 * KILLS; n++) {
          // Each chat is at home with one of them, and its messages wait for either.
          const homes = Array.from({ length: 2 * SESSIONS }, (_, k) => labs[k % 2] ?? labs[0]);
          const running = Promise.all(homes.map(({ where }, k) => chat(where, k)));
          await delay(Math.random() * LONGEST_MS);
          const [victim, other] = n % 2 === 0 ? labs : labs.toReversed();
          assert.ok(victim && other);
          await victim.kill();
          await victim.start();
          const chats = await running;
          await checkOrder(other, chats);
          const checks = await other.check(chats.flat(), 2);
          record("kill -9 of one of two, messages wait", "postgres", checks);
        }
      });
    } finally {
      await database.remove();
    }
  });
});
