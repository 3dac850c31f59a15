// Messages that wait where several companions share a Postgres.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { sendIdleQueues } from "../../server/chat/accept/send-queued.ts";
import type { Queue } from "../../server/protocol/stream-events.ts";
import { begin, endAfter, patient, queue, told, until, waiting } from "../support/queue.ts";
import { withTwo } from "../support/two-companions.ts";

describe("the queue of two companions", () => {
  it("is one: told to the readers of both, sent once, whoever is there", async () => {
    const { script, go } = patient();
    await withTwo([script, script], async (a, b) => {
      const turn = await begin(a.chat);
      const { session_id: id } = turn;
      const heard = Promise.withResolvers<void>();
      const left = new AbortController();
      const reading = (async () => {
        const onQueue = ({ messages }: Queue) => {
          if (messages.length === 3) heard.resolve();
        };
        const options = { after: turn.after, until: "left", onQueue } as const;
        for await (const _ of a.chat.stream(id, options, left.signal));
      })();
      await queue(b.chat, turn, "one");
      await queue(a.chat, turn, "two");
      await queue(b.chat, turn, "three");
      await heard.promise;
      left.abort();
      await reading;
      const ended = until(b.chat, id, endAfter("three"));
      go();
      // Both look for what waits, all the time.
      let isOver = false;
      const looking = (async () => {
        while (!isOver) {
          await Promise.all([sendIdleQueues(a.deps), sendIdleQueues(b.deps)]);
          await delay(5);
        }
      })();
      const chunks = await ended;
      isOver = true;
      await looking;
      const each = ["wait", "one", "two", "three"].flatMap((said) => [said, "(done)"]);
      assert.deepEqual(told(chunks), each);
      assert.deepEqual(await waiting(a.chat, id), []);
    });
  }).timeout(30_000);

  it("is stopped from either, and nothing is sent in between", async () => {
    const { script } = patient();
    await withTwo([script, script], async (a, b) => {
      const turn = await begin(a.chat);
      const { session_id: id } = turn;
      await queue(a.chat, turn, "one");
      await b.chat.cancelTurn(id);
      await Promise.all([sendIdleQueues(a.deps), sendIdleQueues(b.deps)]);
      assert.deepEqual(await waiting(a.chat, id), ["one (stopped)"]);
      await b.chat.resumeQueue(id);
      const chunks = await until(a.chat, id, endAfter("one"));
      assert.deepEqual(told(chunks), ["wait", "(interrupted)", "one", "(done)"]);
    });
  }).timeout(30_000);
});
