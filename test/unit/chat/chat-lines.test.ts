import assert from "node:assert/strict";
import { hashOfChat } from "../../../server/chat/transfer/chat-lines.ts";
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

describe("The hash of a long chat", () => {
  it("is made a few lines at a time, so that streams go on", async () => {
    let turns = 0;
    const ticking = setInterval(() => turns++, 0);
    try {
      assert.match(await hashOfChat(LONG_CHAT), /^[0-9a-f]{64}$/);
    } finally {
      clearInterval(ticking);
    }
    assert.ok(turns > 0);
  });
});
