import type { CallName, CallParams, CallResult } from "../../server/protocol/calls.ts";
import { isRecord } from "../../server/shared/json.ts";
import type {
  CallError,
  FromWebview,
  Mention,
  ProposedChange,
  SavedState,
  ToWebview,
} from "../messages.ts";
import {
  CallFailure,
  isChunk,
  isQueue,
  isReset,
  isText,
  type StreamSink,
  type Transport,
  type TransportEvents,
  toSavedState,
} from "./transport.ts";

/** What VS Code gives a webview, once. */
export interface VsCodeApi {
  postMessage(message: FromWebview): void;
  getState(): unknown;
  setState(state: SavedState): void;
}

interface OpenCall {
  resolve(value: unknown): void;
  reject(failure: CallFailure): void;
}

/**
 * Everything goes through the extension host: it has the token and the
 * connection, this page has neither.
 */
export function createVsCodeTransport(api: VsCodeApi): Transport {
  const calls = new Map<number, OpenCall>();
  const finds = new Map<number, (found: readonly Mention[]) => void>();
  const proposals = new Map<string, (change: ProposedChange | null) => void>();
  const sinks = new Map<number, StreamSink>();
  let lastId = 0;

  const receive = (message: ToWebview, events: TransportEvents): void => {
    switch (message.type) {
      case "result":
        calls.get(message.id)?.resolve(message.value);
        calls.delete(message.id);
        break;
      case "failure":
        calls.get(message.id)?.reject(toFailure(message.error));
        calls.delete(message.id);
        break;
      case "chunks":
        sinks.get(message.subscription)?.chunks(message.chunks);
        break;
      case "log_reset":
        sinks.get(message.subscription)?.reset(message.reset);
        break;
      case "queue":
        sinks.get(message.subscription)?.queue(message.queue);
        break;
      case "waiting":
        sinks.get(message.subscription)?.waiting(message);
        break;
      case "stream_failed":
        sinks.get(message.subscription)?.failed(message.error);
        sinks.delete(message.subscription);
        break;
      case "connection":
        events.connection(message.connection);
        break;
      case "mentions":
        finds.get(message.id)?.(message.found);
        finds.delete(message.id);
        break;
      case "proposal":
        proposals.get(message.call_id)?.(message.change);
        break;
      case "do":
      case "open_session":
      case "compose":
        events.host(message);
        break;
      default:
        message satisfies never;
    }
  };

  return {
    start(events) {
      window.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
        if (isToWebview(data)) receive(data, events);
      });
      api.postMessage({ type: "ready" });
    },
    call<N extends CallName>(name: N, params: CallParams<N>) {
      lastId += 1;
      const id = lastId;
      return new Promise<CallResult<N>>((resolve, reject) => {
        // The host has parsed it by the schema of this very call.
        calls.set(id, { resolve: (value) => resolve(value as CallResult<N>), reject });
        api.postMessage({ type: "call", id, name, params });
      });
    },
    subscribe(sessionId, after, sink) {
      lastId += 1;
      const subscription = lastId;
      sinks.set(subscription, sink);
      api.postMessage({ type: "subscribe", subscription, session_id: sessionId, after });
      return () => {
        if (sinks.delete(subscription)) api.postMessage({ type: "unsubscribe", subscription });
      };
    },
    retryNow: () => api.postMessage({ type: "host_command", command: "restart_server" }),
    readSaved: () => toSavedState(api.getState()),
    save: (state) => api.setState(state),
    showState: (state) => api.postMessage({ type: "view_state", ...state }),
    copy: (text) => api.postMessage({ type: "copy", text }),
    openLink: (url) => api.postMessage({ type: "open_link", url: url.href }),
    editor: {
      useCode: (use) => api.postMessage({ type: "use_code", use }),
      openFile: (place) => api.postMessage({ type: "open_file", ...place }),
      run: (command, about) => api.postMessage({ type: "host_command", command, ...about }),
      findMentions(kind, typed) {
        lastId += 1;
        const id = lastId;
        api.postMessage({ type: "find_mentions", id, kind, typed });
        return new Promise((resolve) => finds.set(id, resolve));
      },
      followProposal(call_id, tell) {
        proposals.set(call_id, tell);
        api.postMessage({ type: "ask_proposal", call_id });
        return () => proposals.delete(call_id);
      },
      addContext: (mentions) => api.postMessage({ type: "add_context", mentions }),
    },
    keys: undefined,
    link: undefined,
  };
}

function toFailure(error: CallError): CallFailure {
  return new CallFailure(error, error.code.startsWith("companion_") || error.code === "draining");
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

const FIELDS: Record<ToWebview["type"], (message: Record<string, unknown>) => boolean> = {
  result: ({ id }) => isNumber(id),
  failure: ({ id, error }) => isNumber(id) && isCallError(error),
  chunks: ({ subscription, chunks }) =>
    isNumber(subscription) && Array.isArray(chunks) && chunks.every(isChunk),
  log_reset: ({ subscription, reset }) => isNumber(subscription) && isReset(reset),
  queue: ({ subscription, queue }) => isNumber(subscription) && isQueue(queue),
  waiting: ({ subscription, seconds }) => isNumber(subscription) && isNumber(seconds),
  stream_failed: ({ subscription, error }) => isNumber(subscription) && isCallError(error),
  connection: ({ connection }) =>
    isRecord(connection) && ["starting", "ready", "away"].includes(String(connection["state"])),
  proposal: ({ call_id, change }) =>
    isText(call_id) && (change === null || (isRecord(change) && Array.isArray(change["lines"]))),
  do: ({ action }) => isText(action),
  mentions: ({ id, found }) => isNumber(id) && Array.isArray(found),
  open_session: ({ session_id, turn_id }) =>
    isText(session_id) && (turn_id === undefined || isText(turn_id)),
  compose: ({ text, context }) => isText(text) && Array.isArray(context),
};

/**
 * The host has checked what it sends; this keeps out what was not sent by it and
 * what a newer one may say.
 */
function isToWebview(data: unknown): data is ToWebview {
  if (!isRecord(data)) return false;
  const { type } = data;
  if (!isText(type) || !Object.hasOwn(FIELDS, type)) return false;
  return FIELDS[type as ToWebview["type"]](data);
}

function isCallError(value: unknown): value is CallError {
  return isRecord(value) && isText(value["code"]) && isText(value["message"]);
}
