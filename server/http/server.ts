import { createServer, type Server } from "node:http";
import express, { type NextFunction, type Request, type Response } from "express";
import { MAX_MESSAGE_ATTACHMENT_BYTES } from "../protocol/attachments.ts";
import { approvalsRouter } from "./approvals.ts";
import { readJson } from "./body.ts";
import { changesRouter } from "./changes.ts";
import type { HttpDeps } from "./context.ts";
import { deletedSessionsRouter } from "./deleted-sessions.ts";
import { handleErrors, notFound } from "./error-handler.ts";
import { checkHostAndOrigin, checkToken, setCommonHeaders } from "./guard.ts";
import { messagesRouter } from "./messages.ts";
import { modelsRouter } from "./models.ts";
import { openAiRouter } from "./openai.ts";
import { openRouter, operationsRouter } from "./operations.ts";
import { pagesRouter } from "./pages.ts";
import { queueRouter } from "./queue.ts";
import { sessionsRouter } from "./sessions.ts";
import { StreamReaders } from "./sse.ts";
import { traceRequest } from "./tracing.ts";
import { importRouter, transferRouter } from "./transfer.ts";
import { versionsRouter } from "./versions.ts";
import { webAppRouter } from "./web-app.ts";
import { workspacesRouter } from "./workspaces.ts";

/** Beside those of readers: who sends, who looks, and who is told that there are too many. */
const OTHER_CONNECTIONS = 4_096;
/** In base64, and some line ends in it. */
const ATTACHMENT_ROOM = Math.ceil(MAX_MESSAGE_ATTACHMENT_BYTES * 1.4);

export interface HttpServer {
  server: Server;
  readers: StreamReaders;
  /** Ends streams and connections; resolves when all are gone. */
  close(): Promise<void>;
}

/** Time for the client to read why its body was not. */
const UNREAD_MS = 1_000;

/**
 * An answer that came before the whole body (refused, not found) leaves nobody who reads the rest.
 */
function endUnread(request: Request, response: Response, next: NextFunction): void {
  response.on("finish", () => {
    if (request.complete) return;
    // What comes to its end by then leaves the connection to the next request.
    const end = (): void => void (request.complete || request.socket.destroySoon());
    setTimeout(end, UNREAD_MS).unref();
  });
  next();
}

/** The order of every request: Host and Origin, then token, then body, then route. */
export function createHttpServer(deps: HttpDeps): HttpServer {
  const readers = new StreamReaders(deps.metrics, deps.maxReaders);
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", "simple");
  app.use(endUnread);
  app.use(traceRequest);
  app.use(setCommonHeaders);
  app.use(checkHostAndOrigin(deps));
  app.use(openRouter(deps));
  app.use(webAppRouter());
  app.use(checkToken(deps));
  app.use(importRouter(deps));
  for (const path of ["/v1/messages/stream", "/v1/chat/completions"]) {
    app.post(path, readJson(deps.bodyLimitBytes, ATTACHMENT_ROOM));
  }
  app.use(readJson(deps.bodyLimitBytes));
  app.use(messagesRouter(deps, readers));
  app.use(sessionsRouter(deps));
  app.use(queueRouter(deps));
  app.use(versionsRouter(deps));
  app.use(approvalsRouter(deps));
  app.use(changesRouter(deps));
  app.use(deletedSessionsRouter(deps));
  app.use(workspacesRouter(deps));
  app.use(transferRouter(deps));
  app.use(pagesRouter(deps));
  app.use(modelsRouter(deps));
  app.use(openAiRouter(deps, readers));
  app.use(operationsRouter(deps));
  app.use(notFound);
  app.use(handleErrors(deps.log));

  const server = createServer(
    {
      headersTimeout: 10_000,
      // Whoever reads a body bounds the time for it; a file of many chats may take its time.
      requestTimeout: 30 * 60_000,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 16 * 1024,
      // A missing Host is told in our own words.
      requireHostHeader: false,
      noDelay: true,
      keepAliveTimeout: 5_000,
    },
    app,
  );
  server.maxConnections = deps.maxReaders + OTHER_CONNECTIONS;
  server.on("upgrade", (_request, socket) => {
    socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  return {
    server,
    readers,
    async close() {
      readers.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const hard = setTimeout(() => server.closeAllConnections(), 1_000);
      await closed;
      clearTimeout(hard);
    },
  };
}
