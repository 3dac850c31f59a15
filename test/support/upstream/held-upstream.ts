// A vendor that makes answers in the background and keeps their events: real HTTP, in the formats
// of OpenAI's Responses and Gemini's Interactions. What it says is in the test's hands; nobody's
// leaving stops it, and each answer is made once.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One event, without what its place in the stream gives it. */
export type HeldEvent = Readonly<Record<string, unknown>>;

/** How a vendor's format is told by a stand-in; the events of an answer are its plan. */
export interface HeldFormat {
  /** What comes before the paths, as a base URL has it. */
  base: string;
  /** `/responses`, say: where answers are asked for; each is read and cancelled below it. */
  path: string;
  /** An event as it is sent, at its place. */
  frame(event: HeldEvent, place: number): string;
  /** After the last event. */
  tail: string;
  /** The place after which a reader goes on, by its address; -1: from the beginning. */
  after(query: URLSearchParams): number;
  /** The answer as one document. */
  whole(answer: HeldAnswer): unknown;
  /** What ends an answer that somebody has cancelled. */
  cancelled(answer: HeldAnswer): readonly HeldEvent[];
  /** Whether a request asks for such an answer at all. */
  isHeld(body: Record<string, unknown>): boolean;
}

export interface HeldAnswer {
  id: string;
  body: Record<string, unknown>;
  /** All that it will say. */
  plan: readonly HeldEvent[];
  /** How much of it has been made. */
  made: number;
  isCancelled: boolean;
}

export interface HeldUpstream {
  origin: string;
  answers: HeldAnswer[];
  /** How often one was asked for. */
  asked(): number;
  /** Every request: method and path, behind the base. */
  requests: string[];
  /** Resolves once so many requests have been taken that the words are part of. */
  seen(words: string, times?: number): Promise<void>;
  /** Breaks every connection that reads an answer. */
  cut(): void;
  /** Each connection that reads an answer is broken after so many events. */
  cutEvery: number | undefined;
  /** Forgets all answers, as after their time. */
  forget(): void;
  /** Gives no streams of answers that were begun, only documents. */
  streamsAgain: boolean;
  /** Instead of any answer. */
  refuses: { status: number; body: unknown } | undefined;
  /** Goes on making answers that were waiting for it. */
  go(): void;
  close(): Promise<void>;
}

export interface HeldPlan {
  /** Fresh for each answer; `id` is the vendor's name for it. */
  events(body: Record<string, unknown>, id: string): readonly HeldEvent[];
  /** Between two events of an answer; 0: all at once. */
  gapMs: number | ((body: Record<string, unknown>) => number);
  /** It stops here until `go`. */
  waitsAt?: number;
}

export async function startHeldUpstream(format: HeldFormat, plan: HeldPlan): Promise<HeldUpstream> {
  const answers: HeldAnswer[] = [];
  const readers = new Map<HeldAnswer, Set<() => void>>();
  const open = new Set<ServerResponse>();
  let waits: Set<() => void> = new Set();
  let waiting = plan.waitsAt;
  let asked = 0;
  const heard: { words: string; times: number; found: () => void }[] = [];

  const tell = (answer: HeldAnswer): void => {
    for (const read of readers.get(answer) ?? []) read();
  };
  const make = (answer: HeldAnswer): void => {
    const gapMs = typeof plan.gapMs === "number" ? plan.gapMs : plan.gapMs(answer.body);
    const next = (): void => {
      if (answer.isCancelled || answer.made >= answer.plan.length) return;
      if (waiting !== undefined && answer.made >= waiting) {
        waits.add(next);
        return;
      }
      answer.made += 1;
      tell(answer);
      if (gapMs === 0) next();
      else setTimeout(next, gapMs);
    };
    next();
  };
  const stream = (answer: HeldAnswer, response: ServerResponse, after: number): void => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    open.add(response);
    let place = after + 1;
    let sent = 0;
    const read = (): void => {
      for (; place < answer.made && !response.destroyed; place += 1) {
        if (upstream.cutEvery !== undefined && sent === upstream.cutEvery) {
          // What was sent before arrives.
          response.socket?.end();
          return;
        }
        response.write(format.frame(answer.plan[place] ?? {}, place));
        sent += 1;
      }
      if (place >= answer.plan.length) response.end(format.tail);
    };
    const all = readers.get(answer) ?? new Set();
    readers.set(answer, all.add(read));
    response.once("close", () => {
      all.delete(read);
      open.delete(response);
    });
    read();
  };
  const json = (response: ServerResponse, status: number, body: unknown): void => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };

  const onRequest = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await textOf(incoming);
    // The official clients have versions of their own.
    const url = (incoming.url ?? "").replace(/^\/v1(?:beta)?/, "");
    const { pathname, searchParams } = new URL(url, "http://x");
    upstream.requests.push(`${incoming.method} ${url}`);
    const [id = "", verb] = pathname.slice(format.path.length + 1).split("/");
    if (incoming.method === "POST" && pathname === format.path) {
      if (upstream.refuses) return json(response, upstream.refuses.status, upstream.refuses.body);
      const body = JSON.parse(text) as Record<string, unknown>;
      asked += 1;
      const name = `answer_${asked}`;
      const events = plan.events(body, name);
      const answer = { id: name, body, plan: events, made: 0, isCancelled: false };
      if (format.isHeld(body)) answers.push(answer);
      make(answer);
      return stream(answer, response, -1);
    }
    const answer = answers.find((one) => one.id === decodeURIComponent(id));
    if (!answer) {
      const message = `there is no answer '${id}'`;
      return json(response, 404, { error: { message, type: "invalid_request_error" } });
    }
    if (verb === "cancel") {
      if (!answer.isCancelled && answer.made < answer.plan.length) {
        answer.isCancelled = true;
        answer.plan = [...answer.plan.slice(0, answer.made), ...format.cancelled(answer)];
        answer.made = answer.plan.length;
        tell(answer);
      }
      return json(response, 200, format.whole(answer));
    }
    if (searchParams.get("stream") !== "true") return json(response, 200, format.whole(answer));
    if (!upstream.streamsAgain) {
      const message = "this answer is not streamed any more";
      return json(response, 400, { error: { message, type: "invalid_request_error" } });
    }
    return stream(answer, response, format.after(searchParams));
  };
  const look = (): void => {
    for (const one of heard) {
      const found = upstream.requests.filter((request) => request.includes(one.words));
      if (found.length >= one.times) one.found();
    }
  };

  const server = createServer((incoming, response) => {
    onRequest(incoming, response)
      .catch(() => response.destroy())
      .finally(look);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const upstream: HeldUpstream = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    asked: () => asked,
    requests: [],
    seen(words, times = 1) {
      return new Promise((found) => {
        heard.push({ words, times, found });
        look();
      });
    },
    cut() {
      for (const response of open) response.socket?.end();
    },
    cutEvery: undefined,
    forget() {
      answers.length = 0;
    },
    streamsAgain: true,
    refuses: undefined,
    go() {
      waiting = undefined;
      const all = waits;
      waits = new Set();
      for (const next of all) next();
    },
    async close() {
      for (const answer of answers) answer.isCancelled = true;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return upstream;
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of incoming as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Lends one for the length of `run`. */
export async function withHeldUpstream<T>(
  format: HeldFormat,
  plan: HeldPlan,
  run: (upstream: HeldUpstream) => Promise<T>,
): Promise<T> {
  const upstream = await startHeldUpstream(format, plan);
  try {
    return await run(upstream);
  } finally {
    await upstream.close();
  }
}
