// Reads answers, one after another, and tells how they ended and how much memory that took.
import { ChatError } from "../../../server/errors.ts";
import { HELLO, providerAt } from "./collect.ts";

const [url = "", answers = "1"] = process.argv.slice(2);

async function endOf(baseUrl: string): Promise<string> {
  const provider = providerAt(baseUrl);
  try {
    // The events are dropped: what the chat does with them is not measured here.
    for await (const batch of provider.stream(HELLO, new AbortController().signal)) void batch;
    return "done";
  } catch (error) {
    return error instanceof ChatError ? error.code : String(error);
  }
}

// What the first answer loads is not what is measured.
await endOf("http://127.0.0.1:9");
const before = process.memoryUsage.rss();
let peak = before;
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 5);
const codes: string[] = [];
for (let answer = 0; answer < Number(answers); answer += 1) codes.push(await endOf(url));
clearInterval(watch);
process.send?.({ codes, growth: peak - before }, () => process.disconnect());
