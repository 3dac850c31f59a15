// A labelled stand-in for models' servers, in a process of its own, as `paced-provider.ts` is one
// inside of the companion: the same words at the same pace, in each vendor's format, each event in
// a packet of its own. All begin together, once no more are asked for: begun one by one, the first
// would be over before a full companion has begun the last. Loopback only.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { BENCH_FORMATS, type BenchFormat } from "./model-formats.ts";
import { LISTENING_MS, nowMicros } from "./paced-provider.ts";

const SLOT_MS = 1;
const MODEL = /(\d+)x(\d+)/;

interface Answer {
  response: ServerResponse;
  format: BenchFormat;
  said: number;
  count: number;
  /** After the beginning of all, until it has begun; then by the clock. */
  due: number;
  begun: boolean;
  gap: number;
}

const answers = new Set<Answer>();
let lastAsked = 0;

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (part: Buffer) => {
    body += part.toString();
  });
  request.on("end", () => {
    const format = BENCH_FORMATS.find(({ path }) => request.url?.includes(path));
    // Google's has the model in the address.
    const [, count, perSecond] = MODEL.exec(`${request.url} ${body}`)?.map(Number) ?? [];
    if (!format || !count) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.socket?.setNoDelay(true);
    if (format.opening !== undefined) response.write(format.opening);
    const gap = 1000 / (perSecond || 1000);
    lastAsked = performance.now();
    const due = Math.random() * gap;
    const answer = { response, format, said: 0, count, due, begun: false, gap };
    answers.add(answer);
    response.once("close", () => answers.delete(answer));
  });
});

setInterval(() => {
  const now = performance.now();
  const isQuiet = now > lastAsked + LISTENING_MS;
  for (const answer of answers) {
    if (!answer.begun) {
      if (!isQuiet) continue;
      answer.begun = true;
      answer.due += now;
    }
    if (answer.due > now) continue;
    const { response, format, said, count, gap } = answer;
    if (said === count) {
      answers.delete(answer);
      response.end(format.end);
      continue;
    }
    answer.due += gap;
    answer.said += 1;
    response.write(format.event(`${said}@${nowMicros()} `));
  }
}, SLOT_MS);

process.once("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
