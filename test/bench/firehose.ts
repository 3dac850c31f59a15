// A labelled stand-in for a model's server, in a process of its own: real HTTP in OpenAI's
// streaming format. The model `firehose` says one character an event, as fast as the
// connection takes them, until it is left; `10000` so many a second; any other says five
// words. Prints its port. Loopback only.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** It ends by itself if nobody ends it. */
const MAX_SECONDS = 300;

function event(content: string, finish_reason: "stop" | null = null): string {
  const chunk = { id: "f", object: "chat.completion.chunk", created: 0, model: "firehose" };
  const choice = { index: 0, delta: content === "" ? {} : { content }, finish_reason };
  return `data: ${JSON.stringify({ ...chunk, choices: [choice] })}\n\n`;
}

/** A hundred events a write: what a fast server does. */
const BLOCK = event("x").repeat(100);

function pour(response: ServerResponse): void {
  if (response.destroyed) return;
  while (response.write(BLOCK));
  response.once("drain", () => pour(response));
}

/** As many as it should have said by now. */
function pace(response: ServerResponse, perSecond: number): void {
  const began = performance.now();
  let said = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1000) * perSecond;
    for (; said < due && !response.writableNeedDrain; said += 100) response.write(BLOCK);
  }, 10);
  response.once("close", () => clearInterval(timer));
}

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (part: Buffer) => {
    body += part.toString();
  });
  response.on("error", () => {});
  request.on("end", () => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const { model } = JSON.parse(body) as { model: string };
    if (model === "firehose") return pour(response);
    if (/^\d+$/.test(model)) return pace(response, Number(model));
    for (const word of ["one ", "two ", "three ", "four ", "five"]) response.write(event(word));
    response.end(`${event("", "stop")}data: [DONE]\n\n`);
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(String((server.address() as AddressInfo).port));
});
setTimeout(() => process.exit(1), MAX_SECONDS * 1000).unref();
