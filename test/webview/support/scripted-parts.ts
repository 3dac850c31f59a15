import type { IncomingMessage, ServerResponse } from "node:http";
import { isPause, type StreamChunk } from "../../../server/protocol/chunks.ts";
import type { Agent, Model, Session, SessionList } from "../../../server/protocol/responses.ts";

/** As the companion serves it. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface ScriptedSession extends Session {
  chunks: StreamChunk[];
}

export interface OpenStream {
  sessionId: string;
  response: ServerResponse;
  /** It asked for what waits, too. */
  withQueue: boolean;
}

export interface Refusal {
  status: number;
  code: string;
  message: string;
  hint?: string;
}

export function model(id: string, name: string, fields: Partial<Model> = {}): Model {
  const [owner = ""] = id.split("/");
  return {
    id,
    object: "model",
    created: 0,
    owned_by: owner,
    name,
    available: true,
    demo: false,
    context_window: 128_000,
    ...fields,
  };
}

export function statusAfter(chunks: StreamChunk[], before: NonNullable<Session["turn"]>["status"]) {
  const last = chunks.at(-1);
  switch (last?.type) {
    case "done":
    case "error":
    case "interrupted":
      return last.type;
    case "status":
      return isPause(last) ? ("waiting" as const) : before;
    default:
      return before;
  }
}

export function toSession(session: ScriptedSession): Session {
  const { id, title, agent_type, model: chosen, created_at, updated_at, last_seq, turn } = session;
  const { approval_level, pinned, archived, workspace } = session;
  const fields = { id, title, agent_type, model: chosen, created_at, updated_at, last_seq, turn };
  return {
    ...fields,
    ...(approval_level && { approval_level }),
    ...(pinned && { pinned }),
    ...(archived && { archived }),
    ...(workspace !== undefined && { workspace }),
  };
}

export interface Hit {
  session: ScriptedSession;
  turnId: string;
}

/** `hit`: what the search finds, and nothing else. */
export function listOf(
  sessions: ScriptedSession[],
  asked: URLSearchParams,
  hit?: Hit,
): SessionList {
  const query = (asked.get("query") ?? "").toLowerCase();
  if (hit) {
    const place = { snippet: query, found_turn_id: hit.turnId };
    return { sessions: [{ ...toSession(hit.session), ...place }], next_cursor: null };
  }
  const workspace = asked.get("workspace");
  const found = sessions.filter(
    ({ title, pinned = false, archived = false, ...session }) =>
      title.toLowerCase().includes(query) &&
      (query !== "" || archived === (asked.get("archived") === "true")) &&
      (asked.get("pinned") !== "true" || pinned) &&
      (workspace === null || session.workspace === workspace),
  );
  return { sessions: found.map(toSession).toReversed(), next_cursor: null };
}

export async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return text === "" ? undefined : JSON.parse(text);
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

export function refuse(response: ServerResponse, { status, code, message, hint }: Refusal): void {
  json(response, status, {
    error: { code, message, ...(hint === undefined ? {} : { hint }), request_id: "r1" },
  });
}

/** What `/readyz` says. */
export const READY = {
  ready: true,
  engine: "sqlite",
  durability: "full",
  schema_version: 1,
  draining: false,
};

export const AGENTS: readonly Agent[] = [
  { type: "universal", name: "Universal", description: "Answers anything" },
  { type: "coder", name: "Coder", description: "Writes and changes code" },
  { type: "ask", name: "Ask", description: "Explains, changes nothing" },
  { type: "orchestrator", name: "Orchestrator", description: "Finds the right agent" },
];

export const MODELS: readonly Model[] = [
  model("demo/demo", "Demo", { demo: true }),
  model("openai/gpt", "GPT"),
  model("anthropic/claude", "Claude", { available: false }),
];
