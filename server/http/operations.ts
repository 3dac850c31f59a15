import { createHmac } from "node:crypto";
import { type Request, type Response, Router } from "express";
import { ChatError } from "../errors.ts";
import { DRAIN_SECONDS } from "../protocol/requests.ts";
import { type Drain, type Hello, PROTOCOL_VERSION } from "../protocol/responses.ts";
import { DrainRequest, ListTransactionsQuery } from "../protocol/served-requests.ts";
import { parse } from "./body.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";

/** Open to everybody on this machine: they say nothing that is secret. */
export function openRouter(deps: HttpDeps): Router {
  const router = Router();

  router
    .route("/healthz")
    .get((_request: Request, response: Response) => {
      response.json({ status: "ok" });
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/hello")
    .get((request: Request, response: Response) => {
      const { nonce } = request.query;
      if (typeof nonce !== "string" || !/^[\x21-\x7e]{1,256}$/.test(nonce)) {
        throw new ChatError("invalid_request", "nonce: expected 1 to 256 printable characters.");
      }
      const hello: Hello = {
        hmac: createHmac("sha256", deps.token).update(nonce).digest("hex"),
        version: deps.version,
        protocol: PROTOCOL_VERSION,
        pid: process.pid,
        started_at: deps.startedAt,
      };
      response.json(hello);
    })
    .all(allowOnly("GET"));

  return router;
}

export function operationsRouter({ chat, metrics, onDrain }: HttpDeps): Router {
  const router = Router();

  router
    .route("/v1/drain")
    .post((request: Request, response: Response) => {
      const { grace_seconds = DRAIN_SECONDS } = parse(DrainRequest, request.body);
      const drain: Drain = { running_turns: chat.runningTurns(), grace_seconds };
      onDrain(grace_seconds);
      response.status(202).json(drain);
    })
    .all(allowOnly("POST"));

  router
    .route("/readyz")
    .get(async (_request: Request, response: Response) => {
      const ready = await chat.ready();
      response.status(ready.ready ? 200 : 503).json(ready);
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/transactions")
    .get((request: Request, response: Response) => {
      response.json(chat.listTransactions(parse(ListTransactionsQuery, request.query)));
    })
    .all(allowOnly("GET"));

  router
    .route("/metrics")
    .get(async (request: Request, response: Response) => {
      const open = /application\/openmetrics-text/.test(request.get("accept") ?? "");
      const registry = open ? metrics.openMetrics : metrics.registry;
      response.set("content-type", registry.contentType);
      // Whoever watches sees with the next scrape whether storing works, though nobody writes.
      chat.glanceAtStorage();
      response.end(await registry.metrics());
    })
    .all(allowOnly("GET"));

  return router;
}
