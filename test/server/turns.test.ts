// Turns on both engines: what a client sees is what is stored, whatever happens.
import assert from "node:assert/strict";
import fc from "fast-check";
import { sql } from "kysely";
import type { Chat } from "../../server/chat/chat.ts";
import { ChatError } from "../../server/errors.ts";
import { metadataOf } from "../support/any-chunk.ts";
import {
  collect,
  FINISH,
  openChat,
  read,
  type Script,
  say,
  stall,
  text,
  transcript,
  withChat,
} from "../support/chat.ts";
import { metric } from "../support/database.ts";
import { ENGINES } from "../support/engines.ts";

const HELLO: Script = () => [text("Hel"), text("lo"), FINISH];

/** Says a little, then waits until it is stopped. */
const HANG: Script = async function* (_request, signal) {
  yield text("so far");
  await stall(signal);
};

const isCode = (code: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof ChatError, String(thrown));
  assert.equal(thrown.code, code);
  return true;
};

/** Resolves when this delta was shown. */
async function seen(chat: Chat, sessionId: string, token: string): Promise<void> {
  const options = { after: 0, until: "left" } as const;
  for await (const batch of chat.stream(sessionId, options, new AbortController().signal)) {
    if (batch.some(({ chunk }) => chunk.token === token)) return;
  }
}

for (const engine of ENGINES) {
  describe(`turns on ${engine.engine}`, () => {
    it("streams an answer from its first chunk to done, numbered without gaps", () =>
      withChat(engine, HELLO, async ({ chat }) => {
        const chunks = await read(chat, await say(chat, "hi"));
        assert.deepEqual(transcript(chunks), [
          "session_info",
          "user_message hi",
          "assistant_message Hello",
          "done",
        ]);
        assert.deepEqual(
          chunks.map((chunk) => chunk.seq),
          chunks.map((_, index) => index + 1),
        );
        assert.deepEqual(
          chunks.filter((chunk) => chunk.is_final).map((chunk) => chunk.type),
          ["done"],
        );
      }));

    it("goes on when nobody reads", () =>
      withChat(engine, HELLO, async ({ chat }) => {
        const turn = await say(chat, "hi");
        const reader = new AbortController();
        for await (const _ of chat.stream(
          turn.session_id,
          { after: 0, until: "left" },
          reader.signal,
        )) {
          reader.abort();
        }
        const chunks = await read(chat, turn);
        assert.equal(chunks.at(-1)?.type, "done");
      }));

    it("gives a reader exactly what it lacks, from any cursor", () =>
      withChat(
        engine,
        () => [...Array.from({ length: 40 }, (_, n) => text(`word${n} `)), FINISH],
        async ({ chat }) => {
          const turn = await say(chat, "hi");
          const all = await read(chat, turn);
          await fc.assert(
            fc.asyncProperty(fc.integer({ min: 0, max: all.length - 1 }), async (after) => {
              const until = { pause_of: turn.turn_id };
              const rest = await collect(chat, turn.session_id, { after, until });
              assert.deepEqual(rest, all.slice(after));
            }),
            { numRuns: 25 },
          );
        },
      ));

    it("serves readers that come, go and come back while the answer streams", () =>
      withChat(
        engine,
        async function* () {
          for (let n = 0; n < 60; n++) {
            yield text(`w${n} `);
            await new Promise((resolve) => setImmediate(resolve));
          }
          yield FINISH;
        },
        async ({ chat }) => {
          const turn = await say(chat, "hi");
          const seen: number[] = [];
          let cursor = 0;
          for (let done = false; !done; ) {
            const leave = new AbortController();
            const options = { after: cursor, until: "left" } as const;
            for await (const batch of chat.stream(turn.session_id, options, leave.signal)) {
              for (const { chunk } of batch) seen.push(chunk.seq);
              cursor = seen.at(-1) ?? 0;
              done = batch.some(({ chunk }) => chunk.is_final);
              leave.abort();
            }
          }
          assert.deepEqual(
            seen,
            seen.map((_, index) => index + 1),
          );
        },
      ));

    it("takes a repeated request_id once, however many come at the same time", () =>
      withChat(engine, HELLO, async ({ chat, requests, database }) => {
        const sends = Array.from({ length: 20 }, () => say(chat, "hi", { request_id: "r-1" }));
        const turns = await Promise.all(sends);
        const first = turns[0];
        assert.ok(first);
        const streams = await Promise.all(turns.map((turn) => read(chat, turn)));
        for (const stream of streams) assert.deepEqual(stream.at(-1), streams[0]?.at(-1));
        assert.equal(new Set(turns.map((turn) => turn.turn_id)).size, 1);
        assert.equal(requests.length, 1, "the model was asked once");
        const sessions = await database.reader.selectFrom("sessions").select("id").execute();
        assert.equal(sessions.length, 1);

        assert.equal((await say(chat, "hi", { request_id: "r-1" })).turn_id, first.turn_id);
        await assert.rejects(
          say(chat, "something else", { request_id: "r-1" }),
          isCode("request_conflict"),
        );
      }));

    it("has one writer per session: a second message is refused and says who holds it", () =>
      withChat(engine, HANG, async ({ chat }) => {
        const turn = await say(chat, "first");
        const { session_id } = turn;
        await assert.rejects(say(chat, "second", { session_id }), (thrown) => {
          isCode("session_busy")(thrown);
          return String(thrown).includes(turn.turn_id);
        });
        await seen(chat, session_id, "so far");
        assert.deepEqual(await chat.cancelTurn(session_id), { turn_id: turn.turn_id });
        const chunks = await read(chat, turn);
        assert.deepEqual(transcript(chunks).slice(2), [
          "assistant_message so far",
          "interrupted cancelled",
        ]);
        const { messages } = await chat.listMessages(session_id);
        assert.deepEqual(
          messages.map(({ role, content, status }) => [role, content, status]),
          [
            ["user", "first", "complete"],
            ["assistant", "so far", "partial"],
          ],
        );
        assert.deepEqual(await chat.cancelTurn(session_id), { turn_id: null });
      }));

    it("keeps the tokens before a failure and ends with its error", () =>
      withChat(
        engine,
        async function* () {
          yield text("half an ");
          yield text("answer");
          throw new ChatError("upstream_cut", "The answer was cut off.", { hint: "Try again." });
        },
        async ({ chat, metrics }) => {
          const chunks = await read(chat, await say(chat, "hi", { model: "openai/x" }));
          assert.deepEqual(transcript(chunks).slice(2), [
            "assistant_message half an answer",
            "error upstream_cut",
          ]);
          const last = chunks.at(-1);
          assert.equal(last?.error, "The answer was cut off.");
          assert.equal(metadataOf(last).hint, "Try again.");
          assert.equal(metadataOf(last).kept_chars, 14);
          const labels = { provider: "openai", code: "upstream_cut" };
          assert.equal(await metric(metrics, "chat_upstream_errors_total", labels), 1);
        },
      ));

    it("tells a client nothing of an unexpected error's insides", () =>
      withChat(
        engine,
        () => {
          throw new Error("password=hunter2 in /secret/path");
        },
        async ({ chat }) => {
          const chunks = await read(chat, await say(chat, "hi"));
          assert.deepEqual(transcript(chunks).at(-1), "error internal");
          assert.doesNotMatch(JSON.stringify(chunks), /hunter2|secret/);
        },
      ));

    it("leaves a replaced turn out of the conversation, not out of the log", () =>
      withChat(engine, HELLO, async ({ chat, requests }) => {
        const first = await say(chat, "draft");
        await read(chat, first);
        const { session_id } = first;
        await read(chat, await say(chat, "final", { session_id, replaces_turn_id: first.turn_id }));
        assert.deepEqual(requests.at(-1)?.messages, [{ role: "user", content: "final" }]);
        const { messages } = await chat.listMessages(session_id);
        assert.deepEqual(
          messages.map((message) => message.content),
          ["final", "Hello"],
        );
        const log = await collect(chat, session_id, { after: 0, until: "turn_end" });
        assert.ok(log.some((chunk) => chunk.content === "draft"));
        await assert.rejects(
          say(chat, "x", { session_id, replaces_turn_id: "nobody" }),
          isCode("invalid_request"),
        );
      }));

    it("closes what a crash left open, with a history that any provider accepts", async () => {
      const database = await engine.create();
      const crashed = await openChat(database.source, HANG);
      const turn = await say(crashed.chat, "question");
      await seen(crashed.chat, turn.session_id, "so far");
      if (engine.engine === "postgres") {
        // Its lease runs out; the clock is the database's.
        await sql`update sessions set lease_expires_at = 0`.execute(crashed.database.writer);
      }
      await crashed.crash();

      const next = await openChat(database.source, HELLO);
      const chunks = await read(next.chat, turn);
      assert.deepEqual(transcript(chunks).slice(2), [
        "assistant_message so far",
        "interrupted server_restarted",
      ]);
      const { session_id } = turn;
      const answer = await read(next.chat, await say(next.chat, "again", { session_id }));
      assert.equal(answer.at(-1)?.type, "done");
      assert.deepEqual(next.requests[0]?.messages, [
        { role: "user", content: "question" },
        { role: "assistant", content: "so far", tool_calls: [] },
        { role: "user", content: "again" },
      ]);
      await next.close();
      await database.remove();
    });

    it("lets a writer whose lease was taken over write nothing", async () => {
      const database = await engine.create();
      const release = Promise.withResolvers<void>();
      const paused = await openChat(database.source, async function* () {
        yield text("before");
        await release.promise;
        yield text("zombie");
        yield FINISH;
      });
      const turn = await say(paused.chat, "hi");
      await seen(paused.chat, turn.session_id, "before");
      await sql`update sessions set lease_expires_at = 0`.execute(paused.database.writer);
      const heir = await openChat(database.source, HELLO);
      release.resolve();
      // It notices by itself, at its next commit.
      while (paused.deps.turns.count > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const log = await collect(heir.chat, turn.session_id, { after: 0, until: "turn_end" });
      assert.deepEqual(transcript(log).slice(2), [
        "assistant_message before",
        "interrupted server_restarted",
      ]);
      await heir.close();
      await paused.close();
      await database.remove();
    });

    it("delays no other stream when one model stalls and one reader does not read", () =>
      withChat(
        engine,
        async function* ({ messages }, signal) {
          if (JSON.stringify(messages).includes("stall")) {
            yield text("stuck");
            await stall(signal);
          }
          yield text("Hello");
          yield FINISH;
        },
        async ({ chat }) => {
          const stuck = await say(chat, "stall");
          const lazy = chat.stream(
            stuck.session_id,
            { after: 0, until: "left" },
            new AbortController().signal,
          );
          const reader = lazy[Symbol.asyncIterator]();
          await reader.next();
          const reading = Array.from({ length: 20 }, async () => read(chat, await say(chat, "hi")));
          const others = await Promise.all(reading);
          assert.ok(others.every((chunks) => chunks.at(-1)?.type === "done"));
          while (chat.runningTurns() > 1) await new Promise((resolve) => setImmediate(resolve));
          assert.equal(chat.runningTurns(), 1, "the stalled one");
          await reader.return?.();
        },
      ));

    it("ends running turns as interrupted when it drains, and takes no new ones", () =>
      withChat(engine, HANG, async ({ chat, deps: { turns } }) => {
        const turn = await say(chat, "hi");
        await turns.drain();
        const chunks = await read(chat, turn);
        assert.equal(transcript(chunks).at(-1), "interrupted server_stopped");
        await assert.rejects(say(chat, "more"), isCode("draining"));
      }));

    it("ends the streams of a session that is deleted, with its running turn", () =>
      withChat(engine, HANG, async ({ chat, database }) => {
        const { session_id } = await say(chat, "hi");
        await seen(chat, session_id, "so far");
        const reading = collect(chat, session_id, { after: 0, until: "left" });
        await chat.deleteSession(session_id, true);
        const chunks = await reading;
        assert.equal(chunks[0]?.type, "session_info");
        await assert.rejects(chat.getSession(session_id), isCode("not_found"));
        const left = await database.reader.selectFrom("chunks").select("seq").execute();
        assert.deepEqual(left, []);
      }));

    it("searches titles and texts, whatever the case, and pages", () =>
      withChat(
        engine,
        () => [text("Ответ о Работе"), FINISH],
        async ({ chat }) => {
          for (const title of ["alpha", "beta", "Gamma 100%"])
            await read(chat, await say(chat, title));
          const found = async (query: string) =>
            (await chat.listSessions({ query })).sessions.map(({ title }) => title).toSorted();
          assert.deepEqual(await found("GAMMA"), ["Gamma 100%"]);
          assert.deepEqual(await found("100%"), ["Gamma 100%"]);
          assert.deepEqual(await found("%"), ["Gamma 100%"]);
          assert.equal((await found("работе")).length, 3);
          const first = await chat.listSessions({ limit: 2 });
          assert.ok(first.next_cursor);
          const second = await chat.listSessions({ limit: 2, cursor: first.next_cursor });
          assert.equal(second.next_cursor, null);
          const ids = [...first.sessions, ...second.sessions].map(({ id }) => id);
          assert.equal(new Set(ids).size, 3);
        },
      ));
  });
}
