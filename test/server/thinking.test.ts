// A model's thinking goes back to it with the calls that it led to, as it was; to no other
// model, and to no reader.
import assert from "node:assert/strict";
import type { Chat } from "../../server/chat/chat.ts";
import { type Script as ModelScript, openChat, read, say, type TestChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";
import { eventsOf, providerAt } from "../support/upstream/collect.ts";
import { stream } from "../support/upstream/openai-scripts.ts";
import { FAKE_MODEL, type UpstreamRequest } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

type Fields = Record<string, unknown>;
const SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS10aGlua2luZw==";
const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const ev = (type: string, fields: Fields = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const chunk = (delta: Fields, finish_reason: string | null = null): string =>
  data({ id: "c", choices: [{ index: 0, delta, finish_reason }] });
const ARGS = JSON.stringify({ text: "one two" });
const CALL = {
  tool_calls: [{ index: 0, id: "call_1", function: { name: "count_words", arguments: ARGS } }],
};

interface Thinker {
  vendor: string;
  /** Which of its forms. */
  form?: string;
  /** Thinking, words, a call. */
  thinks: string[];
  /** A word, and the end. */
  answers: string[];
  /** What of the second request has to be what the model gave. */
  sent(body: Fields): unknown;
  kept: unknown;
}

const list = (value: unknown): Fields[] => value as Fields[];
const block = (index: number, content_block: Fields, ...deltas: Fields[]): string =>
  ev("content_block_start", { index, content_block }) +
  deltas.map((delta) => ev("content_block_delta", { index, delta })).join("") +
  ev("content_block_stop", { index });
const details = [
  { type: "reasoning.text", text: "Count them.", signature: SIGNATURE, index: 0 },
  { type: "reasoning.encrypted", data: SIGNATURE, index: 1 },
];
/** Two ways in which gateways to Google write it. */
const SIGNED = {
  extra_content: { google: { thought_signature: SIGNATURE } },
  thought_signature: SIGNATURE,
};
const item = {
  type: "reasoning",
  id: "rs_1",
  summary: [{ type: "summary_text", text: "Count." }],
  encrypted_content: SIGNATURE,
};
const callItem = {
  type: "function_call",
  id: "fc_1",
  call_id: "call_1",
  name: "count_words",
  arguments: ARGS,
};

const assistantOf = ({ messages }: Fields): unknown =>
  list(messages).find((one) => one["tool_calls"])?.["content"];

const THINKERS: Thinker[] = [
  {
    vendor: "openai-compatible",
    form: "tags",
    thinks: [
      chunk({ content: "<thi" }),
      chunk({ content: "nk>\nCount them." }),
      chunk({ content: "</think>\n\nLet me see." }),
      chunk(CALL),
      chunk({}, "tool_calls"),
    ],
    answers: [chunk({ content: "Two." }), chunk({}, "stop")],
    sent: assistantOf,
    kept: "<think>\nCount them.</think>\n\nLet me see.",
  },
  {
    vendor: "openai-compatible",
    form: "parts of the content",
    thinks: [
      chunk({ content: [{ type: "thinking", thinking: [{ type: "text", text: "Count " }] }] }),
      chunk({ content: [{ type: "thinking", thinking: [{ type: "text", text: "them." }] }] }),
      chunk({ content: "Let me see." }),
      chunk(CALL),
      chunk({}, "tool_calls"),
    ],
    answers: [chunk({ content: "Two." }), chunk({}, "stop")],
    sent: assistantOf,
    kept: [
      { type: "thinking", thinking: [{ type: "text", text: "Count them." }] },
      { type: "text", text: "Let me see." },
    ],
  },
  {
    vendor: "openai-compatible",
    thinks: [
      chunk({ reasoning_content: "Count " }),
      chunk({ reasoning_content: "them." }),
      chunk({ content: "Let me see." }),
      chunk(CALL),
      chunk({}, "tool_calls"),
    ],
    answers: [chunk({ content: "Two." }), chunk({}, "stop")],
    sent: ({ messages }) => list(messages).find((one) => one["tool_calls"])?.["reasoning_content"],
    kept: "Count them.",
  },
  {
    vendor: "openai-compatible",
    form: "a signature beside its call",
    thinks: [
      chunk({ content: "Let me see." }),
      chunk({ tool_calls: CALL.tool_calls.map((one) => ({ ...one, ...SIGNED })) }),
      chunk({}, "tool_calls"),
    ],
    answers: [chunk({ content: "Two." }), chunk({}, "stop")],
    sent: ({ messages }) => {
      const sent = list(list(messages).find((one) => one["tool_calls"])?.["tool_calls"])[0] ?? {};
      return Object.fromEntries(Object.keys(SIGNED).map((field) => [field, sent[field]]));
    },
    kept: SIGNED,
  },
  {
    vendor: "ollama",
    thinks: [
      chunk({ reasoning: "Count ", reasoning_details: [{ ...details[0], text: "Count " }] }),
      chunk({
        reasoning: "them.",
        reasoning_details: [{ type: "reasoning.text", text: "them.", index: 0 }, details[1]],
      }),
      chunk(CALL),
      chunk({}, "tool_calls"),
    ],
    answers: [chunk({ content: "Two." }), chunk({}, "stop")],
    sent: ({ messages }) => list(messages).find((one) => one["tool_calls"])?.["reasoning_details"],
    kept: details,
  },
  {
    vendor: "anthropic",
    thinks: [
      ev("message_start", { message: { id: "m", role: "assistant", content: [] } }),
      block(
        0,
        { type: "thinking", thinking: "", signature: "" },
        { type: "thinking_delta", thinking: "Count them." },
        { type: "signature_delta", signature: SIGNATURE },
      ),
      block(1, { type: "redacted_thinking", data: SIGNATURE }),
      block(2, { type: "text", text: "" }, { type: "text_delta", text: "Let me see." }),
      block(
        3,
        { type: "thinking", thinking: "", signature: "" },
        { type: "thinking_delta", thinking: "Now." },
        { type: "signature_delta", signature: "second" },
      ),
      block(
        4,
        { type: "tool_use", id: "call_1", name: "count_words", input: {} },
        { type: "input_json_delta", partial_json: ARGS },
      ),
      ev("message_delta", { delta: { stop_reason: "tool_use" } }),
      ev("message_stop"),
    ],
    answers: [
      block(0, { type: "text", text: "" }, { type: "text_delta", text: "Two." }),
      ev("message_delta", { delta: { stop_reason: "end_turn" } }),
      ev("message_stop"),
    ],
    sent: ({ messages }) => list(messages).find(({ role }) => role === "assistant")?.["content"],
    kept: [
      { type: "thinking", thinking: "Count them.", signature: SIGNATURE },
      { type: "redacted_thinking", data: SIGNATURE },
      { type: "text", text: "Let me see." },
      { type: "thinking", thinking: "Now.", signature: "second" },
      { type: "tool_use", id: "call_1", name: "count_words", input: { text: "one two" } },
    ],
  },
  {
    vendor: "google",
    thinks: [
      data({ candidates: [{ content: { parts: [{ text: "Count.", thought: true }] } }] }),
      data({
        candidates: [
          { content: { parts: [{ text: "Let me see.", thoughtSignature: "of-text" }] } },
        ],
      }),
      data({
        candidates: [
          {
            content: {
              parts: [
                {
                  functionCall: { name: "count_words", id: "call_1", args: { text: "one two" } },
                  thoughtSignature: SIGNATURE,
                },
              ],
            },
            finishReason: "STOP",
          },
        ],
      }),
    ],
    answers: [
      data({ candidates: [{ content: { parts: [{ text: "Two." }] }, finishReason: "STOP" }] }),
    ],
    sent: ({ contents }) => list(contents).find(({ role }) => role === "model")?.["parts"],
    kept: [
      { text: "Let me see.", thoughtSignature: "of-text" },
      {
        functionCall: { id: "call_1", name: "count_words", args: { text: "one two" } },
        thoughtSignature: SIGNATURE,
      },
    ],
  },
  {
    vendor: "openai",
    thinks: [
      ev("response.output_item.done", { output_index: 0, item: { ...item, status: "completed" } }),
      ev("response.output_item.done", { output_index: 1, item: callItem }),
      ev("response.completed", { response: { status: "completed", output: [item, callItem] } }),
    ],
    answers: [
      ev("response.output_text.delta", { output_index: 0, delta: "Two." }),
      ev("response.completed", { response: { status: "completed", output: [] } }),
    ],
    sent: ({ input }) => list(input).slice(1, 3),
    kept: [
      item,
      { type: "function_call", call_id: "call_1", name: "count_words", arguments: ARGS },
    ],
  },
];

const approve = (chat: Chat, session_id: string, call_id: string) =>
  chat.startTurn({
    session_id,
    message: { type: "tool_decision", call_id, decision: "approve" },
  });

const bodyOf = (request: UpstreamRequest | undefined): Fields => request?.body as Fields;

for (const engine of ENGINES) {
  for (const thinker of THINKERS) {
    const { form = "its own field" } = thinker;
    it(`thinking of ${thinker.vendor} in ${form} on ${engine.engine} goes back as it was, after a restart, too`, () =>
      withUpstream(
        [stream(...thinker.thinks), stream(...thinker.answers)],
        async ({ origin, requests }) => {
          const database = await engine.create();
          let asked = FAKE_MODEL;
          const script: ModelScript = (request, signal) => {
            const provider = providerAt(origin, { name: thinker.vendor });
            return eventsOf(provider, { ...request, model: asked }, signal);
          };
          const model = `${thinker.vendor}/${FAKE_MODEL}`;
          let open: TestChat = await openChat(database.source, script);
          try {
            const turn = await say(open.chat, "count", { model });
            const chunks = await read(open.chat, turn);
            const call = chunks.find(({ type }) => type === "tool_call");
            assert.ok(call?.call_id, JSON.stringify(chunks.at(-1)));
            assert.match(chunks.map((one) => one.token ?? "").join(""), /^(Count|Let me see)/);
            await open.close();

            open = await openChat(database.source, script);
            const { chat } = open;
            const { session_id } = turn;
            const rest = await read(chat, await approve(chat, session_id, call.call_id));
            assert.equal(rest.at(-1)?.type, "done", JSON.stringify(rest.at(-1)));
            assert.deepEqual(thinker.sent(bodyOf(requests[1])), thinker.kept);

            // Readers are told of none of it.
            const told = JSON.stringify([chunks, rest, await chat.listMessages(session_id)]);
            assert.ok(!told.includes(SIGNATURE), "a reader got it");
            assert.ok(!told.includes('"thinking"'));

            // Another model is not, its own is again.
            asked = "another-model";
            const other = `${thinker.vendor}/${asked}`;
            await read(chat, await say(chat, "and?", { session_id, model: other }));
            assert.notDeepEqual(thinker.sent(bodyOf(requests[2])), thinker.kept);
            assert.ok(!JSON.stringify(requests[2]?.body).includes(SIGNATURE));
            asked = FAKE_MODEL;
            await read(chat, await say(chat, "and now?", { session_id, model }));
            assert.deepEqual(thinker.sent(bodyOf(requests[3])), thinker.kept);
          } finally {
            await open.close();
            await database.remove();
          }
        },
      ));
  }
}
