// Between one web app and the companion: every message from the app is parsed, calls and streams
// are passed on. Knows nothing of VS Code.
import * as z from "zod/mini";
import { CALLS, type CallName, type CallParams } from "../../server/protocol/calls.ts";
import { isPause, type StreamChunk } from "../../server/protocol/chunks.ts";
import type { ClientMessage, MessageRequest } from "../../server/protocol/requests.ts";
import type { AgentList, Queued } from "../../server/protocol/responses.ts";
import type { Waiting } from "../../server/protocol/sse.ts";
import type { LogReset, Queue } from "../../server/protocol/stream-events.ts";
import { type CallError, FromWebview, type ToWebview } from "../../webview/messages.ts";
import type { Accepted, CompanionClient } from "../companion/companion-client.ts";
import { Problem } from "../problem.ts";
import type { Offering } from "../tools/offer.ts";

type Call = Extract<FromWebview, { type: "call" }>;
type Subscribe = Extract<FromWebview, { type: "subscribe" }>;
/** What the relay does not do itself. */
export type HostMessage = Exclude<FromWebview, { type: "call" | "subscribe" | "unsubscribe" }>;

export interface ChatRelayDeps {
  client: Pick<CompanionClient, "call" | "stream">;
  post(message: ToWebview): void;
  /** For what the app does not choose a model for itself. */
  preferredModel(): string | undefined;
  /** What this window brings along with a message; its agents are also there to be chosen. */
  offer(): Promise<Offering>;
  offerFor(message: ClientMessage): Promise<Offering>;
  /** With the prompt that it names, filled in. */
  withPrompt(message: ClientMessage, requestId: string | undefined): Promise<ClientMessage>;
  withEdits(sessionId: string, message: ClientMessage): ClientMessage;
  /** A message of this chat was taken: its answer is read after `after`. */
  onSent(sessionId: string, after: number): void;
  /** A message of this chat waits in it. */
  onQueued(sessionId: string): void;
  /** This chat shows the session from now on, or shows it pausing. */
  onOpened(sessionId: string): void;
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
      const onReset = (reset: LogReset): void => {
        batches.flush();
        deps.post({ type: "log_reset", subscription, reset });
      };
      const onWaiting = (waiting: Waiting): void =>
        deps.post({ type: "waiting", subscription, ...waiting });
      const onQueue = (queue: Queue): void => {
        batches.flush();
        deps.post({ type: "queue", subscription, queue });
      };
      const hearing = { onReset, onWaiting, onQueue };
      for await (const chunks of deps.client.stream(session_id, after, stop.signal, hearing)) {
        if (stop.signal.aborted) return;
        batches.add(subscription, chunks);
        // What waits may be for this window, though another asked for it.
        if (chunks.some(isPause)) deps.onOpened(session_id);
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
      const value = await callForWindow(deps, name, params);
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
          deps.onOpened(message.session_id);
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

async function callForWindow(deps: ChatRelayDeps, name: CallName, raw: unknown): Promise<unknown> {
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
  switch (name) {
    case "send_message":
      return await sendFromWindow(deps, params as MessageRequest);
    case "set_approval_level":
      return await deps.client.call(name, await withWorkspace(deps, parsed.data));
    case "list_workspaces": {
      const [list, { workspace: here }] = await Promise.all([
        deps.client.call(name, {}),
        deps.offer(),
      ]);
      return here === undefined ? list : { ...list, here };
    }
    case "list_agents":
      return await listAgents(deps);
    case "list_models": {
      const models = await deps.client.call(name, {});
      const isThere = models.data.some(({ id }) => id === model);
      return model !== undefined && isThere ? { ...models, default: model } : models;
    }
    default:
      return await deps.client.call(name, params);
  }
}

/**
 * The page knows no tools: the window adds what it can run to a message, and who it is to an
 * answer.
 */
async function sendFromWindow(deps: ChatRelayDeps, request: MessageRequest): Promise<unknown> {
  const offer = await deps.offerFor(request.message);
  const { client_id } = offer;
  const own = request.message.type === "user_message" ? offer : { client_id };
  const { session_id } = request;
  const edited = session_id ? deps.withEdits(session_id, request.message) : request.message;
  const sent = { ...request, ...own, message: await deps.withPrompt(edited, request.request_id) };
  const accepted = (await deps.client.call("send_message", sent)) as Accepted | Queued;
  if ("message" in accepted) deps.onQueued(accepted.session_id);
  else deps.onSent(accepted.session_id, accepted.after);
  return accepted;
}

/** More than usual is allowed where this window works, and nowhere else. */
async function withWorkspace(
  deps: ChatRelayDeps,
  raw: unknown,
): Promise<CallParams<"set_approval_level">> {
  const { session_id, changes } = CALLS.set_approval_level.params.parse(raw);
  const { workspace } = await deps.offer();
  return { session_id, changes: workspace === undefined ? changes : { workspace, ...changes } };
}

async function listAgents(deps: ChatRelayDeps): Promise<AgentList> {
  const [list, { agents = [] }] = await Promise.all([
    deps.client.call("list_agents", {}),
    deps.offer(),
  ]);
  const own = agents.map(({ type, name, description }) => ({ type, name, description }));
  const built = list.agents.filter(({ type }) => !own.some((agent) => agent.type === type));
  return { ...list, agents: [...built, ...own] };
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
