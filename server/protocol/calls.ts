// The calls that our own clients make, and the one place that knows their method, path and answer.
// The extension relays them for the webview; the browser makes them itself.
import * as z from "zod/mini";
import {
  CreateSessionRequest,
  Id,
  ListSessionsQuery,
  MessageRequest,
  UpdateSessionRequest,
} from "./requests.ts";
import {
  AgentList,
  MessageList,
  ModelList,
  PendingList,
  Ready,
  Session,
  SessionList,
} from "./responses.ts";

const OfSession = z.strictObject({ session_id: Id });
const Nothing = z.strictObject({});

/** Params and result of every call. `send_message` resolves once the turn is accepted; the answer comes on the session's stream. */
export const CALLS = {
  list_sessions: { params: ListSessionsQuery, result: SessionList },
  create_session: { params: CreateSessionRequest, result: Session },
  get_session: { params: OfSession, result: Session },
  update_session: {
    params: z.strictObject({ session_id: Id, changes: UpdateSessionRequest }),
    result: Session,
  },
  delete_session: { params: OfSession, result: z.unknown() },
  list_messages: { params: OfSession, result: MessageList },
  list_pending: { params: OfSession, result: PendingList },
  cancel_turn: { params: OfSession, result: z.unknown() },
  send_message: { params: MessageRequest, result: z.unknown() },
  list_agents: { params: Nothing, result: AgentList },
  list_models: { params: Nothing, result: ModelList },
  get_ready: { params: Nothing, result: Ready },
} as const;

export type CallName = keyof typeof CALLS;
export type CallParams<N extends CallName> = z.infer<(typeof CALLS)[N]["params"]>;
export type CallResult<N extends CallName> = z.infer<(typeof CALLS)[N]["result"]>;
export const CALL_NAMES = Object.keys(CALLS) as [CallName, ...CallName[]];

export interface HttpCall {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
}

/** The HTTP request of a call whose params have been parsed. */
export function toHttp<N extends CallName>(name: N, params: CallParams<N>): HttpCall {
  const p = params as Record<string, unknown>;
  const session = `/v1/sessions/${encodeURIComponent(String(p["session_id"]))}`;
  switch (name as CallName) {
    case "list_sessions":
      return { method: "GET", path: `/v1/sessions${toQuery(p)}` };
    case "create_session":
      return { method: "POST", path: "/v1/sessions", body: params };
    case "get_session":
      return { method: "GET", path: session };
    case "update_session":
      return { method: "PATCH", path: session, body: p["changes"] };
    case "delete_session":
      return { method: "DELETE", path: session };
    case "list_messages":
      return { method: "GET", path: `${session}/messages` };
    case "list_pending":
      return { method: "GET", path: `${session}/pending` };
    case "cancel_turn":
      return { method: "POST", path: `${session}/cancel`, body: {} };
    case "send_message":
      return { method: "POST", path: "/v1/messages/stream", body: params };
    case "list_agents":
      return { method: "GET", path: "/v1/agents" };
    case "list_models":
      return { method: "GET", path: "/v1/models" };
    case "get_ready":
      return { method: "GET", path: "/readyz" };
  }
}

function toQuery(params: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value !== undefined) query.set(key, String(value));
  }
  return query.size ? `?${query}` : "";
}
