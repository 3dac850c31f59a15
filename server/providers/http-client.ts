// HTTP to model servers over undici, without what its `fetch` and the global dispatcher bring
// along: limits of 300 s that end slow local models, redirects that would take the vendor's key
// along, a proxy from the environment.
import type { Socket } from "node:net";
import { Agent, buildConnector, type Dispatcher } from "undici";

const CONNECT_MS = 15_000;
const KEEP_ALIVE_MS = 30_000;

/** The connections of one companion, kept for the next request. */
export interface Connections {
  dispatcher: Dispatcher;
  sockets: Set<Socket>;
}

export function createConnections(): Connections {
  const sockets = new Set<Socket>();
  return { dispatcher: newDispatcher(sockets), sockets };
}

function newDispatcher(sockets: Set<Socket>): Dispatcher {
  const connect = buildConnector({ timeout: CONNECT_MS });
  return new Agent({
    keepAliveTimeout: KEEP_ALIVE_MS,
    // The caller watches both.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(options, callback) {
      connect(options, (...result) => {
        const [, socket] = result;
        if (socket) {
          sockets.add(socket);
          socket.once("close", () => sockets.delete(socket));
        }
        callback(...result);
      });
    },
  });
}

/**
 * After a sleep: a connection that looks open may long have no other end. New requests get new
 * ones; one that somebody waits for is broken off if nothing comes on it for `quietMs` more.
 */
export function doubtConnections(connections: Connections, quietMs: number): void {
  const before = connections.dispatcher;
  connections.dispatcher = newDispatcher(connections.sockets);
  // Closes the idle ones at once, the others after their answer.
  before.close().catch(() => {});
  const waitedFor = new Map([...connections.sockets].map((one) => [one, one.bytesRead]));
  setTimeout(() => {
    for (const [socket, bytesRead] of waitedFor) {
      if (socket.bytesRead === bytesRead) socket.destroy(new Error("silent since a sleep"));
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
  { dispatcher }: Connections,
  { url, method, headers, body, headMs, signal }: HttpRequest,
  timedOut: () => Error,
): Promise<HttpResponse> {
  const head = Promise.withResolvers<HttpResponse>();
  const end = Promise.withResolvers<void>();
  // Whoever has left by then does not hear of the end.
  end.promise.catch(() => {});
  let control: Dispatcher.DispatchController | undefined;
  let onData: ((bytes: Buffer) => void) | undefined;
  let broken: Error | undefined;

  const destroy = (reason: Error = new Error("left")): void => {
    broken ??= reason;
    control?.abort(broken);
    fail(broken);
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
  if (signal?.aborted) {
    abort();
    return head.promise;
  }
  signal?.addEventListener("abort", abort, { once: true });

  dispatcher.dispatch(
    {
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: { ...headers, "accept-encoding": "identity" },
      ...(body !== undefined && { body }),
    },
    {
      onRequestStart(controller) {
        control = controller;
        if (broken) controller.abort(broken);
      },
      onResponseStart(controller, status, received) {
        if (status < 200) return;
        clearTimeout(timer);
        // Nothing is lost between the head and the reader.
        controller.pause();
        head.resolve({
          status,
          headers: received,
          read(take) {
            onData = take;
            controller.resume();
            return end.promise;
          },
          pause: () => controller.pause(),
          resume: () => controller.resume(),
          destroy,
        });
      },
      onResponseData(_controller, bytes) {
        onData?.(bytes);
      },
      onResponseEnd() {
        settle();
        end.resolve();
      },
      onResponseError(_controller, error) {
        fail(broken ?? error);
      },
    },
  );
  return head.promise;
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
