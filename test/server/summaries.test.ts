// Long conversations: older turns are summarised in a committed step that everybody sees
// and anybody can take back.
import assert from "node:assert/strict";
import { countToSummarise, SUMMARY_PROMPT } from "../../server/domain/summary.ts";
import { ChatError } from "../../server/errors.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import type { ProviderRequest } from "../../server/providers/provider.ts";
import { metadataOf } from "../support/any-chunk.ts";
import {
  collect,
  FINISH,
  openChat,
  read,
  type Script,
  say,
  stall,
  type TestChat,
  text,
  withChat,
} from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";
import { ask, calls, WRITE } from "../support/tools.ts";

/** Can read 1,000 tokens (test/support/chat.ts); an answer has about 300. */
const SMALL = "scripted/small";
const isSummary = ({ system }: ProviderRequest): boolean => system === SUMMARY_PROMPT;
const long = (word: string): string => `${word} `.repeat(1_200 / (word.length + 1));

/**
 * Answers the nth question at length, and makes a summary that says how often it was asked for one.
 */
function talkative(): Script {
  let answers = 0;
  let summaries = 0;
  return (request) => {
    if (isSummary(request)) {
      summaries += 1;
      return [text(`Summary ${summaries}.`), FINISH];
    }
    answers += 1;
    return [text(long(`answer${answers}`)), FINISH];
  };
}

/**
 * Says little, and of the first answer that nearly all that it can read was full: its count
 * is far above our estimate.
 */
function countsMuch(): Script {
  let answers = 0;
  return (request) => {
    if (isSummary(request)) return [text("Summary."), FINISH];
    answers += 1;
    const usage = { input_tokens: answers === 1 ? 900 : 90, output_tokens: 5 };
    return [text("a few words ".repeat(20)), { type: "finish", reason: "stop", usage }];
  };
}

/** Asks until a summary is made, and tells of the chunk. */
async function fill(
  { chat }: TestChat,
  model = SMALL,
  session?: string,
): Promise<{ session: string; turns: string[]; summary: StreamChunk }> {
  let session_id = session;
  const turns: string[] = [];
  for (let number = 1; number <= 10; number += 1) {
    const where = session_id === undefined ? { model } : { session_id };
    const turn = await say(chat, `question ${number}`, where);
    session_id = turn.session_id;
    turns.push(turn.turn_id);
    const summary = (await read(chat, turn)).find(isSummarised);
    if (summary) return { session: session_id, turns, summary };
  }
  return assert.fail("never summarised");
}

const isSummarised = (chunk: StreamChunk): boolean => metadataOf(chunk).state === "summarised";
const summaryId = (chunk: StreamChunk | undefined): string => String(metadataOf(chunk).summary_id);
const isCode = (code: string) => (thrown: unknown) =>
  thrown instanceof ChatError && thrown.code === code;
const everything = ({ chat }: TestChat, session: string) =>
  collect(chat, session, { after: 0, until: "turn_end" });

describe("how much is summarised", () => {
  const of = (...turns: [string, number][]) =>
    turns.map(([turnId, tokens]) => ({ turnId, tokens }));

  it("is whole turns, as few as needed, and never the newest", () => {
    const messages = of(["a", 10], ["a", 10], ["b", 10], ["b", 10], ["c", 500], ["c", 500]);
    assert.equal(countToSummarise(messages, 100), 0);
    assert.equal(countToSummarise(messages, 30), 2);
    assert.equal(countToSummarise(messages, 19), 4);
    assert.equal(countToSummarise(messages, 0), 4);
    assert.equal(countToSummarise(of(["a", 999]), 0), 0);
    assert.equal(countToSummarise([], 0), 0);
  });
});

for (const engine of ENGINES) {
  describe(`a long conversation on ${engine.engine}`, () => {
    it("is summarised before a step that it would fill, in one step, and goes on", () =>
      withChat(engine, talkative(), async (test) => {
        const { session, turns, summary } = await fill(test);
        const asked = test.requests.findIndex(isSummary);
        const material = test.requests[asked]?.messages;
        assert.equal(material?.length, 1);
        assert.match(material?.[0]?.content ?? "", /^user: question 1\n\nassistant: answer1/);
        assert.equal(summary.content, "Summary 1.");
        assert.equal(summary.turn_id, turns.at(-1));
        const [first] = test.requests[asked + 1]?.messages ?? [];
        assert.equal(first?.role, "user");
        assert.match(first?.content ?? "", /Summary 1\./);
        assert.match(first?.content ?? "", /question \d/);
        const told = JSON.stringify(test.requests[asked + 1]);
        assert.equal(told.includes("question 1"), false);
        assert.ok(told.includes(`question ${turns.length}`));
        assert.ok(Number(metadataOf(summary).context_tokens) < 800);
        // What people see keeps every word.
        const { messages } = await test.chat.listMessages(session);
        assert.equal(messages.length, turns.length * 2);
        const log = await everything(test, session);
        assert.deepEqual(
          log.map(({ seq }) => seq),
          log.map((_, index) => index + 1),
        );
        // Again, when it is full again: then the first summary is part of the second.
        const again = await fill(test, SMALL, session);
        assert.equal(again.summary.content, "Summary 2.");
        const second = test.requests.findLast(isSummary)?.messages[0]?.content ?? "";
        assert.match(second, /^user: <summary_of_earlier_messages>\nSummary 1\./);
      }));

    it("is measured as its model counts, also at the beginning of a turn", () =>
      withChat(engine, countsMuch(), async ({ chat }) => {
        const first = await say(chat, "short question 1", { model: SMALL });
        assert.equal((await read(chat, first)).some(isSummarised), false);
        const second = await say(chat, "short question 2", { session_id: first.session_id });
        const chunks = await read(chat, second);
        assert.equal(chunks.filter(isSummarised).length, 1);
        // What the summary has left is small again.
        const third = await say(chat, "short question 3", { session_id: first.session_id });
        assert.equal((await read(chat, third)).some(isSummarised), false);
      }));

    it("is told whole again when the summary is taken back, once, and is not summarised by itself any more", () =>
      withChat(engine, talkative(), async (test) => {
        const { chat } = test;
        const { session, summary } = await fill(test);
        const id = summaryId(summary);
        await assert.rejects(chat.undoSummary(session, "another"), isCode("not_found"));
        await Promise.all([chat.undoSummary(session, id), chat.undoSummary(session, id)]);
        const undone = (await everything(test, session)).filter(
          (chunk) => metadataOf(chunk).state === "summary_undone",
        );
        assert.deepEqual(undone.map(summaryId), [id]);
        assert.ok(Number(metadataOf(undone[0]).context_tokens) > 800);
        await read(chat, await say(chat, "and now?", { session_id: session }));
        assert.ok(JSON.stringify(test.requests.at(-1)).includes("question 1"));
        assert.equal(test.requests.filter(isSummary).length, 1);
      }));

    it("is summarised by hand, all but the newest turn, also after a restart", async () => {
      const database = await engine.create();
      try {
        const test = await openChat(database.source, talkative());
        const one = await say(test.chat, "first");
        await read(test.chat, one);
        await assert.rejects(test.chat.summarise(one.session_id), isCode("invalid_request"));
        const two = await say(test.chat, "second", { session_id: one.session_id });
        await read(test.chat, two);
        await test.chat.summarise(one.session_id);
        const chunk = (await everything(test, one.session_id)).at(-1);
        assert.equal(metadataOf(chunk).until_turn_id, one.turn_id);
        await assert.rejects(test.chat.summarise(one.session_id), isCode("invalid_request"));
        await test.crash();

        const later = await openChat(database.source, talkative());
        await read(later.chat, await say(later.chat, "third", { session_id: one.session_id }));
        const roles = later.requests[0]?.messages.map(({ role }) => role);
        assert.deepEqual(roles, ["user", "assistant", "user"]);
        assert.match(later.requests[0]?.messages[0]?.content ?? "", /Summary 1\.[^]*second/);
        await later.close();
      } finally {
        await database.remove();
      }
    });

    it("has no summary any more when the chat goes back to before its end", () =>
      withChat(engine, talkative(), async (test) => {
        const { chat } = test;
        const { session, turns } = await fill(test);
        await chat.rewind(session, turns[0] ?? "");
        await read(chat, await say(chat, "anew", { session_id: session }));
        assert.deepEqual(
          test.requests.at(-1)?.messages.map(({ content }) => content),
          ["anew"],
        );
      }));

    it("gets its answer where no summary can be made, which the log says", () =>
      withChat(
        engine,
        (request) => (isSummary(request) ? [FINISH] : [text(long("word")), FINISH]),
        async (test) => {
          const { chat } = test;
          let session_id: string | undefined;
          for (let number = 1; number <= 5; number += 1) {
            const where = session_id === undefined ? { model: SMALL } : { session_id };
            const turn = await say(chat, `question ${number}`, where);
            session_id = turn.session_id;
            assert.equal((await read(chat, turn)).at(-1)?.type, "done");
          }
          assert.ok(test.requests.some(isSummary));
          const said = test.lines.map(({ msg }) => msg);
          assert.ok(said.includes("older messages could not be summarised"));
          await assert.rejects(chat.summarise(session_id ?? ""), isCode("upstream_malformed"));
        },
      ));

    it("stops when it is stopped while a summary is made, and stores none", () =>
      withChat(
        engine,
        async function* (request, signal) {
          if (isSummary(request)) await stall(signal);
          yield text(long("word"));
          yield FINISH;
        },
        async (test) => {
          const { chat } = test;
          const first = await say(chat, "1", { model: SMALL });
          await read(chat, first);
          const { session_id } = first;
          for (let number = 2; ; number += 1) {
            const turn = await say(chat, `${number}`, { session_id });
            const reading = read(chat, turn);
            while (test.requests.filter((one) => !isSummary(one)).length < number) {
              if (test.requests.some(isSummary)) await chat.cancelTurn(session_id);
              await new Promise((resolve) => setTimeout(resolve, 5));
              if ((await chat.getSession(session_id)).turn?.status !== "running") break;
            }
            const last = (await reading).at(-1);
            if (!test.requests.some(isSummary)) continue;
            assert.equal(last?.type, "interrupted");
            break;
          }
          assert.equal((await everything(test, session_id)).some(isSummarised), false);
        },
      ));

    it("is summarised by nobody while it answers, and undone by nobody then", () =>
      withChat(
        engine,
        async function* (request, signal) {
          if (isSummary(request)) yield text("Short.");
          else if (request.messages.length > 3) await stall(signal);
          else yield text("ok");
          yield FINISH;
        },
        async (test) => {
          const { chat } = test;
          const { session_id, ...first } = await say(chat, "1");
          await read(chat, { session_id, ...first });
          await read(chat, await say(chat, "2", { session_id }));
          await say(chat, "3", { session_id });
          await assert.rejects(chat.summarise(session_id), isCode("session_busy"));
          await assert.rejects(chat.undoSummary(session_id, "x"), isCode("session_busy"));
          await chat.cancelTurn(session_id);
        },
      ));

    it("keeps calls and results together, whatever is summarised", () => {
      let turn = 0;
      return withChat(
        engine,
        (request) => {
          if (isSummary(request)) return [text("Counted."), FINISH];
          const last = request.messages.at(-1);
          if (last?.role === "tool") return [text(long("word")), FINISH];
          turn += 1;
          return [calls("write_file", {}, `c${turn}`), FINISH];
        },
        async (test) => {
          // Refused without a question, so that turns go on by themselves.
          const tools = [{ ...WRITE, rule: "deny" as const }];
          let more = {};
          for (let number = 1; number <= 6; number += 1) {
            const sent = await ask(test.chat, `question ${number}`, {
              model: SMALL,
              tools,
              ...more,
            });
            more = { session_id: sent.session_id };
            assert.equal((await read(test.chat, sent)).at(-1)?.type, "done");
          }
          assert.ok(test.requests.filter(isSummary).length >= 1);
          for (const { messages } of test.requests.filter((one) => !isSummary(one))) {
            assert.equal(messages[0]?.role, "user");
            const open = new Set<string>();
            for (const message of messages) {
              if (message.role === "assistant") {
                for (const { call_id } of message.tool_calls) open.add(call_id);
              }
              if (message.role === "tool") assert.ok(open.delete(message.call_id));
            }
            assert.equal(open.size, 0);
          }
        },
      );
    });
  });
}
