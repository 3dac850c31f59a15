import { type Request, type Response, Router } from "express";
import { Id } from "../protocol/fields.ts";
import { parse } from "./body.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";

/** What was deleted and can be brought back. */
export function deletedSessionsRouter({ chat }: HttpDeps): Router {
  const router = Router();

  router
    .route("/v1/deleted_sessions")
    .get(async (_request: Request, response: Response) => {
      response.json(await chat.listDeleted());
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/sessions/:id/restore")
    .post(async (request: Request, response: Response) => {
      response.json(await chat.restoreSession(parse(Id, request.params["id"])));
    })
    .all(allowOnly("POST"));

  return router;
}
