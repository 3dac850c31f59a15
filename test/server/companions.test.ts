// Several companions on one Postgres: any of them serves any session.
import assert from "node:assert/strict";
import { ChatError } from "../../server/errors.ts";
import {
  collect,
  FINISH,
  read,
  type Script,
  say,
  stall,
  text,
  transcript,
} from "../support/chat.ts";
import { withTwo } from "../support/two-companions.ts";

const HANG: Script = async function* (_request, signal) {
  yield text("so far");
  await stall(signal);
};
const HELLO: Script = () => [text("Hello"), FINISH];

describe("two companions on one Postgres", () => {
  it("shows in one, live, what runs in the other", async () => {
    const more = Promise.withResolvers<void>();
    const slow: Script = async function* () {
      yield text("first ");
      await more.promise;
      yield text("second");
      yield FINISH;
    };
    await withTwo([slow, HELLO], async (a, b) => {
      const turn = await say(a.chat, "hi");
      const seen: string[] = [];
      const until = { pause_of: turn.turn_id };
      const signal = new AbortController().signal;
      for await (const batch of b.chat.stream(turn.session_id, { after: 0, until }, signal)) {
        for (const { chunk } of batch) {
          seen.push(chunk.type);
          if (chunk.token === "first ") more.resolve();
        }
      }
      assert.deepEqual(seen, [
        "session_info",
        "user_message",
        "assistant_message",
        "assistant_message",
        "done",
      ]);
    });
  });

  it("keeps one writer per session, and stops its turn from anywhere", async () => {
    await withTwo([HANG, HELLO], async (a, b) => {
      const turn = await say(a.chat, "hi");
      const { session_id } = turn;
      await assert.rejects(
        say(b.chat, "me too", { session_id }),
        (thrown) => thrown instanceof ChatError && thrown.code === "session_busy",
      );
      assert.deepEqual(await b.chat.cancelTurn(session_id), { turn_id: turn.turn_id });
      const chunks = await read(b.chat, turn);
      assert.equal(transcript(chunks).at(-1), "interrupted cancelled");
      const answer = await read(b.chat, await say(b.chat, "now me", { session_id }));
      assert.equal(answer.at(-1)?.type, "done");
    });
  }).timeout(30_000);

  it("copies a chat once for one request_id, though both get it many times", async () => {
    await withTwo([HELLO, HELLO], async (a, b) => {
      const turn = await say(a.chat, "hi");
      await read(a.chat, turn);
      const copies = await Promise.all(
        Array.from({ length: 20 }, (_, n) => {
          const { chat } = n % 2 === 0 ? a : b;
          return chat.forkSession(turn.session_id, { request_id: "a-copy" });
        }),
      );
      assert.equal(new Set(copies.map(({ id }) => id)).size, 1);
      assert.equal((await b.chat.listSessions({})).sessions.length, 2);
    });
  });

  it("takes one request_id once, though both get it many times", async () => {
    await withTwo([HELLO, HELLO], async (a, b) => {
      const sends = Array.from({ length: 20 }, (_, n) =>
        say(n % 2 ? a.chat : b.chat, "hi", { request_id: "same" }),
      );
      const turns = await Promise.all(sends);
      assert.equal(new Set(turns.map((turn) => turn.turn_id)).size, 1);
      const turn = turns[0];
      assert.ok(turn);
      const [fromA, fromB] = await Promise.all([read(a.chat, turn), read(b.chat, turn)]);
      assert.deepEqual(fromA, fromB);
      assert.equal(a.requests.length + b.requests.length, 1);
      const log = await collect(a.chat, turn.session_id, { after: 0, until: "turn_end" });
      assert.deepEqual(
        log.map((chunk) => chunk.seq),
        log.map((_, index) => index + 1),
      );
    });
  });
});
