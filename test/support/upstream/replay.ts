import { readFileSync } from "node:fs";
import { write } from "./openai-scripts.ts";
import type { Script } from "./start-upstream.ts";

/**
 * An answer in a vendor's documented format, written by hand (each file says so), sent
 * in pieces of a few bytes.
 */
export function replay(vendor: string, what: "text" | "tool" | "error", upTo?: string): Script {
  const file = readFileSync(new URL(`fixtures/${vendor}-${what}.sse`, import.meta.url));
  const end = upTo === undefined ? file.length : file.indexOf(upTo);
  if (end < 0) throw new Error(`${vendor}-${what}.sse has no ${upTo}`);
  return async (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let from = 0; from < end; from += 61) {
      await write(response, file.subarray(from, Math.min(from + 61, end)));
    }
    response.end();
  };
}
