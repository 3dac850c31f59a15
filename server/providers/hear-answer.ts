// One connection to a model's server: its head, its bytes pushed through the format's
// reader, its silence watched.
import { createHash } from "node:crypto";
import type { ChatError } from "../errors.ts";
import { type Access, urlAt, vendorHeaders } from "./access.ts";
import type { Batches } from "./batches.ts";
import { retryAfter, retryAfterError, shouldRetry } from "./failures/retry-after.ts";
import { cutError, malformedError, statusError, timeoutError } from "./failures/upstream-errors.ts";
import type { FairReading } from "./fair-reading.ts";
import { type Connections, type HttpResponse, readStart, send } from "./http-client.ts";
import type { Draft } from "./wire/answer.ts";
import type { SkippedKind } from "./wire/answer-state.ts";
import { createBodyReader } from "./wire/body.ts";
import { type Unpacker, unpackerFor } from "./wire/decompress.ts";
import type { EventReader, Leave } from "./wire/format.ts";
import { record } from "./wire/values.ts";

/** Of every answer that is read. */
export interface WireLimits {
  stallSeconds: number;
  maxAnswerChars: number;
  retryBaseMs: number;
  /** Whether vendors that can may hold answers. */
  hold: boolean;
  /** How long there may be no event of an answer that the vendor holds. */
  patienceMs: number;
}

export interface WireProviderDeps extends WireLimits {
  access: Access;
  connections: Connections;
  reading: FairReading;
  /** What a server has refused of a model's requests, by both; kept for the companion's life. */
  refused: Map<string, Leave>;
  /** Events of an answer that carried nothing known. */
  onSkipped(provider: string, kind: SkippedKind, count: number): void;
  /** An answer is gone on with, after its connection broke or this companion was away. */
  onResumed(provider: string, cause: ResumeCause): void;
}

export const RESUME_CAUSES = ["cut", "restart"] as const;
export type ResumeCause = (typeof RESUME_CAUSES)[number];

const MAX_EVENT_CHARS = 1024 * 1024;
const MAX_DOCUMENT_CHARS = 8 * 1024 * 1024;
/**
 * How much may come that says nothing (no text, no reasoning, no tool input) before
 * it is taken for garbage.
 */
const MAX_SILENT_BYTES = 8 * 1024 * 1024;
const MAX_LAST_WORDS = 4_096;
const MAX_ERROR_BYTES = 64 * 1024;
const ERROR_BODY_MS = 5_000;
/**
 * After the answer's end mark: time for the server to end the body, so that the
 * connection can be used again.
 */
const RELEASE_MS = 1_000;
/** The model has ended and the server says nothing more: so long is waited for its usage. */
const AFTER_FINISH_SECONDS = 5;
/** A timer may fire so much before its time. */
const EARLY_MS = 2;

/** Without a body it is only read. */
export interface Asked {
  path: string;
  headers?: Record<string, string>;
  body?: Record<string, unknown> | undefined;
}

type OpenDeps = Pick<WireProviderDeps, "access" | "connections" | "stallSeconds">;

/** Not the address itself: there may be a password in it. */
export function addressOf({ baseUrl }: Access): string {
  return createHash("sha256").update(baseUrl).digest("base64url").slice(0, 16);
}

/** The head of the answer. A status that is none of success is an error with the server's words. */
export async function open(
  { access, connections, stallSeconds }: OpenDeps,
  { path, headers, body }: Asked,
  signal: AbortSignal | undefined,
): Promise<{ response: HttpResponse; deadline: number }> {
  // A model that has to be loaded, or to read a long prompt, is given twice the
  // time for its first byte.
  const headMs = 2 * stallSeconds * 1000;
  const deadline = performance.now() + headMs;
  const response = await send(
    connections,
    {
      url: urlAt(access, path),
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        accept: "text/event-stream",
        ...vendorHeaders(access),
        ...headers,
      },
      body: body && JSON.stringify(body),
      headMs,
      signal,
    },
    () => timeoutError(access, headMs / 1000, false),
  );
  if (response.status >= 200 && response.status < 300) return { response, deadline };
  const said = await readStart(response, { maxBytes: MAX_ERROR_BYTES, timeoutMs: ERROR_BODY_MS });
  signal?.throwIfAborted();
  const wait = retryAfter(response.headers, Date.now());
  const error = statusError(access, response.status, said, wait);
  error.mayPass = shouldRetry(response.headers);
  throw error;
}

export interface Hearing {
  deps: WireProviderDeps;
  response: HttpResponse;
  /** For the first byte. */
  deadline: number;
  draft: Draft;
  reader: EventReader;
  batches: Batches;
}

export interface Heard {
  /** What broke the body off. */
  failure: ChatError | undefined;
  sawDone: boolean;
  type: string;
  /** The beginning of a body that said nothing; undefined: it was cut. */
  stray: string | undefined;
  /** What came after the last event, and is none. */
  lastWords: string;
  /** What its head said of when to ask again. */
  retryAfter: number | undefined;
}

/** Until nothing more is to come. Never rejects. */
export async function hear(hearing: Hearing): Promise<Heard> {
  const { deps, response, draft, reader, batches } = hearing;
  const { access } = deps;
  const { state } = draft;
  const over = Promise.withResolvers<void>();
  const heard: Heard = {
    failure: undefined,
    sawDone: false,
    type: String(response.headers["content-type"] ?? ""),
    stray: "",
    lastWords: "",
    retryAfter: retryAfterError(response.headers, Date.now()),
  };
  const isOver = (): boolean => heard.sawDone || state.isOver || hasEnded;
  let hasEnded = false;
  let isFinishing = false;
  let silentBytes = 0;
  let progress = 0;

  const body = createBodyReader(
    {
      event(value, name) {
        if (isOver()) return;
        const fields = record(value);
        if (fields) reader.event(fields, name);
        else draft.skip("unknown_event");
        if (heard.lastWords !== "") heard.lastWords = "";
      },
      unreadable(data) {
        const words = data.trim();
        draft.skip(words === "" ? "empty" : "not_json");
        if (heard.lastWords.length < MAX_LAST_WORDS) heard.lastWords += `${words}\n`;
      },
      done() {
        heard.sawDone = true;
      },
      tooLong() {
        stop(malformedError(access, "a line of more than 1 MB"));
      },
    },
    { eventChars: MAX_EVENT_CHARS, documentChars: MAX_DOCUMENT_CHARS },
  );
  const end = (): void => {
    if (hasEnded) return;
    watch.stop();
    body.end();
    hasEnded = true;
    lane.leave();
    heard.stray = body.stray();
    over.resolve();
  };
  const stop = (failure: ChatError | undefined): void => {
    heard.failure ??= failure;
    response.destroy();
    end();
  };
  const pulse: Pulse = { at: 0 };
  const watch = watchSilence(hearing, pulse, stop);
  watch.start();

  const source = createSource(response);
  const read = (bytes: Buffer): void => {
    if (hasEnded) return;
    body.write(bytes);
    if (state.progress !== progress) {
      progress = state.progress;
      silentBytes = 0;
    } else silentBytes += bytes.length;
    batches.push(draft.take());
    if (isOver()) {
      if (heard.sawDone || state.ended) release(response);
      else response.destroy();
      end();
    } else if (state.reason !== undefined && !isFinishing) {
      isFinishing = true;
      watch.start();
    } else if (silentBytes > MAX_SILENT_BYTES) {
      stop(malformedError(access, "megabytes without a word in them"));
    } else if (batches.isFull()) {
      watch.stop();
      source.wait("reader");
      batches.onRoom = () => {
        batches.onRoom = undefined;
        pulse.at = performance.now();
        watch.start();
        source.go("reader");
      };
    }
  };
  const lane = deps.reading.join({
    read,
    wait: () => source.wait("line"),
    go: () => source.go("line"),
  });
  const broke = (thrown: unknown): void => {
    heard.failure ??= cutError(access, thrown);
    end();
  };
  readUnpacked(response, source, {
    pulse,
    data: lane.write,
    end: () => lane.end(end),
    // What came before it broke has been said.
    broke: (thrown) => lane.end(() => broke(thrown)),
  });
  await over.promise;
  return heard;
}

interface Sink {
  pulse: Pulse;
  data(bytes: Buffer): void;
  end(): void;
  broke(thrown: unknown): void;
}

/** Who may ask a connection to send no more: it goes on when none of them does. */
type Brake = "reader" | "line" | "unpacker";

interface Source {
  wait(brake: Brake): void;
  go(brake: Brake): void;
}

function createSource(response: HttpResponse): Source {
  const brakes = new Set<Brake>();
  return {
    wait(brake) {
      if (brakes.size === 0) response.pause();
      brakes.add(brake);
    },
    go(brake) {
      if (brakes.delete(brake) && brakes.size === 0) response.resume();
    },
  };
}

/** Nothing of a body that is plain is copied or waited for. */
function readUnpacked(response: HttpResponse, source: Source, sink: Sink): void {
  const { pulse } = sink;
  const encoding = response.headers["content-encoding"];
  let unpacker: Unpacker | undefined;
  let begun = false;
  const onBytes = (bytes: Buffer): void => {
    pulse.at = performance.now();
    if (!begun) {
      begun = true;
      unpacker = unpackerFor(encoding?.toString(), bytes, {
        data: sink.data,
        end: sink.end,
        error: (error) => {
          response.destroy();
          sink.broke(error);
        },
        drain: () => source.go("unpacker"),
      });
    }
    if (!unpacker) sink.data(bytes);
    else if (!unpacker.write(bytes)) source.wait("unpacker");
  };
  response.read(onBytes).then(
    () => (unpacker ? unpacker.end() : sink.end()),
    (thrown: unknown) => {
      unpacker?.close();
      sink.broke(thrown);
    },
  );
}

/** When something last came, packed or not; 0: nothing has. */
interface Pulse {
  at: number;
}

/**
 * One timer for the whole answer: a read only notes when it was, since moving a timer costs
 * as much as reading a word.
 */
function watchSilence(
  { deps, deadline, draft }: Hearing,
  pulse: Pulse,
  stop: (failure: ChatError | undefined) => void,
): { start(): void; stop(): void } {
  const { access, stallSeconds } = deps;
  let timer: NodeJS.Timeout | undefined;
  const isFinished = (): boolean => draft.state.reason !== undefined;
  const until = (): number => {
    const seconds = isFinished() ? Math.min(stallSeconds, AFTER_FINISH_SECONDS) : stallSeconds;
    return pulse.at === 0 ? deadline : pulse.at + 1000 * seconds;
  };
  const start = (): void => {
    clearTimeout(timer);
    timer = setTimeout(onTimer, Math.max(until() - performance.now(), 0));
  };
  const onTimer = (): void => {
    const begun = pulse.at !== 0;
    if (performance.now() < until() - EARLY_MS) start();
    // The model has ended; what did not come was at most its usage.
    else if (isFinished()) stop(undefined);
    else stop(timeoutError(access, begun ? stallSeconds : 2 * stallSeconds, begun));
  };
  return {
    start,
    stop: () => clearTimeout(timer),
  };
}

/** The rest of the body is of no use, but read to its end the connection can be used again. */
function release(response: HttpResponse): void {
  setTimeout(() => response.destroy(), RELEASE_MS).unref();
}
