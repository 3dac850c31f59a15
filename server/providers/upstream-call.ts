// The one door through which a vendor's SDK reaches the network: a fetch that watches what comes back.
import type { IncomingMessage } from "node:http";
import { ChatError } from "../errors.ts";
import type { Access } from "./access.ts";
import { createEventScanner } from "./event-scanner.ts";
import { type Agents, readStart, send } from "./http-client.ts";
import {
  cutError,
  malformedError,
  networkError,
  retryAfter,
  sentenceOf,
  statusError,
  timeoutError,
} from "./upstream-errors.ts";

const MAX_EVENT_BYTES = 1024 * 1024;
/** How much may come that says nothing (no text, no reasoning, no tool input) before it is taken for garbage. */
const MAX_SILENT_BYTES = 8 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
const ERROR_BODY_MS = 5_000;
/** After the answer's end mark: time for the server to end the body, so that the connection can be used again. */
const RELEASE_MS = 1_000;

/** One request, or the few that an SDK makes for one answer. */
export interface UpstreamCall {
  fetch: typeof globalThis.fetch;
  /**
   * Why the answer ended early. The SDK sees its bytes end without an error then, since an error would make its
   * streams drop what they still hold, and that is text to show.
   */
  failure: ChatError | undefined;
  /** `data: [DONE]` has come. */
  sawDone: boolean;
  /** To be called when the bytes so far gave something. */
  progress(): void;
}

export interface CallDeps {
  access: Access;
  agents: Agents;
  stallSeconds: number;
}

export function createUpstreamCall(deps: CallDeps): UpstreamCall {
  let silentBytes = 0;
  const call: UpstreamCall = {
    failure: undefined,
    sawDone: false,
    progress() {
      silentBytes = 0;
    },
    async fetch(input, init) {
      try {
        const { response, deadline } = await open(deps, toUrl(input), init ?? {});
        const body = toStream(deps, call, response, deadline, (bytes) => {
          silentBytes += bytes;
          return silentBytes > MAX_SILENT_BYTES;
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      } catch (thrown) {
        call.failure = thrown instanceof ChatError ? thrown : networkError(deps.access, thrown);
        throw call.failure;
      }
    },
  };
  return call;
}

function toUrl(input: RequestInfo | URL): URL {
  return new URL(input instanceof Request ? input.url : input);
}

/** The head of a good answer: status 2xx and a stream of events. Anything else is an error with the server's words. */
async function open(
  { access, agents, stallSeconds }: CallDeps,
  url: URL,
  init: RequestInit,
): Promise<{ response: IncomingMessage; deadline: number }> {
  // A model that has to be loaded, or to read a long prompt, is given twice the time for its first byte.
  const headMs = 2 * stallSeconds * 1000;
  const deadline = performance.now() + headMs;
  const response = await send(
    agents,
    {
      url,
      method: "POST",
      headers: Object.fromEntries(new Headers(init.headers)),
      body: typeof init.body === "string" ? init.body : undefined,
      headMs,
      signal: init.signal ?? undefined,
    },
    () => timeoutError(access, headMs / 1000, false),
  );
  const status = response.statusCode ?? 0;
  const type = response.headers["content-type"];
  if (status >= 200 && status < 300 && (!type || /^text\/event-stream\b/i.test(type))) {
    return { response, deadline };
  }
  const body = await readStart(response, { maxBytes: MAX_ERROR_BYTES, timeoutMs: ERROR_BODY_MS });
  init.signal?.throwIfAborted();
  if (status < 200 || status >= 300) {
    throw statusError(access, status, body, retryAfter(response.headers, Date.now()));
  }
  throw malformedError(access, notEvents(type ?? "", sentenceOf(body, access.key)));
}

function notEvents(type: string, said: string): string {
  if (/\bhtml\b/i.test(type)) return "a web page instead of an answer";
  const words = said === "" ? "" : `, which says: ${said}`;
  return `${type.split(";", 1)[0]?.slice(0, 60)} instead of a stream of events${words}`;
}

function toStream(
  deps: CallDeps,
  call: UpstreamCall,
  response: IncomingMessage,
  deadline: number,
  isGarbage: (bytes: number) => boolean,
): ReadableStream<Uint8Array> {
  const { access, stallSeconds } = deps;
  const parts = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const scanner = createEventScanner(MAX_EVENT_BYTES);
  let begun = false;

  const next = async (): Promise<IteratorResult<Buffer>> => {
    const waitMs = begun ? stallSeconds * 1000 : Math.max(deadline - performance.now(), 0);
    const seconds = begun ? stallSeconds : 2 * stallSeconds;
    const result = await within(waitMs, parts.next(), () => timeoutError(access, seconds, begun));
    begun = true;
    return result;
  };

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await next();
          if (done) {
            controller.close();
            return;
          }
          const seen = scanner.scan(value);
          if (seen === "too_long") throw malformedError(access, "a line of more than 1 MB");
          if (isGarbage(value.length))
            throw malformedError(access, "megabytes without a word in them");
          controller.enqueue(value);
          if (seen === "done") {
            call.sawDone = true;
            controller.close();
            void release(response, parts);
          }
        } catch (thrown) {
          call.failure = thrown instanceof ChatError ? thrown : cutError(access, thrown);
          response.destroy();
          controller.close();
        }
      },
      cancel() {
        response.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}

async function within<T>(ms: number, promise: Promise<T>, late: () => Error): Promise<T> {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), ms);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Never rejects. */
async function release(response: IncomingMessage, parts: AsyncIterator<Buffer>): Promise<void> {
  const timer = setTimeout(() => response.destroy(), RELEASE_MS);
  try {
    while (!(await parts.next()).done);
  } catch {
    // The answer is complete; how its connection ends does not matter.
  } finally {
    clearTimeout(timer);
  }
}
