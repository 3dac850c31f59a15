// Messages that come while an answer runs: stored at once, sent once, in their order.
import assert from "node:assert/strict";
import { sql } from "kysely";
import { sendIdleQueues } from "../../server/chat/accept/send-queued.ts";
import { removeUnsentAttachments } from "../../server/chat/upkeep/unsent-attachments.ts";
import { beginEpoch } from "../../server/db/tables/epochs.ts";
import { ChatError } from "../../server/errors.ts";
import type { Attachment } from "../../server/protocol/attachments.ts";
import type { Queue } from "../../server/protocol/stream-events.ts";
import { FINISH, openChat, type Script, text, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";
import {
  begin,
  endAfter,
  lastWords,
  patient,
  queue,
  request,
  saying,
  told,
  until,
  waiting,
} from "../support/queue.ts";
import { ask, calls, isCode, send } from "../support/tools.ts";

for (const engine of ENGINES) {
  describe(`the queue on ${engine.engine}`, () => {
    it("sends what came while an answer ran, in its order, each once", () => {
      const { script, go } = patient();
      return withChat(engine, script, async ({ chat }) => {
        const turn = await begin(chat);
        const { session_id: id } = turn;
        for (const content of ["one", "two", "three"]) await queue(chat, turn, content);
        assert.deepEqual(await waiting(chat, id), ["one", "two", "three"]);
        // The same again, as a client does that lost the answer.
        await queue(chat, turn, "two");
        await assert.rejects(chat.startTurn(request(id, "two")), isCode("session_busy"));
        go();
        const chunks = await until(chat, id, endAfter("three"));
        const each = ["wait", "one", "two", "three"].flatMap((said) => [said, "(done)"]);
        assert.deepEqual(told(chunks), each);
        assert.deepEqual(await waiting(chat, id), []);
        // Sent long ago: its turn, and no other.
        assert.equal(await chat.queueMessage(request(id, "two")), undefined);
        const again = await chat.startTurn(request(id, "two"));
        assert.equal(again.turn_id, chunks.find(({ content }) => content === "two")?.turn_id);
        await assert.rejects(
          chat.queueMessage({
            ...request(id, "two"),
            message: { type: "user_message", content: "another" },
          }),
          isCode("request_conflict"),
        );
      });
    });

    it("does not make a message wait for nothing", () =>
      withChat(engine, patient().script, async ({ chat }) => {
        const { id } = await chat.createSession({});
        assert.equal(await chat.queueMessage(request(id, "hi")), undefined);
        await chat.startTurn(request(id, "hi"));
        await until(chat, id, endAfter("hi"));
      }));

    it("can be changed and taken back, but not behind the back of who sends or changes", () => {
      const { script, go } = patient();
      return withChat(engine, script, async ({ chat }) => {
        const turn = await begin(chat);
        const { session_id: id } = turn;
        const one = await queue(chat, turn, "one");
        const two = await queue(chat, turn, "two");
        const changed = await chat.editQueued(id, one.id, { version: 1, content: "uno" });
        assert.equal(changed.version, 2);
        // Its answer was lost: the same again.
        await chat.editQueued(id, one.id, { version: 1, content: "uno" });
        await assert.rejects(
          chat.editQueued(id, one.id, { version: 1, content: "ein" }),
          isCode("queue_changed", /elsewhere/),
        );
        await assert.rejects(
          chat.editQueued(id, one.id, { version: 2, content: "" }),
          isCode("invalid_request"),
        );
        await chat.takeBack(id, two.id);
        await chat.takeBack(id, two.id);
        // Come late, it does not come back.
        await assert.rejects(chat.queueMessage(request(id, "two")), isCode("queue_changed"));
        await assert.rejects(chat.startTurn(request(id, "two")), isCode("queue_changed"));
        await assert.rejects(chat.sendNow(id, two.id), isCode("queue_changed", /taken back/));
        go();
        assert.deepEqual(told(await until(chat, id, endAfter("uno"))).slice(2), ["uno", "(done)"]);
        await assert.rejects(chat.takeBack(id, one.id), isCode("queue_changed", /sent already/));
        await assert.rejects(
          chat.editQueued(id, one.id, { version: 2, content: "late" }),
          isCode("queue_changed", /sent already/),
        );
        assert.deepEqual(await chat.sendNow(id, one.id), { state: "sent" });
        await assert.rejects(chat.takeBack(id, "nothing"), isCode("not_found"));
      });
    });

    it("leaves what was attached and taken back for a week, then nothing that is not used", () => {
      const { script } = patient();
      return withChat(engine, script, async ({ chat, deps }) => {
        const turn = await begin(chat);
        const { session_id: id } = turn;
        const pdf = (n: number) => Buffer.from(`%PDF-1.4\n${n}\n%%EOF`).toString("base64");
        const attach = async (content: string, ...attachments: Attachment[]) => {
          const asked = request(id, content);
          await chat.queueMessage({ ...asked, message: { ...asked.message, attachments } });
          return asked.request_id;
        };
        const data = (n: number): Attachment => ({ type: "file", data: pdf(n) });
        const kept = async () => {
          const rows = await deps.reader.selectFrom("blobs").select("data").execute();
          return [1, 2, 3, 4].filter((n) => rows.some((row) => row.data === pdf(n)));
        };
        // Long ago; the very same was taken back just now, too.
        const old = await attach("old", data(1));
        await chat.takeBack(id, old);
        await deps.newUnitOfWork({ sessionId: id }).commit("update_session", async (trx) => {
          await trx
            .updateTable("requests")
            .set({ created_at: 1 })
            .where("request_id", "=", old)
            .execute();
        });
        const back = await attach("back", data(1), data(2), data(3));
        await attach("stays", data(4));
        const taken = await chat.takeBack(id, back);
        const [, second, third] = taken?.attachments ?? [];
        // One is queued again by its hash, one is another chat's, too.
        await attach("again", { type: "file", hash: second?.hash ?? "" });
        const other = { type: "user_message" as const, content: "hi", attachments: [data(3)] };
        const { session_id: there } = await chat.startTurn({ message: other });
        const later = Date.now() + 8 * 86_400_000;
        await removeUnsentAttachments(deps, later - 2 * 86_400_000);
        assert.deepEqual(await kept(), [1, 2, 3, 4]);
        await Promise.all([1, 2].map(() => removeUnsentAttachments(deps, later)));
        assert.deepEqual(await kept(), [2, 3, 4]);
        const read = (of: string) => chat.readAttachment(of, third?.hash ?? "");
        await assert.rejects(read(id), isCode("not_found"));
        assert.deepEqual((await read(there)).content.toString("base64"), pdf(3));
        // Sent: it is in the conversation now, and another that is taken back does not take it
        // away.
        await chat.cancelTurn(id);
        await chat.resumeQueue(id);
        await until(chat, id, endAfter("again"));
        await chat.startTurn(request(id, "wait"));
        await chat.takeBack(id, await attach("last", data(1), data(4)));
        await removeUnsentAttachments(deps, later + 8 * 86_400_000);
        assert.deepEqual(await kept(), [2, 3, 4]);
        await chat.cancelTurn(id);
      });
    });

    it("waits for the person after a stop, and goes on when told", () => {
      const { script, go } = patient();
      return withChat(engine, script, async ({ chat }) => {
        const turn = await begin(chat);
        const { session_id: id } = turn;
        await queue(chat, turn, "one");
        await queue(chat, turn, "two");
        await chat.cancelTurn(id);
        assert.deepEqual(await waiting(chat, id), ["one (stopped)", "two (stopped)"]);
        // A new question is answered, and what was held stays.
        await chat.startTurn(request(id, "wait here"));
        await until(chat, id, saying("re: wait here"));
        await queue(chat, turn, "three");
        go();
        await until(chat, id, endAfter("three"));
        assert.deepEqual(await waiting(chat, id), ["one (stopped)", "two (stopped)"]);
        await chat.sendNow(id, `r-${id}-two`);
        await until(chat, id, endAfter("two"));
        assert.deepEqual(await waiting(chat, id), ["one (stopped)"]);
        await chat.resumeQueue(id);
        const chunks = await until(chat, id, endAfter("one"));
        const said = told(chunks).filter((line) => !line.startsWith("("));
        assert.deepEqual(said, ["wait", "wait here", "three", "two", "one"]);
      });
    });

    it("waits for the person after an answer that failed", () =>
      withChat(engine, patient().script, async ({ chat, deps }) => {
        const turn = await begin(chat, "wait and fail");
        const { session_id: id } = turn;
        await queue(chat, turn, "fail");
        await queue(chat, turn, "after it");
        await deps.turns.cancel(id);
        // Stopped from elsewhere without the queue: it goes on, and its first one fails.
        await until(chat, id, endAfter("fail"));
        assert.deepEqual(await waiting(chat, id), ["after it (failed)"]);
        await sendIdleQueues(deps);
        assert.deepEqual(await waiting(chat, id), ["after it (failed)"]);
      }));

    it("holds what cannot be sent, and keeps what only lacks a key", () =>
      withChat(engine, patient().script, async ({ chat, deps }) => {
        const turn = await begin(chat);
        const { session_id: id } = turn;
        await queue(chat, turn, "one");
        const { resolveModel } = deps;
        const refuse = (code: "key_missing" | "model_unknown") => {
          deps.resolveModel = () => {
            throw new ChatError(code, code);
          };
        };
        refuse("key_missing");
        await deps.turns.cancel(id);
        await sendIdleQueues(deps);
        assert.deepEqual(await waiting(chat, id), ["one"]);
        await assert.rejects(chat.sendNow(id, `r-${id}-one`), isCode("key_missing"));
        refuse("model_unknown");
        await sendIdleQueues(deps);
        assert.deepEqual(await waiting(chat, id), ["one (refused)"]);
        deps.resolveModel = resolveModel;
        await chat.resumeQueue(id);
        await until(chat, id, endAfter("one"));
      }));

    it("is read by a running turn after the results of its calls, before the model goes on", () => {
      const script: Script = (asked) => {
        const results = asked.messages.filter(({ role }) => role === "tool").length;
        if (results === 0) {
          return [
            text("looking"),
            calls("look", { path: "a" }, "a"),
            calls("look", { path: "b" }, "b"),
            FINISH,
          ];
        }
        return [text(`re: ${lastWords(asked)}`), FINISH];
      };
      return withChat(engine, script, async ({ chat, requests }) => {
        const turn = await ask(chat, "look");
        const { session_id: id } = turn;
        await until(chat, id, ({ type }) => type === "status");
        await queue(chat, turn, "later");
        const now = await queue(chat, turn, "and now");
        await queue(chat, turn, "at once", "steer");
        assert.deepEqual(await chat.sendNow(id, now.id), { state: "queued" });
        assert.deepEqual(await waiting(chat, id), ["and now", "at once", "later"]);
        await send(chat, id, { type: "tool_result", call_id: "a", result: "A" }, "window-1");
        assert.deepEqual(await waiting(chat, id), ["and now", "at once", "later"]);
        await send(chat, id, { type: "tool_result", call_id: "b", result: "B" }, "window-1");
        const chunks = await until(chat, id, endAfter("later"));
        assert.deepEqual(told(chunks), [
          ...["look", "and now", "at once", "(done)"],
          ...["later", "(done)"],
        ]);
        const roles = requests[1]?.messages.map(({ role, content }) => `${role} ${content}`);
        assert.deepEqual(roles, [
          "user look",
          "assistant looking",
          "tool A",
          "tool B",
          "user and now\n\nat once",
        ]);
        // Known by its request: the turn that read it.
        const again = await chat.startTurn(request(id, "and now"));
        assert.equal(again.turn_id, turn.turn_id);
      });
    });

    it("tells its readers of every change, and of nothing that is not stored", () => {
      const { script, go } = patient();
      return withChat(engine, script, async ({ chat }) => {
        const turn = await begin(chat);
        const { session_id: id } = turn;
        const heard: string[] = [];
        const left = new AbortController();
        const reading = (async () => {
          const onQueue = ({ messages }: Queue) =>
            void heard.push(messages.map(({ content }) => content).join("+"));
          const options = { after: turn.after, until: "left", onQueue } as const;
          for await (const batch of chat.stream(id, options, left.signal)) {
            for (const { chunk } of batch) heard.push(...told([chunk]));
          }
        })();
        await queue(chat, turn, "one");
        await queue(chat, turn, "two");
        await chat.editQueued(id, `r-${id}-one`, { version: 1, content: "uno" });
        await chat.takeBack(id, `r-${id}-two`);
        go();
        await until(chat, id, endAfter("uno"));
        left.abort();
        await reading;
        const seen = heard.filter((line, index) => line !== heard[index - 1]);
        const order = ["one", "one+two", "uno+two", "uno", "(done)", "uno", ""];
        let at = -1;
        for (const line of order) {
          at = seen.indexOf(line, at + 1);
          assert.ok(at >= 0, `${line} of ${seen.join(", ")}`);
        }
      });
    });

    it("survives a crash: what waited is sent once by the next start", async () => {
      const { script } = patient();
      const database = await engine.create();
      try {
        const first = await openChat(database.source, script);
        const turn = await begin(first.chat);
        const { session_id: id } = turn;
        await queue(first.chat, turn, "one");
        await queue(first.chat, turn, "two");
        if (engine.engine === "postgres") {
          await sql`update sessions set lease_expires_at = 0`.execute(first.database.writer);
        }
        await first.crash();
        const second = await openChat(database.source, script);
        assert.deepEqual(await waiting(second.chat, id), ["one", "two"]);
        await sendIdleQueues(second.deps);
        const chunks = await until(second.chat, id, endAfter("two"));
        assert.deepEqual(told(chunks), [
          ...["wait", "(interrupted)"],
          ...["one", "(done)", "two", "(done)"],
        ]);
        await second.close();
      } finally {
        await database.remove();
      }
    });

    it("waits for the person where the database went back: it may have been sent before", () => {
      const { script, go } = patient();
      return withChat(engine, script, async ({ chat, deps }) => {
        const turn = await begin(chat);
        const { session_id: id } = turn;
        await queue(chat, turn, "one");
        const begins = deps.newUnitOfWork();
        await begins.commit("begin_epoch", (trx) => beginEpoch(trx, "restored"));
        assert.deepEqual(await waiting(chat, id), ["one (restored)"]);
        go();
        await deps.turns.cancel(id);
        await sendIdleQueues(deps);
        assert.deepEqual(await waiting(chat, id), ["one (restored)"]);
      });
    });

    it("takes twenty, and says what became of one more", () =>
      withChat(engine, patient().script, async ({ chat }) => {
        const turn = await begin(chat);
        for (let n = 0; n < 20; n++) await queue(chat, turn, `m${n}`);
        await assert.rejects(queue(chat, turn, "too many"), isCode("queue_full"));
        const all = await waiting(chat, turn.session_id);
        assert.deepEqual(
          all,
          Array.from({ length: 20 }, (_, n) => `m${n}`),
        );
      }));

    it("is not in a copy of its chat, and goes with it when it is deleted", () =>
      withChat(engine, patient().script, async ({ chat, database }) => {
        const turn = await begin(chat);
        const { session_id: id } = turn;
        await queue(chat, turn, "one");
        const fork = await chat.forkSession(id);
        assert.deepEqual(await waiting(chat, fork.id), []);
        await chat.deleteSession(id, true);
        const rows = await database.reader.selectFrom("queued_messages").selectAll().execute();
        assert.deepEqual(rows, []);
        await assert.rejects(chat.listQueue(id), isCode("not_found"));
      }));
  });
}
