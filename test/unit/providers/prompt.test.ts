import assert from "node:assert/strict";
import { toConversation } from "../../../server/providers/prompt.ts";
import type { ConversationMessage, ProviderRequest } from "../../../server/providers/provider.ts";
import { HELLO, WEATHER } from "../../support/upstream/collect.ts";

const CALLS: ConversationMessage[] = [
  { role: "user", content: "Oslo?" },
  {
    role: "assistant",
    content: "I look.",
    tool_calls: [
      { call_id: "1", tool_name: "get_weather", arguments: { city: "Oslo" } },
      { call_id: "2", tool_name: "get_weather", arguments: { city: "Rome" } },
    ],
  },
  { role: "tool", call_id: "1", tool_name: "get_weather", content: "snow" },
  { role: "tool", call_id: "2", tool_name: "get_weather", content: "sun" },
  { role: "user", content: "And?" },
];

const told = (request: Partial<ProviderRequest>): ConversationMessage[] =>
  toConversation({ ...HELLO, ...request }, "ollama").messages;

describe("the conversation as any vendor takes it", () => {
  it("has the calls of known tools as they are", () => {
    assert.deepEqual(told({ messages: CALLS, tools: [WEATHER] }), CALLS);
  });

  it("has thinking of the same model, and of no other", () => {
    const parts = [{ text: 0, calls: 0, data: { reasoning: "hm" } }];
    const thoughtBy = (model: string): ConversationMessage[] => [
      { role: "user", content: "Oslo?" },
      { role: "assistant", content: "Snow.", tool_calls: [], thinking: { model, parts } },
    ];
    const own = thoughtBy("ollama/fake-model");
    assert.deepEqual(told({ messages: own }), own);
    for (const other of ["ollama/fake-model-2", "anthropic/fake-model"]) {
      assert.ok(!JSON.stringify(told({ messages: thoughtBy(other) })).includes("thinking"), other);
    }
  });

  it("tells calls of tools it does not have as text, with users and answers in turn", () => {
    const prompt = told({ messages: CALLS, tools: [] });
    assert.deepEqual(
      prompt.map(({ role }) => role),
      ["user", "assistant", "user"],
    );
    const text = JSON.stringify(prompt);
    for (const word of ["Oslo?", "I look.", "Called get_weather", "Rome", "snow", "sun", "And?"]) {
      assert.ok(text.includes(word), word);
    }
    assert.ok(!text.includes("call_id"));
    assert.deepEqual(
      CALLS[4],
      { role: "user", content: "And?" },
      "the conversation is left as it was",
    );
  });

  it("gives calls of other vendors ids that every vendor takes, the same for call and result", () => {
    const id = `functions.get_weather:${"0".repeat(50)}`;
    const call = { call_id: id, tool_name: "get_weather", arguments: {} };
    const messages: ConversationMessage[] = [
      { role: "user", content: "Oslo?" },
      { role: "assistant", content: "", tool_calls: [call] },
      { role: "tool", call_id: id, tool_name: "get_weather", content: "snow" },
    ];
    const prompt = told({ messages, tools: [WEATHER] });
    const ids = [...JSON.stringify(prompt).matchAll(/"call_id":"([^"]*)"/g)].map(([, one]) => one);
    assert.equal(ids.length, 2);
    assert.equal(ids[0], ids[1]);
    assert.match(ids[0] ?? "", /^[A-Za-z0-9_-]{1,40}$/);
  });
});
