// Reads many answers at once, in a process of its own, and tells what an event costs: `ours`, the
// product's provider; `plain`, node:http, eventsource-parser and JSON.parse, nothing else;
// `count`, the bytes alone.
import http from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { createParser } from "eventsource-parser";
import { forEachBatch } from "../../server/providers/batches.ts";
import { providerAt } from "../support/upstream/collect.ts";
import { BENCH_FORMATS, type BenchFormat } from "./model-formats.ts";

export interface ReadCost {
  /** Microseconds of CPU for an event. */
  main: number;
  process: number;
}

/** Known since Node 23.9. */
interface WithThreads {
  threadCpuUsage(before?: NodeJS.CpuUsage): NodeJS.CpuUsage;
}

const [kind = "", vendor = "", port = "", streams = "200"] = process.argv.slice(2);
const found = BENCH_FORMATS.find((one) => one.vendor === vendor);
if (!found) throw new Error(`no format of ${vendor}`);
const format: BenchFormat = found;
const origin = `http://127.0.0.1:${port}`;
let events = 0;
let characters = 0;

async function readOurs(): Promise<void> {
  const provider = providerAt(origin, { name: vendor, stallSeconds: 60, maxAnswerChars: 1e9 });
  const messages = [{ role: "user" as const, content: "go" }];
  const request = { model: "bench", system: "", messages, tools: [] };
  // As a turn hears them.
  await forEachBatch(provider.stream(request, new AbortController().signal), (batch) => {
    for (const event of batch) {
      if (event.type !== "text") continue;
      events += 1;
      characters += event.text.length;
    }
    return undefined;
  });
}

const agent = new http.Agent({ keepAlive: true });

function readPlainly(onText: (text: string) => void): void {
  const request = http.request(`${origin}/v1${format.path}`, { method: "POST", agent });
  request.on("response", (response) => {
    response.setEncoding("utf8");
    response.on("data", onText);
  });
  request.end("{}");
}

function parsing(): (text: string) => void {
  const parser = createParser({
    onEvent({ data }) {
      events += 1;
      characters +=
        format.word(JSON.parse(data) as Parameters<BenchFormat["word"]>[0])?.length ?? 0;
    },
  });
  return (text) => parser.feed(text);
}

for (let index = 0; index < Number(streams); index += 1) {
  if (kind === "ours") void readOurs();
  else if (kind === "plain") readPlainly(parsing());
  else {
    readPlainly((text) => {
      events += 1;
      characters += text.length;
    });
  }
}

const { threadCpuUsage } = process as NodeJS.Process & WithThreads;
process.on("message", ({ seconds }: { seconds: number }) => void measure(seconds));
process.once("disconnect", () => process.exit());

async function measure(seconds: number): Promise<void> {
  const before = { events, thread: threadCpuUsage(), process: process.cpuUsage() };
  await delay(seconds * 1_000);
  const thread = threadCpuUsage(before.thread);
  const whole = process.cpuUsage(before.process);
  const read = events - before.events;
  if (read === 0 || characters === 0) throw new Error("nothing was read");
  const cost: ReadCost = {
    main: (thread.user + thread.system) / read,
    process: (whole.user + whole.system) / read,
  };
  process.send?.(cost);
}
