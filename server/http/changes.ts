// What a person says of what a turn has changed.
import { type Request, type Response, Router } from "express";
import { Id } from "../protocol/fields.ts";
import { DecideChangesRequest } from "../protocol/served-requests.ts";
import { parse } from "./body.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";

export function changesRouter({ chat }: HttpDeps): Router {
  const router = Router();

  router
    .route("/v1/sessions/:id/turns/:turn/changes")
    .post(async (request: Request, response: Response) => {
      const { id, turn } = request.params;
      const said = parse(DecideChangesRequest, request.body);
      await chat.decideChanges(parse(Id, id), parse(Id, turn), said);
      response.status(204).end();
    })
    .all(allowOnly("POST"));

  return router;
}
