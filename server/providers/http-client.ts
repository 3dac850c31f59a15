// HTTP to model servers over Node's own client: it follows no redirect, which would take the
// vendor's key along, takes no proxy from the environment, and has no limits of its own that
// would end slow local models.
import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";

const CONNECT_MS = 15_000;
const KEEP_ALIVE_MS = 30_000;
/** Node's own second would break off an answer whose network is away for some ten. */
const PROBE_MS = 60_000;

/** The connections of one companion, kept for the next request. */
export interface Connections {
  agents: Agents;
  sockets: Set<Socket>;
}

interface Agents {
  plain: http.Agent;
  secure: https.Agent;
}

export function createConnections(): Connections {
  return { agents: newAgents(), sockets: new Set() };
}

function newAgents(): Agents {
  const options = { keepAlive: true, keepAliveMsecs: PROBE_MS, timeout: KEEP_ALIVE_MS };
  return { plain: new http.Agent(options), secure: new https.Agent(options) };
}

/**
 * After a sleep: a connection that looks open may long have no other end. New requests get new
 * ones; one that somebody waits for is broken off if nothing comes on it for `quietMs` more.
 */
export function doubtConnections(connections: Connections, quietMs: number): void {
  const { plain, secure } = connections.agents;
  connections.agents = newAgents();
  for (const agent of [plain, secure]) {
    agent.maxFreeSockets = 0;
    for (const idle of Object.values(agent.freeSockets).flat()) idle?.destroy();
  }
  const waitedFor = new Map([...connections.sockets].map((one) => [one, one.bytesRead]));
  setTimeout(() => {
    for (const [socket, bytesRead] of waitedFor) {
      if (socket.bytesRead === bytesRead) socket.destroy();
    }
  }, quietMs).unref();
}

export interface HttpRequest {
  url: URL;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: string | undefined;
  /** Until the head of the answer is there; then the caller watches. */
  headMs: number;
  signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Gives the body as it comes; resolves at its end, rejects when it breaks off. Called once. */
  read(onData: (bytes: Buffer) => void): Promise<void>;
  pause(): void;
  resume(): void;
  /** Breaks the connection off; `read` rejects with the reason. */
  destroy(reason?: Error): void;
}

/**
 * The head of the answer; the caller reads or destroys the rest. Rejects with the
 * socket's error, or `timedOut()`.
 */
export function send(
  connections: Connections,
  { url, method, headers, body, headMs, signal }: HttpRequest,
  timedOut: () => Error,
): Promise<HttpResponse> {
  const head = Promise.withResolvers<HttpResponse>();
  const end = Promise.withResolvers<void>();
  // Whoever has left by then does not hear of the end.
  end.promise.catch(() => {});
  const isSecure = url.protocol === "https:";
  const { plain, secure } = connections.agents;
  const request = (isSecure ? https : http).request({
    agent: isSecure ? secure : plain,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port,
    path: url.pathname + url.search,
    method,
    headers: { ...headers, "accept-encoding": "identity" },
    // The caller watches; the agent's is for idle ones.
    timeout: 0,
  });
  const destroy = (reason: Error = new Error("left")): void => {
    // Given the reason, a socket whose answer has just ended would throw it at nobody.
    request.destroy();
    fail(reason);
  };
  const fail = (error: Error): void => {
    settle();
    head.reject(error);
    end.reject(error);
  };
  const abort = (): void => destroy(new Error("aborted"));
  const timer = setTimeout(() => destroy(timedOut()), headMs);
  const settle = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  };
  request.on("error", fail);
  if (signal?.aborted) {
    abort();
    return head.promise;
  }
  signal?.addEventListener("abort", abort, { once: true });
  request.once("socket", (socket) => {
    watchSocket(connections, socket, isSecure ? "secureConnect" : "connect");
  });
  request.once("response", (response) => {
    clearTimeout(timer);
    response.on("error", fail);
    response.once("end", () => {
      settle();
      end.resolve();
    });
    head.resolve({
      status: response.statusCode ?? 0,
      headers: response.headers,
      read(take) {
        response.on("data", take);
        return end.promise;
      },
      pause: () => response.pause(),
      resume: () => response.resume(),
      destroy,
    });
  });
  request.end(body);
  return head.promise;
}

function watchSocket({ sockets }: Connections, socket: Socket, connected: string): void {
  if (sockets.has(socket)) return;
  sockets.add(socket);
  const timer = setTimeout(() => socket.destroy(new Error("no connection")), CONNECT_MS);
  socket.once(connected, () => clearTimeout(timer));
  socket.once("close", () => {
    clearTimeout(timer);
    sockets.delete(socket);
  });
}

/** The body as text: what comes of it within the limits. Never rejects. */
export async function readStart(
  response: HttpResponse,
  limits: { maxBytes: number; timeoutMs: number },
): Promise<string> {
  const timer = setTimeout(() => response.destroy(), limits.timeoutMs);
  const parts: Buffer[] = [];
  let size = 0;
  try {
    await response.read((part) => {
      parts.push(part);
      size += part.length;
      if (size >= limits.maxBytes) response.destroy();
    });
  } catch {
    // A body that breaks off is still worth what has come of it.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(parts).subarray(0, limits.maxBytes).toString("utf8");
}
