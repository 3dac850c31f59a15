// Beside the schemas and not among them, so that the web app can have it without them.
import type { CallName, CallParams } from "./calls.ts";

export interface HttpCall {
  method: "GET" | "POST" | "PATCH" | "DELETE" | "PUT";
  path: string;
  body?: unknown;
}

/** The HTTP request of a call whose params have been parsed. */
export function toHttp<N extends CallName>(name: N, params: CallParams<N>): HttpCall {
  const p = params as Record<string, unknown>;
  const session = `/v1/sessions/${encodeURIComponent(String(p["session_id"]))}`;
  const queued = `${session}/queue/${encodeURIComponent(String(p["id"]))}`;
  switch (name) {
    case "list_sessions":
      return { method: "GET", path: `/v1/sessions${toQuery(p)}` };
    case "list_workspaces":
      return { method: "GET", path: "/v1/workspaces" };
    case "create_session":
      return { method: "POST", path: "/v1/sessions", body: params };
    case "get_session":
      return { method: "GET", path: session };
    case "update_session":
      return { method: "PATCH", path: session, body: p["changes"] };
    case "delete_session":
      return { method: "DELETE", path: p["for_good"] ? `${session}?for_good=true` : session };
    case "restore_session":
      return { method: "POST", path: `${session}/restore` };
    case "fork_session":
      return {
        method: "POST",
        path: `${session}/fork`,
        body: { at_seq: p["at_seq"], request_id: p["request_id"] },
      };
    case "list_deleted":
      return { method: "GET", path: "/v1/deleted_sessions" };
    case "list_messages":
      return { method: "GET", path: `${session}/messages${toQuery({ turn_id: p["turn_id"] })}` };
    case "get_instruction":
      return { method: "GET", path: `${session}/instructions/${String(p["hash"])}` };
    case "get_attachment":
      return { method: "GET", path: `${session}/attachments/${String(p["hash"])}?as=base64` };
    case "read_page":
      return { method: "POST", path: "/v1/pages", body: params };
    case "quote_chat":
      return { method: "GET", path: `${session}/quote` };
    case "list_pending":
      return { method: "GET", path: `${session}/pending` };
    case "cancel_turn":
      return { method: "POST", path: `${session}/cancel`, body: {} };
    case "choose_version":
      return { method: "POST", path: `${session}/choose_version`, body: p["choice"] };
    case "summarise":
      return { method: "POST", path: `${session}/summarise`, body: {} };
    case "undo_summary":
      return {
        method: "POST",
        path: `${session}/summaries/${String(p["summary_id"])}/undo`,
        body: {},
      };
    case "ask_again":
      return { method: "DELETE", path: `${session}/tool_rules/${String(p["tool_name"])}` };
    case "rule_choices": {
      const call = encodeURIComponent(String(p["call_id"]));
      return { method: "GET", path: `${session}/calls/${call}/rules` };
    }
    case "list_rules":
      return { method: "GET", path: `/v1/approval_rules${toQuery(p)}` };
    case "remove_rule":
      return { method: "DELETE", path: `/v1/approval_rules/${String(p["rule_id"])}` };
    case "set_approval_level":
      return { method: "PUT", path: `${session}/approval_level`, body: p["changes"] };
    case "list_queue":
      return { method: "GET", path: `${session}/queue` };
    case "change_queued":
      return { method: "PATCH", path: queued, body: p["change"] };
    case "take_back":
      return { method: "DELETE", path: queued };
    case "send_queued":
      return { method: "POST", path: `${queued}/send`, body: {} };
    case "resume_queue":
      return { method: "POST", path: `${session}/resume_queue`, body: {} };
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
