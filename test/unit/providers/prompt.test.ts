import assert from "node:assert/strict";
import { toPrompt } from "../../../server/providers/prompt.ts";
import type { ConversationMessage } from "../../../server/providers/provider.ts";
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

describe("the conversation in the SDK's form", () => {
  it("has the system prompt first, and no empty parts", () => {
    assert.deepEqual(toPrompt(HELLO), [
      { role: "system", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "hello" }] },
    ]);
    assert.deepEqual(toPrompt({ ...HELLO, system: "", messages: [] }), []);
  });

  it("puts the results of one answer's calls together", () => {
    const prompt = toPrompt({ ...HELLO, system: "", messages: CALLS, tools: [WEATHER] });
    assert.deepEqual(
      prompt.map(({ role, content }) => [role, content.length]),
      [
        ["user", 1],
        ["assistant", 3],
        ["tool", 2],
        ["user", 1],
      ],
    );
  });

  it("tells calls of tools it does not have as text, with users and answers in turn", () => {
    const prompt = toPrompt({ ...HELLO, system: "", messages: CALLS, tools: [] });
    assert.deepEqual(
      prompt.map(({ role }) => role),
      ["user", "assistant", "user"],
    );
    const text = JSON.stringify(prompt);
    for (const word of ["Oslo?", "I look.", "Called get_weather", "Rome", "snow", "sun", "And?"]) {
      assert.ok(text.includes(word), word);
    }
    assert.ok(!text.includes("tool-call"));
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
    const prompt = toPrompt({ ...HELLO, messages, tools: [WEATHER] });
    const ids = [...JSON.stringify(prompt).matchAll(/"toolCallId":"([^"]*)"/g)].map(
      ([, one]) => one,
    );
    assert.equal(ids.length, 2);
    assert.equal(ids[0], ids[1]);
    assert.match(ids[0] ?? "", /^[A-Za-z0-9_-]{1,40}$/);
  });
});
