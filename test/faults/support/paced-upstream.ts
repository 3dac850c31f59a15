// A labelled stand-in for a model's server: real HTTP in OpenAI's streaming format. The user's
// message says what it answers, as JSON `{"words": 100, "gap_ms": 5}`; the words are numbered, so
// that a lost one would show; one that is to go on with an answer says the next. With a `fault` it
// then does that instead of ending in order.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Wish {
  words: number;
  gap_ms: number;
  fault?: keyof typeof FAULTS | undefined;
}

/**
 * What can go wrong with a model's server once it has said its words; those that begin with a
 * status only before the first.
 */
export const FAULTS = {
  "400": refuse(400),
  "401": refuse(401),
  "403": refuse(403),
  "404": refuse(404),
  "429": refuse(429),
  "500": refuse(500),
  "503": refuse(503),
  "529": refuse(529),
  "200 with a web page": (response: ServerResponse) =>
    void response.writeHead(200, { "content-type": "text/html" }).end("<h1>Welcome</h1>"),
  "the connection reset": (response: ServerResponse) => void response.socket?.resetAndDestroy(),
  "the connection closed": (response: ServerResponse) => void response.socket?.destroy(),
  "the body ended early": (response: ServerResponse) => void response.end(),
  silence: () => {},
  "an event cut in its middle": (response: ServerResponse) =>
    void response.end('data: {"id":"p","choices":[{"del'),
  "an event that is no JSON": (response: ServerResponse) =>
    void response.end("data: {nonsense}\n\n"),
  "bytes that are no UTF-8": (response: ServerResponse) =>
    void response.end(Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0xfe, 0x00, 0x0a, 0x0a])),
  "an error as an event": (response: ServerResponse) =>
    void response.end('data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'),
  "a line of 20 MB": (response: ServerResponse) =>
    void response.end(`data: ${"x".repeat(20_000_000)}\n\n`),
  "a call of a tool cut in its arguments": (response: ServerResponse) =>
    void response.end(
      event(
        { tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: '{"a":' } }] },
        null,
      ),
    ),
};

/** Instead of any answer. */
function refuse(status: number): (response: ServerResponse) => void {
  const body = JSON.stringify({ error: { message: `refused with ${status}`, type: "refused" } });
  return (response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(body);
}

export interface PacedUpstream {
  /** As OPENAI_BASE_URL has it. */
  url: string;
  /** How often each message was answered. */
  calls: Map<string, number>;
  close(): Promise<void>;
}

export const PACED_MODEL = "openai-compatible/paced";

export async function startPacedUpstream(): Promise<PacedUpstream> {
  const calls = new Map<string, number>();
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      const { messages } = JSON.parse(body) as { messages: { role: string; content: unknown }[] };
      const begun = messages.findLastIndex(({ content }) => textOf(content).includes('"words"'));
      const asked = textOf(messages[begun]?.content);
      // An answer that goes on where another companion has left it.
      const answered = messages
        .slice(begun + 1)
        .map(({ content }) => textOf(content))
        .join("");
      calls.set(asked, (calls.get(asked) ?? 0) + 1);
      // After an answer that failed before its first word, two messages come
      // as one; the last counts.
      const { words, gap_ms, fault } = JSON.parse(asked.slice(asked.lastIndexOf("{"))) as Wish;
      if (fault && words === 0) return FAULTS[fault](response);
      response.writeHead(200, { "content-type": "text/event-stream" });
      let said = answered.match(/\bw\d+ /g)?.length ?? 0;
      const timer = setInterval(() => {
        if (said < words) return void response.write(event({ content: `w${said++} ` }, null));
        clearInterval(timer);
        if (fault) return FAULTS[fault](response);
        response.end(`${event({}, "stop")}data: [DONE]\n\n`);
      }, gap_ms);
      response.on("close", () => clearInterval(timer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A message's text, plain or in parts. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return (content as { text: string }[]).map(({ text }) => text).join("");
}

function event(delta: Record<string, unknown>, finish_reason: "stop" | null): string {
  const choice = { index: 0, delta, finish_reason };
  const chunk = { id: "p", object: "chat.completion.chunk", created: 0, model: "paced" };
  return `data: ${JSON.stringify({ ...chunk, choices: [choice] })}\n\n`;
}
