import { type Request, type Response, Router } from "express";
import { ForeignId, Id } from "../protocol/fields.ts";
import { ChangeQueuedRequest } from "../protocol/requests.ts";
import { parse } from "./body.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";

/** Messages that wait for their turn. */
export function queueRouter({ chat }: HttpDeps): Router {
  const router = Router();
  const sessionOf = (request: Request): string => parse(Id, request.params["id"]);
  const messageOf = (request: Request): string => parse(ForeignId, request.params["message"]);

  router
    .route("/v1/sessions/:id/queue")
    .get(async (request: Request, response: Response) => {
      response.json(await chat.listQueue(sessionOf(request)));
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/sessions/:id/queue/:message")
    .patch(async (request: Request, response: Response) => {
      const change = parse(ChangeQueuedRequest, request.body);
      response.json(await chat.editQueued(sessionOf(request), messageOf(request), change));
    })
    .delete(async (request: Request, response: Response) => {
      const taken = await chat.takeBack(sessionOf(request), messageOf(request));
      if (taken) response.json(taken);
      else response.status(204).end();
    })
    .all(allowOnly("PATCH", "DELETE"));

  router
    .route("/v1/sessions/:id/queue/:message/send")
    .post(async (request: Request, response: Response) => {
      response.json(await chat.sendNow(sessionOf(request), messageOf(request)));
    })
    .all(allowOnly("POST"));

  router
    .route("/v1/sessions/:id/resume_queue")
    .post(async (request: Request, response: Response) => {
      await chat.resumeQueue(sessionOf(request));
      response.status(204).end();
    })
    .all(allowOnly("POST"));

  return router;
}
