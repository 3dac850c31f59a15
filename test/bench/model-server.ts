// A stand-in for models' servers, in a process of its own: a word at a time for each stream, each
// event in a packet of its own.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { BENCH_FORMATS, WORD } from "./model-formats.ts";

const SLOT_MS = 1;
const [perSecond = 20] = process.argv.slice(2).map(Number);
const streams = new Set<{ response: ServerResponse; due: number; event: string }>();

const server = createServer((request, response) => {
  request.resume();
  const format = BENCH_FORMATS.find(({ path }) => request.url?.includes(path));
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.socket?.setNoDelay(true);
  const due = performance.now() + (Math.random() * 1000) / perSecond;
  const stream = { response, due, event: format?.event(WORD) ?? "" };
  streams.add(stream);
  response.once("close", () => streams.delete(stream));
});

setInterval(() => {
  const now = performance.now();
  for (const stream of streams) {
    if (stream.due > now) continue;
    stream.due += 1000 / perSecond;
    stream.response.write(stream.event);
  }
}, SLOT_MS);

process.once("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
