// HTTP to model servers over node:http. Not fetch: its 300 s limits end slow local models, it follows redirects
// with the vendor's key header, and a changed global dispatcher or proxy variable would reroute it.
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";

const CONNECT_MS = 15_000;

/** Connections that are kept for the next request. Made without a proxy, whatever the environment says. */
export interface Agents {
  http: http.Agent;
  https: https.Agent;
}

export function createAgents(): Agents {
  return {
    http: new http.Agent({ keepAlive: true, scheduling: "lifo" }),
    https: new https.Agent({ keepAlive: true, scheduling: "lifo" }),
  };
}

/**
 * After a sleep: a connection that looks open may long have no other end. Idle ones are closed; one that somebody waits
 * for is broken off if nothing comes on it for `quietMs` more.
 */
export function doubtConnections(agents: Agents, quietMs: number): void {
  const waitedFor = new Map<Socket, number>();
  for (const agent of [agents.http, agents.https]) {
    for (const idle of socketsOf(agent.freeSockets)) idle.destroy();
    for (const socket of socketsOf(agent.sockets)) waitedFor.set(socket, socket.bytesRead);
  }
  setTimeout(() => {
    for (const [socket, bytesRead] of waitedFor) {
      if (socket.bytesRead === bytesRead) socket.destroy(new Error("silent since a sleep"));
    }
  }, quietMs).unref();
}

function socketsOf(sockets: NodeJS.ReadOnlyDict<Socket[]>): Socket[] {
  return Object.values(sockets).flatMap((some) => some ?? []);
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

/** The head of the answer; the caller reads or destroys the rest. Rejects with the socket's error, or `timedOut()`. */
export function send(
  agents: Agents,
  call: HttpRequest,
  timedOut: () => Error,
): Promise<IncomingMessage> {
  const secure = call.url.protocol === "https:";
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).request(call.url, {
      method: call.method,
      headers: { ...call.headers, "accept-encoding": "identity" },
      agent: secure ? agents.https : agents.http,
    });
    // Not Node's own `signal`: an abort at the end of an answer makes it raise an error on a socket that is on its
    // way back to the agent, where nobody listens, and that ends the process.
    const abort = (): void => {
      request.destroy();
    };
    call.signal?.addEventListener("abort", abort, { once: true });
    if (call.signal?.aborted) abort();
    const head = setTimeout(() => request.destroy(timedOut()), call.headMs);
    const connect = setTimeout(() => request.destroy(connectTimeout()), CONNECT_MS);
    const settle = (): void => {
      clearTimeout(head);
      clearTimeout(connect);
    };
    request.once("socket", (socket) => {
      if (socket.connecting) socket.once("connect", () => clearTimeout(connect));
      else clearTimeout(connect);
    });
    request.once("response", (response) => {
      settle();
      response.on("error", ignore);
      response.once("close", () => call.signal?.removeEventListener("abort", abort));
      resolve(response);
    });
    // Both error listeners stay for good, for the same reason.
    request.on("error", (error) => {
      settle();
      call.signal?.removeEventListener("abort", abort);
      reject(error);
    });
    request.end(call.body);
  });
}

function ignore(): void {}

function connectTimeout(): Error {
  return Object.assign(new Error("no connection in time"), { code: "ETIMEDOUT" });
}

/** The body as text: what comes of it within the limits. Never rejects. */
export async function readStart(
  response: IncomingMessage,
  limits: { maxBytes: number; timeoutMs: number },
): Promise<string> {
  const timer = setTimeout(() => response.destroy(), limits.timeoutMs);
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      parts.push(part);
      size += part.length;
      if (size >= limits.maxBytes) break;
    }
  } catch {
    // A body that breaks off is still worth what has come of it.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(parts).subarray(0, limits.maxBytes).toString("utf8");
}
