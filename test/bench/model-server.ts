// A stand-in for models' servers, in a process of its own, with a port for each reader: a word at a
// time for each stream, each event in a packet of its own, on those ports that are told to speak.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { BENCH_FORMATS, WORD } from "./model-formats.ts";

const SLOT_MS = 1;
const [perSecond = 20, readers = 1] = process.argv.slice(2).map(Number);
const apart = 1000 / perSecond;
const streams = new Set<{ response: ServerResponse; due: number; event: string; port: number }>();
/** Undefined: all. */
let speaks: number | undefined;

function answer(port: number, request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const format = BENCH_FORMATS.find(({ path }) => request.url?.includes(path));
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.socket?.setNoDelay(true);
  const due = performance.now() + Math.random() * apart;
  const stream = { response, due, event: format?.event(WORD) ?? "", port };
  streams.add(stream);
  response.once("close", () => streams.delete(stream));
}

setInterval(() => {
  const now = performance.now();
  for (const stream of streams) {
    if (stream.due > now) continue;
    stream.due += apart;
    if (speaks === undefined || speaks === stream.port) stream.response.write(stream.event);
  }
}, SLOT_MS);

async function listen(): Promise<number> {
  const server = createServer((request, response) => answer(port(), request, response));
  const port = (): number => (server.address() as AddressInfo).port;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return port();
}

process.on("message", (message: { port: number | undefined }) => {
  speaks = message.port;
});
process.once("disconnect", () => process.exit());
process.send?.({ ports: await Promise.all(Array.from({ length: readers }, listen)) });
