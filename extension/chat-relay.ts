// Between one web app and the companion: every message from the app is parsed, calls and streams are
// passed on. Knows nothing of VS Code.
import * as z from "zod/mini";
import { CALLS, type CallName } from "../server/protocol/calls.ts";
import type { StreamChunk } from "../server/protocol/chunks.ts";
import { ModelList } from "../server/protocol/responses.ts";
import { type CallError, FromWebview, type ToWebview } from "../webview/messages.ts";
import { Problem } from "./problem.ts";
import type { ServerClient } from "./server-client.ts";

type Call = Extract<FromWebview, { type: "call" }>;
type Subscribe = Extract<FromWebview, { type: "subscribe" }>;
/** What the relay does not do itself. */
export type HostMessage = Exclude<FromWebview, { type: "call" | "subscribe" | "unsubscribe" }>;

export interface ChatRelayDeps {
  client: Pick<ServerClient, "call" | "stream">;
  post(message: ToWebview): void;
  /** For what the app does not choose a model for itself. */
  preferredModel(): string | undefined;
  explain(thrown: unknown): CallError;
  onHostMessage(message: HostMessage): void;
  log: { warn(message: string): void };
}

export interface ChatRelay {
  receive(raw: unknown): void;
  /** Ends every stream: the app that asked for them is gone. */
  reset(): void;
}

/** What arrives within a frame of the screen travels together. */
const FRAME_MS = 16;

export function createChatRelay(deps: ChatRelayDeps): ChatRelay {
  const subscriptions = new Map<number, AbortController>();
  const batches = createBatches((subscription, chunks) =>
    deps.post({ type: "chunks", subscription, chunks }),
  );

  const subscribe = async ({ subscription, session_id, after }: Subscribe): Promise<void> => {
    subscriptions.get(subscription)?.abort();
    const stop = new AbortController();
    subscriptions.set(subscription, stop);
    try {
      for await (const chunks of deps.client.stream(session_id, after, stop.signal)) {
        if (stop.signal.aborted) return;
        batches.add(subscription, chunks);
      }
    } catch (thrown) {
      if (stop.signal.aborted) return;
      batches.flush();
      subscriptions.delete(subscription);
      deps.post({ type: "stream_failed", subscription, error: deps.explain(thrown) });
    }
  };

  const unsubscribe = (subscription: number): void => {
    subscriptions.get(subscription)?.abort();
    subscriptions.delete(subscription);
    batches.drop(subscription);
  };

  const answer = async ({ id, name, params }: Call): Promise<void> => {
    try {
      const value = await callWithModel(deps, name, params);
      deps.post({ type: "result", id, ok: true, value });
    } catch (thrown) {
      deps.post({ type: "failure", id, error: deps.explain(thrown) });
    }
  };

  return {
    receive(raw) {
      const parsed = FromWebview.safeParse(raw);
      if (!parsed.success) {
        deps.log.warn("A message of the chat's page was not understood and is ignored");
        return;
      }
      const message = parsed.data;
      switch (message.type) {
        case "call":
          return void answer(message);
        case "subscribe":
          return void subscribe(message);
        case "unsubscribe":
          return unsubscribe(message.subscription);
        default:
          return deps.onHostMessage(message);
      }
    },
    reset() {
      for (const subscription of [...subscriptions.keys()]) unsubscribe(subscription);
    },
  };
}

async function callWithModel(deps: ChatRelayDeps, name: CallName, raw: unknown): Promise<unknown> {
  const model = deps.preferredModel();
  const parsed = CALLS[name].params.safeParse(raw);
  if (!parsed.success) {
    throw Problem.answered(
      "invalid_request",
      `${name}: ${z.prettifyError(parsed.error)}`,
      undefined,
    );
  }
  const params = parsed.data as Record<string, unknown>;
  const begins = name === "create_session" || (name === "send_message" && !params["session_id"]);
  if (begins && model !== undefined) params["model"] ??= model;
  const value = await deps.client.call(name, params);
  if (name !== "list_models" || model === undefined) return value;
  const models = ModelList.parse(value);
  return models.data.some(({ id }) => id === model) ? { ...models, default: model } : models;
}

interface Batches {
  add(subscription: number, chunks: StreamChunk[]): void;
  drop(subscription: number): void;
  flush(): void;
}

/** The first chunks go at once, what follows within a frame goes together at its end. */
function createBatches(post: (subscription: number, chunks: StreamChunk[]) => void): Batches {
  const waiting = new Map<number, StreamChunk[]>();
  let last = 0;
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    last = performance.now();
    for (const [subscription, chunks] of waiting) post(subscription, chunks);
    waiting.clear();
  };
  return {
    add(subscription, chunks) {
      const batch = waiting.get(subscription);
      if (batch) batch.push(...chunks);
      else waiting.set(subscription, [...chunks]);
      const rest = FRAME_MS - (performance.now() - last);
      if (rest <= 0) flush();
      else timer ??= setTimeout(flush, rest);
    },
    drop: (subscription) => void waiting.delete(subscription),
    flush,
  };
}
