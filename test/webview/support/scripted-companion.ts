// A real HTTP server that serves the built web app and speaks the companion's protocol, saying what
// a test tells it to say, chunk by chunk. It stores nothing and decides nothing.
import { createHmac, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { AttachmentContent } from "../../../server/protocol/attachments.ts";
import { MessageRequest } from "../../../server/protocol/requests.ts";
import type {
  Agent,
  AgentList,
  DeletedSessionList,
  Message,
  Model,
  ModelList,
  Session,
} from "../../../server/protocol/responses.ts";
import { SSE_RETRY, toFrame } from "../../../server/protocol/sse.ts";
import { toQueueFrame } from "../../../server/protocol/stream-events.ts";
import { type AnyChunk, metadataOf, placed } from "../../support/any-chunk.ts";
import { answerApprovals, type ScriptedApprovals } from "./scripted-approvals.ts";
import { answerChoice } from "./scripted-choice.ts";
import { keepAttached, type ServedPage, serveFile } from "./scripted-files.ts";
import {
  AGENTS,
  type Hit,
  json,
  listOf,
  MODELS,
  type OpenStream,
  READY,
  type Refusal,
  readBody,
  refuse,
  type ScriptedSession,
  statusAfter,
  toSession,
} from "./scripted-parts.ts";
import { ScriptedQueues } from "./scripted-queue.ts";

export class ScriptedCompanion {
  readonly token = "test-token-0123456789";
  /** Its proof is only right while it is. */
  knowsToken = true;
  readonly sessions = new Map<string, ScriptedSession>();
  /** What its list of deleted chats says. */
  deleted: DeletedSessionList["sessions"] = [];
  /** By a search's words: the turn of the only chat that it finds. */
  readonly hits = new Map<string, Hit>();
  readonly messages: MessageRequest[] = [];
  /** By their hash. */
  readonly attached = new Map<string, AttachmentContent>();
  /** What it answers when it is asked to summarise. */
  summary: AnyChunk = { type: "status" };
  /** Messages with their turns, as `GET …/messages` gives them. */
  readonly stored: Message[] = [];
  /** `METHOD path` of every call with its Authorization, in order. */
  readonly requests: {
    line: string;
    authorization: string | undefined;
    lastEventId: string | undefined;
  }[] = [];
  /** Taken one by one by the next messages. */
  readonly refusals: Refusal[] = [];
  /** Messages are taken and their answers lost, as often as this says. */
  loseAnswers = 0;
  agents: Agent[] = [...AGENTS];
  models: Model[] = [...MODELS];
  onMessage: (session: ScriptedSession, turnId: string, request: MessageRequest) => void = () => {};
  /** Of the messages to come, beside what they bring along; then texts, by their hashes. */
  metadata: Record<string, unknown> = {};
  readonly instructions = new Map<string, string>();
  readonly approvals: ScriptedApprovals = { choices: [], rules: [] };
  /** Extra pages of a test. */
  readonly pages = new Map<string, ServedPage>();
  #server: Server | undefined;
  #port = 0;
  readonly #streams = new Set<OpenStream>();
  readonly queues = new ScriptedQueues(this.#streams);

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get url(): string {
    return `${this.origin}/#token=${this.token}`;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** As if killed: every connection breaks. `start` brings it back on the same port. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  dropStreams(): void {
    for (const { response } of this.#streams) response.destroy();
  }

  addSession(title: string, fields: Partial<Session> = {}): ScriptedSession {
    const now = new Date().toISOString();
    const session: ScriptedSession = {
      id: randomUUID(),
      title,
      agent_type: "universal",
      model: null,
      created_at: now,
      updated_at: now,
      last_seq: 0,
      turn: null,
      chunks: [],
      ...fields,
    };
    this.sessions.set(session.id, session);
    this.say(session, undefined, {
      type: "session_info",
      metadata: { title, model: null, agent_type: "universal" },
    });
    return session;
  }

  /** A turn with its question; says nothing yet. */
  ask(session: ScriptedSession, content: string, metadata: Record<string, unknown> = {}): string {
    const turnId = randomUUID();
    session.turn = { id: turnId, status: "running" };
    if (session.title === "New chat") session.title = content.slice(0, 60);
    const chosen = { model: session.model ?? "demo/demo", agent_type: session.agent_type };
    this.say(session, turnId, {
      type: "user_message",
      content,
      metadata: { ...chosen, ...metadata },
    });
    return turnId;
  }

  say(session: ScriptedSession, turnId: string | undefined, ...chunks: AnyChunk[]): void {
    const said = chunks.map((chunk) => {
      session.last_seq += 1;
      const place = { seq: session.last_seq, session_id: session.id };
      const turn = turnId === undefined ? {} : { turn_id: turnId };
      return placed(chunk, { ...place, ...turn });
    });
    session.chunks.push(...said);
    if (session.turn) session.turn.status = statusAfter(said, session.turn.status);
    const frames = said.map(toFrame).join("");
    for (const { sessionId, response } of this.#streams) {
      if (sessionId === session.id) response.write(frames);
    }
  }

  /** Text in pieces of `size` characters, one chunk each. */
  stream(session: ScriptedSession, turnId: string, text: string, size = 12): void {
    for (let from = 0; from < text.length; from += size) {
      this.say(session, turnId, {
        type: "assistant_message",
        token: text.slice(from, from + size),
      });
    }
  }

  done(session: ScriptedSession, turnId: string): void {
    this.say(session, turnId, {
      type: "done",
      metadata: {
        model: session.model ?? "demo/demo",
        finish_reason: "stop",
        elapsed_ms: 1_234,
        usage: { input_tokens: 12, output_tokens: 148 },
      },
    });
  }

  /** Writes what no companion would: for what a client has to bear. */
  writeRaw(text: string): void {
    for (const { response } of this.#streams) response.write(text);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.origin);
    const { method = "GET" } = request;
    if (serveFile(this.pages, url.pathname, response)) return;
    this.requests.push({
      line: `${method} ${url.pathname}${url.search}`,
      authorization: request.headers.authorization,
      lastEventId: request.headers["last-event-id"] as string | undefined,
    });
    if (url.pathname === "/v1/hello") {
      const secret = this.knowsToken ? this.token : "another token";
      const hmac = createHmac("sha256", secret)
        .update(url.searchParams.get("nonce") ?? "")
        .digest("hex");
      json(response, 200, {
        hmac,
        version: "0",
        protocol: 1,
        pid: 1,
        started_at: new Date().toISOString(),
      });
      return;
    }
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      refuse(response, { status: 401, code: "unauthorized", message: "A valid token is needed." });
      return;
    }
    const body = await readBody(request);
    if (url.pathname === "/v1/messages/stream") this.#takeMessage(request, response, body);
    else this.#takeCall(method, url, request, response, body);
  }

  #takeMessage(request: IncomingMessage, response: ServerResponse, body: unknown): void {
    const message = MessageRequest.parse(body);
    this.messages.push(message);
    const refusal = this.refusals.shift();
    const session = this.sessions.get(message.session_id ?? "");
    if (session && message.agent_type !== undefined) session.agent_type = message.agent_type;
    if (refusal || !session) {
      refuse(
        response,
        refusal ?? { status: 404, code: "not_found", message: "There is no such session." },
      );
      return;
    }
    const isRepeat = session.chunks.some(
      (chunk) => metadataOf(chunk).request_id === message.request_id,
    );
    if (!isRepeat && message.when_busy !== undefined && session.turn?.status === "running") {
      json(response, 202, this.queues.add(session.id, message));
      return;
    }
    if (!isRepeat) this.#accept(session, message);
    if (this.loseAnswers > 0) {
      this.loseAnswers -= 1;
      request.socket.destroy();
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(SSE_RETRY);
  }

  #accept(session: ScriptedSession, request: MessageRequest): void {
    const { message, request_id, model: chosen } = request;
    if (chosen !== undefined) session.model = chosen;
    if (message.type !== "user_message") {
      this.onMessage(session, session.turn?.id ?? "", request);
      return;
    }
    const { content, replaces_turn_id, context } = message;
    const attachments = message.attachments?.map((one) => keepAttached(this.attached, one));
    const turnId = this.ask(session, content, {
      ...this.metadata,
      request_id,
      ...(replaces_turn_id === undefined ? {} : { replaces_turn_id }),
      ...(context ? { context: context.map(({ type, label }) => ({ type, label })) } : {}),
      ...(attachments && { attachments }),
    });
    this.stored.push({
      id: randomUUID(),
      turn_id: turnId,
      role: "user",
      content,
      status: "complete",
      created_at: new Date().toISOString(),
      metadata: { context, ...(attachments && { attachments }) },
    });
    this.onMessage(session, turnId, request);
  }

  #takeCall(
    method: string,
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
    body: unknown,
  ): void {
    const [, id, rest] = /^\/v1\/sessions\/([^/]+)(?:\/([\w/-]+))?$/.exec(url.pathname) ?? [];
    const session = this.sessions.get(id ?? "");
    const asked = { method, path: url.pathname, body };
    const approved = answerApprovals(this.approvals, asked, session);
    if (session && rest === "choose_version") {
      answerChoice(this, session, body, response);
    } else if (approved !== undefined) {
      json(response, 200, approved === session && session ? toSession(session) : approved);
    } else if (id !== undefined && !session) {
      refuse(response, { status: 404, code: "not_found", message: "There is no such session." });
    } else if (session && rest === "stream") {
      this.#openStream(session, url, request, response);
    } else if (session && rest === "cancel") {
      const turnId = session.turn?.id;
      if (session.turn?.status === "running" || session.turn?.status === "waiting") {
        const content = "Stopped. What had arrived is kept.";
        const metadata = { code: "cancelled", kept_chars: 1 };
        this.say(session, turnId, { type: "interrupted", content, metadata });
      }
      json(response, 200, { turn_id: turnId ?? null });
    } else if (session && /^(?:queue\/|resume_queue$)/.test(rest ?? "")) {
      json(response, ...this.queues.call(session.id, method, rest ?? "", body));
    } else if (session && rest === "summarise") {
      this.say(session, undefined, this.summary);
      response.writeHead(204).end();
    } else if (session && rest?.startsWith("summaries/")) {
      const summary_id = rest.split("/")[1];
      const metadata = { state: "summary_undone", summary_id, context_tokens: 100_000 };
      this.say(session, undefined, { type: "status", metadata });
      response.writeHead(204).end();
    } else if (session && rest?.startsWith("tool_rules/")) {
      const tool_name = rest.split("/")[1] ?? "";
      const metadata = { state: "tool_asks_again" };
      this.say(session, undefined, { type: "status", tool_name, metadata });
      response.writeHead(204).end();
    } else if (session && rest?.startsWith("instructions/")) {
      const content = this.instructions.get(rest.split("/")[1] ?? "");
      if (content !== undefined) json(response, 200, { content });
      else refuse(response, { status: 404, code: "not_found", message: "No such instructions." });
    } else if (session && rest?.startsWith("attachments/")) {
      const content = this.attached.get(rest.split("/")[1] ?? "");
      if (content) json(response, 200, content);
      else refuse(response, { status: 404, code: "not_found", message: "Not attached." });
    } else if (session && rest === "messages") {
      json(response, 200, { messages: this.stored, last_seq: session.last_seq });
    } else if (session && method === "PATCH") {
      Object.assign(session, body);
      json(response, 200, toSession(session));
    } else if (session && method === "DELETE") {
      this.sessions.delete(session.id);
      response.writeHead(204).end();
    } else if (session) {
      json(response, 200, toSession(session));
    } else {
      json(response, 200, this.#collection(method, url, body));
    }
  }

  #collection(method: string, url: URL, body: unknown): unknown {
    switch (`${method} ${url.pathname}`) {
      case "POST /v1/sessions":
        return toSession(this.addSession("New chat", body as Partial<Session>));
      case "GET /v1/sessions": {
        const query = (url.searchParams.get("query") ?? "").toLowerCase();
        return listOf([...this.sessions.values()], url.searchParams, this.hits.get(query));
      }
      case "GET /v1/workspaces": {
        const named = [...this.sessions.values()].flatMap(({ workspace }) => workspace ?? []);
        return { workspaces: [...new Set(named)].toSorted() };
      }
      case "GET /v1/deleted_sessions":
        return { sessions: this.deleted, kept_days: 30 } satisfies DeletedSessionList;
      case "GET /v1/models":
        return {
          object: "list",
          data: this.models,
          default: this.models[0]?.id ?? "",
          offers: [],
        } satisfies ModelList;
      case "GET /v1/agents":
        return {
          agents: this.agents,
          default: "universal",
        } satisfies AgentList;
      case "GET /readyz":
        return READY;
      default:
        return {};
    }
  }

  #openStream(
    session: ScriptedSession,
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const after = Number(request.headers["last-event-id"] ?? url.searchParams.get("after") ?? 0);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(
      SSE_RETRY +
        session.chunks
          .filter(({ seq }) => seq > after)
          .map(toFrame)
          .join(""),
    );
    const withQueue = url.searchParams.get("queue") === "true";
    if (withQueue) response.write(toQueueFrame(this.queues.toldOf(session.id)));
    const stream = { sessionId: session.id, response, withQueue };
    this.#streams.add(stream);
    response.on("close", () => this.#streams.delete(stream));
  }
}
