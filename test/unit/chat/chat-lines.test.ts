import assert from "node:assert/strict";
import { toLines } from "../../../server/chat/transfer/chat-lines.ts";
import type { WholeChat } from "../../../server/protocol/stored/chat-file.ts";

const COUNT = 20_000;

const LONG_CHAT: WholeChat = {
  head: {
    ...{ line: "chat", version: 1, id: "long", title: "Long", agent_type: "assistant" },
    ...{ model: null, created_at: 1, updated_at: 1, last_seq: COUNT },
  },
  ...{ turns: [], messages: [], tool_calls: [], plans: [], subtasks: [], summaries: [] },
  ...{ instructions: [], attachments: [] },
  chunks: Array.from({ length: COUNT }, (_, index) => {
    const payload = { token: "word ".repeat(5) };
    return { line: "chunk", seq: index + 1, turn_id: null, type: "assistant_message", payload };
  }),
};

describe("The lines of a long chat", () => {
  it("are made a few at a time, so that streams go on", async () => {
    let turns = 0;
    const ticking = setInterval(() => turns++, 0);
    try {
      const { lines } = await toLines(LONG_CHAT);
      assert.equal(lines.length, COUNT + 1);
    } finally {
      clearInterval(ticking);
    }
    assert.ok(turns > 0);
  });
});
