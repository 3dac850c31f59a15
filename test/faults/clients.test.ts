// Clients that are many, slow, gone, back again, or ask the same thing at the same time.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { ENGINES } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { Conversation } from "./support/conversation.ts";
import { answering, type Lab, until, withLab } from "./support/lab.ts";
import { record } from "./support/results.ts";

for (const engine of ENGINES) {
  describe(`clients on ${engine.engine}`, function () {
    this.timeout(300_000);

    it("are 1,000 at once", () =>
      withLab(engine, async (lab) => {
        const { conversations, ended } = lab.talk(1_000, { words: 40, gap_ms: 50 });
        await ended;
        for (const { final } of conversations) {
          assert.equal(final?.type, "done", JSON.stringify(final));
        }
        record("1,000 streams", engine.engine, await lab.check(conversations, 20));
      }));

    it("are 100 readers of each of 10 answers", () =>
      withLab(engine, async (lab) => {
        const { conversations, ended } = lab.talk(10, { words: 200, gap_ms: 5 });
        await until("words", answering(conversations));
        const readers = conversations.flatMap((one) =>
          Array.from({ length: 100 }, () => readerOf(one)),
        );
        await Promise.all([ended, ...readers.map((one) => one.run(lab.where))]);
        for (const [n, reader] of readers.entries()) {
          const one = conversations[Math.floor(n / 100)];
          assert.equal(reader.text, one?.text);
        }
        const checks = await lab.check(conversations, 5);
        record("100 readers of each of 10 answers", engine.engine, {
          ...checks,
          readers: checks.readers + readers.length,
        });
      }));

    it("do not read at all", () =>
      withLab(engine, async (lab) => {
        const { conversations, ended } = lab.talk(20, { words: 400, gap_ms: 3 });
        await until("words", answering(conversations));
        const { port, token } = lab.address;
        const deaf = conversations.map(({ sessionId }) => {
          const socket = connect(port, "127.0.0.1");
          socket.on("error", () => {});
          socket.pause();
          socket.write(
            `GET /v1/sessions/${sessionId}/stream HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
          );
          return socket;
        });
        await ended;
        for (const { final } of conversations) assert.equal(final?.type, "done");
        for (const socket of deaf) socket.destroy();
        record(
          "a client that never reads, on each stream",
          engine.engine,
          await lab.check(conversations, 5),
        );
      }));

    it("reconnect 200 times at random cursors", () =>
      withLab(engine, async (lab) => {
        const { conversations, ended } = lab.talk(1, { words: 400, gap_ms: 5 });
        await until("words", answering(conversations));
        const [first] = conversations;
        assert.ok(first);
        let reconnects = 0;
        while (reconnects < 200) {
          const seen = first.frames.size;
          await Promise.all(
            Array.from({ length: 20 }, () =>
              readSome(lab, first, Math.floor(Math.random() * seen)),
            ),
          );
          reconnects += 20;
        }
        await ended;
        const checks = await lab.check(conversations);
        record("200 reconnects at random cursors", engine.engine, {
          ...checks,
          readers: checks.readers + reconnects,
        });
      }));

    it("go away at once, and their answers go on", () =>
      withLab(engine, async (lab) => {
        const wish = { words: 100, gap_ms: 5 };
        const conversations = Array.from({ length: 50 }, () => new Conversation(wish));
        await Promise.all(
          conversations.map(async (one) => {
            const gone = new AbortController();
            const reading = one.run(lab.where, gone.signal);
            await until("a first word", () => one.turnId !== undefined);
            gone.abort();
            one.leave();
            await reading;
          }),
        );
        // They come back by their cursors.
        await Promise.all(conversations.map((one) => one.run(lab.where)));
        for (const { final } of conversations) assert.equal(final?.type, "done");
        record(
          "clients gone in the middle, and back",
          engine.engine,
          await lab.check(conversations, 5),
        );
      }));

    it("send to a session that 64 others read, each in a message of its own", () =>
      withLab(engine, async (lab) => {
        const { conversations, ended } = lab.talk(1, { words: 2, gap_ms: 1 });
        await ended;
        const { port, token } = lab.address;
        const session = conversations[0]?.sessionId;
        const gone = new AbortController();
        const headers = { authorization: `Bearer ${token}` };
        const others: Response[] = [];
        for (let n = 0; n < 64; n++) {
          const url = `http://127.0.0.1:${port}/v1/sessions/${session}/stream`;
          others.push(await fetch(url, { headers, signal: gone.signal }));
        }
        const authors: Conversation[] = [];
        for (let n = 0; n < (FULL ? 20 : 5); n++) {
          const one = new Conversation({ words: 20, gap_ms: 1 }, session);
          await one.run(lab.where);
          assert.deepEqual(one.refusals, []);
          authors.push(one);
        }
        assert.equal(others.length, 64);
        gone.abort();
        const checks = await lab.check(authors, 1);
        record("a message to a session with 64 readers", engine.engine, checks);
      }));

    it("send from two windows at once", () =>
      withLab(engine, async (lab) => {
        for (let n = 0; n < (FULL ? 20 : 5); n++) {
          const { conversations, ended } = lab.talk(1, { words: 2, gap_ms: 1 });
          await ended;
          const session = conversations[0]?.sessionId;
          const two = [0, 1].map(() => new Conversation({ words: 20, gap_ms: 5 }, session));
          // The one that comes second is refused with 409 and tries again until
          // the first has its answer.
          await Promise.all(two.map((one) => one.run(lab.where)));
          for (const one of two) assert.equal(one.final?.type, "done");
          const [a, b] = two.map((one) => [...one.frames.keys()]);
          assert.ok(!a?.some((seq) => b?.includes(seq)), "one answer after the other");
          record("two windows send at once", engine.engine, await lab.check(two));
        }
      }));

    it("send one message 50 times at once", () =>
      withLab(engine, async (lab) => {
        for (let n = 0; n < (FULL ? 20 : 5); n++) {
          const wish = { words: 20, gap_ms: 5 };
          const one = new Conversation(wish);
          const copies = Array.from(
            { length: 49 },
            () => new Conversation(wish, undefined, { requestId: one.requestId }),
          );
          await Promise.all([one, ...copies].map((copy) => copy.run(lab.where)));
          for (const copy of copies) {
            assert.equal(copy.turnId, one.turnId);
            assert.equal(copy.text, one.text);
          }
          record("one message sent 50 times", engine.engine, await lab.check([one, ...copies], 1));
        }
      }));
  });
}

/** Reads the turn of `one` from its beginning. */
function readerOf(one: Conversation): Conversation {
  const reader = new Conversation({ words: 0, gap_ms: 0 }, one.sessionId);
  reader.turnId = one.turnId;
  return reader;
}

/** A few frames after `cursor`, which must be the ones that follow it. */
async function readSome({ address }: Lab, one: Conversation, cursor: number): Promise<void> {
  const reader = new Conversation({ words: 0, gap_ms: 0 }, one.sessionId, { cursor });
  reader.turnId = one.turnId;
  const gone = new AbortController();
  const reading = reader.run(() => Promise.resolve(address), gone.signal);
  const enough = Math.ceil(Math.random() * 5);
  await until("a few frames", () => reader.frames.size >= enough || reader.final !== undefined);
  gone.abort();
  reader.leave();
  await reading;
  assert.deepEqual(reader.complaints, []);
  const [first] = reader.frames.keys();
  assert.equal(first, cursor + 1);
}
