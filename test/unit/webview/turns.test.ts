import assert from "node:assert/strict";
import fc from "fast-check";
import type { StreamChunk } from "../../../server/protocol/chunks.ts";
import { answerText, emptyLog, type SessionLog } from "../../../webview/turns/model.ts";
import { takeChunks } from "../../../webview/turns/turns.ts";
import { type AnyChunk, placed } from "../../support/any-chunk.ts";

const SESSION = "s1";

/** A session's log as the companion would number it. */
function toLog(turns: readonly (readonly AnyChunk[])[]): StreamChunk[] {
  const info: AnyChunk = {
    type: "session_info",
    metadata: { title: "T", agent_type: "ask", model: null },
  };
  const numbered = turns.flatMap((chunks, index) =>
    chunks.map((chunk) => ({ chunk, turn_id: `t${index}` })),
  );
  return [{ chunk: info, turn_id: undefined }, ...numbered].map(({ chunk, turn_id }, index) =>
    placed(chunk, {
      ...(turn_id === undefined ? {} : { turn_id }),
      seq: index + 1,
      session_id: SESSION,
    }),
  );
}

const text = fc.string({ maxLength: 8 });
const step: fc.Arbitrary<AnyChunk[]> = fc.oneof(
  text.map((token): AnyChunk[] => [{ type: "assistant_message", token }]),
  text.map((token): AnyChunk[] => [{ type: "reasoning", token }]),
  text.map((reason): AnyChunk[] => [
    { type: "agent_switched", metadata: { from_agent: "ask", to_agent: "coder", reason } },
  ]),
  fc.tuple(fc.nat(3), fc.boolean(), text).map(([id, ends, content]): AnyChunk[] => {
    const call_id = `c${id}`;
    const call: AnyChunk = {
      type: "tool_call",
      call_id,
      tool_name: "read",
      arguments: {},
      requires_approval: true,
    };
    const waiting = { state: "waiting", waiting_for: [{ kind: "tool_decision", call_id }] };
    const asked: AnyChunk[] = [call, { type: "status", metadata: waiting }];
    return ends ? [...asked, { type: "tool_result", call_id, tool_name: "read", content }] : asked;
  }),
);
const end: fc.Arbitrary<AnyChunk[]> = fc.constantFrom<AnyChunk[]>(
  [],
  [{ type: "done", metadata: { model: "demo/demo", elapsed_ms: 5 } }],
  [{ type: "error", error: "broken", metadata: { code: "upstream_cut", kept_chars: 3 } }],
  [{ type: "interrupted", content: "stopped", metadata: { code: "cancelled" } }],
);
const turn = fc.tuple(text, fc.array(step, { maxLength: 6 }), end, fc.option(fc.nat(3)));
const logs = fc.array(turn, { maxLength: 5 }).map((turns) =>
  toLog(
    turns.map(([content, steps, ending, replaces], index) => [
      {
        type: "user_message",
        content,
        metadata: {
          request_id: `r${index}`,
          ...(replaces !== null && replaces < index ? { replaces_turn_id: `t${replaces}` } : {}),
        },
      },
      ...steps.flat(),
      ...ending,
    ]),
  ),
);

function fold(batches: readonly (readonly StreamChunk[])[]): SessionLog {
  return batches.reduce(takeChunks, emptyLog(SESSION));
}

describe("the turns of a session", () => {
  it("show what a person added in the middle of an answer between its parts, in one turn", () => {
    const said = (content: string, request_id: string): AnyChunk => ({
      type: "user_message",
      content,
      metadata: { model: "demo/demo", agent_type: "ask", request_id },
    });
    const log = takeChunks(
      emptyLog(SESSION),
      toLog([
        [
          said("question", "r1"),
          { type: "assistant_message", token: "before" },
          said("and this", "r2"),
          { type: "assistant_message", token: "after" },
          { type: "done", metadata: { model: "demo/demo", elapsed_ms: 5 } },
        ],
      ]),
    );
    assert.equal(log.turns.length, 1);
    const [only] = log.turns;
    assert.equal(only?.status, "done");
    assert.deepEqual(
      only?.parts.map((part) => (part.kind === "said" ? part.question.text : part.kind)),
      ["text", "and this", "text"],
    );
    assert.deepEqual(log.arrived, ["r1", "r2"]);
  });

  it("are the same however the chunks are cut into batches", () => {
    fc.assert(
      fc.property(logs, fc.array(fc.nat(60)), (log, cuts) => {
        const places = [
          0,
          ...cuts.filter((cut) => cut <= log.length).toSorted((a, b) => a - b),
          log.length,
        ];
        const batches = places.slice(1).map((to, index) => log.slice(places[index], to));
        assert.deepEqual(fold(batches), fold([log]));
      }),
    );
  });

  it("are the same when chunks come again", () => {
    fc.assert(
      fc.property(logs, fc.array(fc.tuple(fc.nat(60), fc.nat(60))), (log, repeats) => {
        const again = repeats.map(([from, length]) => log.slice(from, from + length));
        // Each delivery begins at or before the cursor, as after a reconnect.
        let seen = 0;
        const batches: StreamChunk[][] = [];
        for (const chunk of log) {
          seen = chunk.seq;
          batches.push([chunk], ...again.filter((batch) => (batch[0]?.seq ?? 0) <= seen));
        }
        assert.deepEqual(fold(batches), fold([log]));
      }),
    );
  });

  it("wait at a gap and go on when it is filled", () => {
    fc.assert(
      fc.property(logs, fc.nat(60), fc.nat(60), (log, from, length) => {
        const missing = log.slice(from, from + length + 1);
        const rest = log.slice(from + length + 1);
        const stopped = fold([log.slice(0, from), rest]);
        assert.equal(stopped.cursor, Math.min(from, log.length));
        assert.equal(stopped.gap, missing.length > 0 && rest.length > 0);
        assert.deepEqual(takeChunks(stopped, log.slice(stopped.cursor)), fold([log]));
      }),
    );
  });

  it("take a snapshot for the chunks it stands for, whatever was read of them before", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 9 }), fc.nat(10), (tokens, read) => {
        const deltas = tokens.map((token): AnyChunk => ({ type: "assistant_message", token }));
        const log = toLog([
          [{ type: "user_message", content: "q" }, ...deltas, { type: "done", metadata: {} }],
        ]);
        const to = 2 + tokens.length;
        const snapshot: StreamChunk = {
          type: "snapshot",
          content: tokens.join(""),
          metadata: { from_seq: 3 },
          seq: to,
          session_id: SESSION,
          turn_id: "t0",
          is_final: false,
        };
        const early = log.slice(0, 2 + Math.min(read, tokens.length));
        const state = fold([early, [snapshot], log.slice(to)]);
        assert.equal(state.gap, false);
        assert.equal(state.cursor, log.length);
        const [only] = state.turns;
        assert.equal(only && answerText(only), tokens.join(""));
        assert.equal(only?.status, "done");
      }),
    );
  });

  it("lose the replaced turn and all after it", () => {
    const ask = (content: string, metadata = {}): AnyChunk => ({
      type: "user_message",
      content,
      metadata,
    });
    const log = toLog([
      [ask("one"), { type: "done", metadata: {} }],
      [ask("two"), { type: "done", metadata: {} }],
      [ask("three"), { type: "done", metadata: {} }],
      [ask("two, better", { replaces_turn_id: "t1" })],
    ]);
    assert.deepEqual(
      fold([log]).turns.map(({ question }) => question?.text),
      ["one", "two, better"],
    );
  });

  it("wait for what is still undecided when one of two calls is answered", () => {
    const call = (call_id: string): AnyChunk => ({
      type: "tool_call",
      call_id,
      tool_name: "t",
      arguments: {},
    });
    const kinds = ["a", "b"].map((call_id) => ({ kind: "tool_decision", call_id }));
    const log = toLog([
      [
        { type: "user_message", content: "q" },
        call("a"),
        call("b"),
        { type: "status", metadata: { state: "waiting", waiting_for: kinds } },
        { type: "tool_result", call_id: "a", tool_name: "t", content: "1" },
        { type: "tool_result", call_id: "b", tool_name: "t", content: "2" },
      ],
    ]);
    assert.equal(fold([log.slice(0, -1)]).turns[0]?.status, "waiting");
    assert.equal(fold([log]).turns[0]?.status, "running");
  });

  it("ignore another session's chunks and types of a newer companion", () => {
    const log = toLog([[{ type: "user_message", content: "q" }]]);
    const foreign = log.map((chunk) => ({ ...chunk, session_id: "s2" }));
    assert.deepEqual(fold([foreign]), emptyLog(SESSION));
    const newer = { ...log[1], type: "thought_up_later" } as unknown as StreamChunk;
    const state: AnyChunk = { type: "status", metadata: { state: "thought_up_later" } };
    const [, status] = toLog([[state]]);
    const first = log.slice(0, 1);
    for (const one of [newer, status ?? newer]) {
      assert.deepEqual(fold([first, [one]]).turns, []);
      assert.equal(fold([first, [one]]).cursor, 2);
    }
  });

  it("read what older companions wrote of switches, imports and ends that were lost", () => {
    const { turns } = fold([
      toLog([
        [
          { type: "user_message", content: "q", metadata: { role: "user" } },
          { type: "assistant_message", token: "a" },
          { type: "done", metadata: { imported: true } },
        ],
        [
          { type: "agent_switched", metadata: { from_agent: "ask", to_agent: "coder" } },
          { type: "done", metadata: { finish_reason: "stop" } },
        ],
        [
          { type: "user_message", content: "r" },
          { type: "error", metadata: { lost: true } },
        ],
        [{ type: "user_message" }, { type: "interrupted" }],
      ]),
    ]);
    assert.deepEqual(
      turns.map(({ status, agent, nextAgent, question }) => [
        ...[status, agent, nextAgent, question?.text],
      ]),
      [
        ["done", null, null, "q"],
        ["done", "coder", "coder", undefined],
        ["error", null, null, "r"],
        ["interrupted", null, null, ""],
      ],
    );
  });
});
