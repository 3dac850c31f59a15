// A stand-in for Anthropic that interrupts itself in the middle of an answer, as it does around
// tools of its own, and goes on only where all of what it said comes back as it was.
import { isDeepStrictEqual } from "node:util";
import { ev } from "./odd-forms/form.ts";
import type { Script } from "./start-upstream.ts";

type Block = Record<string, unknown>;

const QUERY = { query: "fjords" };
const FOUND = {
  type: "web_search_result",
  url: "https://example.com",
  title: "Fjords",
  encrypted_content: "RXNlY3JldA==",
  page_age: null,
};
const CITATION = {
  type: "web_search_result_location",
  url: "https://example.com",
  title: "Fjords",
  encrypted_index: "RXNx",
  cited_text: "deep",
};

/** What the model says before each of its pauses, and after the last. */
export const SAID: readonly (readonly Block[])[] = [
  [
    { type: "thinking", thinking: "Where?", signature: "c2ln" },
    { type: "text", text: "Let me look. " },
    { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: QUERY },
  ],
  [
    { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [FOUND] },
    { type: "text", text: "Fjords are deep", citations: [CITATION] },
  ],
  [{ type: "text", text: ", and cold." }],
];

export const USAGE = { input_tokens: 100, cache_read_input_tokens: 20, output_tokens: 7 };

function toEvents(block: Block, index: number): string {
  const delta = (fields: Block): string => ev("content_block_delta", { index, delta: fields });
  const begin = (content_block: Block): string =>
    ev("content_block_start", { index, content_block });
  const end = ev("content_block_stop", { index });
  switch (block["type"]) {
    case "text": {
      const words = String(block["text"]);
      const citations = (block["citations"] as Block[] | undefined) ?? [];
      return (
        begin({ type: "text", text: "", ...(citations.length > 0 && { citations: [] }) }) +
        citations.map((citation) => delta({ type: "citations_delta", citation })).join("") +
        delta({ type: "text_delta", text: words.slice(0, 4) }) +
        delta({ type: "text_delta", text: words.slice(4) }) +
        end
      );
    }
    case "thinking":
      return (
        begin({ type: "thinking", thinking: "", signature: "" }) +
        delta({ type: "thinking_delta", thinking: block["thinking"] }) +
        delta({ type: "signature_delta", signature: block["signature"] }) +
        end
      );
    case "server_tool_use": {
      const json = JSON.stringify(block["input"]);
      return (
        begin({ ...block, input: {} }) +
        delta({ type: "input_json_delta", partial_json: json.slice(0, 5) }) +
        delta({ type: "input_json_delta", partial_json: json.slice(5) }) +
        end
      );
    }
    default:
      return begin(block) + end;
  }
}

function toStream(blocks: readonly Block[], stop_reason: string): string {
  const message = { id: "msg_1", type: "message", role: "assistant", model: "fake-model" };
  return (
    ev("message_start", {
      message: {
        ...message,
        content: [],
        stop_reason: null,
        usage: { ...USAGE, output_tokens: 1 },
      },
    }) +
    blocks.map(toEvents).join("") +
    ev("message_delta", { delta: { stop_reason, stop_sequence: null }, usage: USAGE }) +
    ev("message_stop")
  );
}

/** Answers 400 to what has not all that was said, exactly. */
export const pausing: Script = (request, response) => {
  const { messages } = request.body as { messages: { role: string; content: unknown }[] };
  const last = messages.at(-1);
  const back = last?.role === "assistant" ? (last.content as Block[]) : [];
  const turn = SAID.findIndex((_, index) => isDeepStrictEqual(back, SAID.slice(0, index).flat()));
  const blocks = SAID[turn];
  if (!blocks) {
    response.writeHead(400, { "content-type": "application/json" });
    response.end(
      JSON.stringify({
        type: "error",
        error: {
          type: "invalid_request_error",
          message: `not what was said: ${JSON.stringify(back)}`,
        },
      }),
    );
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(toStream(blocks, turn < SAID.length - 1 ? "pause_turn" : "end_turn"));
};

/** Pauses for ever. */
export const neverDone: Script = (_request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(toStream([{ type: "text", text: "again " }], "pause_turn"));
};
