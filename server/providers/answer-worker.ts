// A thread that reads models' answers, for machines with cores to spare: connections, vendors'
// formats and retries are here, and what is left for the event loop that serves every stream is
// to take the events. See answer-threads.ts.
import { parentPort } from "node:worker_threads";
import { type ToldError, toTold } from "../errors.ts";
import type { Access } from "./access.ts";
import { forEachBatch } from "./batches.ts";
import { createFairReading } from "./fair-reading.ts";
import type { ResumeCause, WireLimits } from "./hear-answer.ts";
import { createConnections, doubtConnections } from "./http-client.ts";
import type { HeldAnswer, ProviderEvent, ProviderRequest } from "./provider.ts";
import type { SkippedKind } from "./wire/answer-state.ts";
import type { Leave } from "./wire/format.ts";
import { createWireProvider } from "./wire-provider.ts";

/** An answer to be read. The key in it lives in memory, here as there. */
export interface Reading {
  access: Access;
  limits: WireLimits;
  request: ProviderRequest;
  /** It is this answer, once more. */
  held?: HeldAnswer;
}

export type ToAnswerWorker =
  | { type: "read"; id: number; reading: Reading }
  /** Its taker has enough for now; has room again; wants no more of it. */
  | { type: "wait" | "go" | "leave"; id: number }
  | { type: "doubt_connections"; quietMs: number };

/** What one turn of this thread's event loop brought, in order. */
export type FromAnswerWorker = (
  | { id: number; events: readonly ProviderEvent[] }
  | { id: number; ended: ToldError | undefined }
  | { skipped: { provider: string; kind: SkippedKind; count: number } }
  | { resumed: { provider: string; cause: ResumeCause } }
)[];

interface Running {
  leaving: AbortController;
  /** While its taker has enough. */
  room: PromiseWithResolvers<void> | undefined;
}

const connections = createConnections();
const fairReading = createFairReading();
const refused = new Map<string, Leave>();
const running = new Map<number, Running>();

let news: FromAnswerWorker = [];

function tell(piece: FromAnswerWorker[number]): void {
  // A message costs more than what is in it, and many answers speak in one turn.
  if (news.length === 0) {
    setImmediate(() => {
      parentPort?.postMessage(news);
      news = [];
    });
  }
  news.push(piece);
}

parentPort?.on("message", (message: ToAnswerWorker) => {
  if (message.type === "doubt_connections") {
    doubtConnections(connections, message.quietMs);
    return;
  }
  if (message.type === "read") {
    void read(message.id, message.reading);
    return;
  }
  const one = running.get(message.id);
  if (!one) return;
  if (message.type === "wait") one.room ??= Promise.withResolvers();
  else if (message.type === "leave") one.leaving.abort();
  else {
    one.room?.resolve();
    one.room = undefined;
  }
});

async function read(id: number, { access, limits, request, held }: Reading): Promise<void> {
  const one: Running = { leaving: new AbortController(), room: undefined };
  running.set(id, one);
  const { signal } = one.leaving;
  const provider = createWireProvider({
    ...{ access, ...limits, connections, refused, reading: fairReading },
    onSkipped: (name, kind, count) => tell({ skipped: { provider: name, kind, count } }),
    onResumed: (name, cause) => tell({ resumed: { provider: name, cause } }),
  });
  let ended: ToldError | undefined;
  try {
    const stream = held
      ? provider.held?.replay(held, request, signal)
      : provider.stream(request, signal);
    if (!stream) throw new TypeError("This vendor holds no answers.");
    await forEachBatch(stream, (events) => {
      tell({ id, events });
      return one.room?.promise;
    });
  } catch (thrown) {
    ended = toTold(thrown);
  }
  running.delete(id);
  tell({ id, ended });
}
