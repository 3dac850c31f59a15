import { type Request, type Response, Router } from "express";
import { Id } from "../protocol/fields.ts";
import { ChooseVersionRequest, RewindRequest } from "../protocol/served-requests.ts";
import { parse } from "./body.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";

/** Which turns of a chat are its conversation. */
export function versionsRouter({ chat }: HttpDeps): Router {
  const router = Router();
  const idOf = (request: Request): string => parse(Id, request.params["id"]);

  router
    .route("/v1/sessions/:id/rewind")
    .post(async (request: Request, response: Response) => {
      const { turn_id } = parse(RewindRequest, request.body);
      response.json(await chat.rewind(idOf(request), turn_id));
    })
    .all(allowOnly("POST"));

  router
    .route("/v1/sessions/:id/versions")
    .get(async (request: Request, response: Response) => {
      response.json(await chat.listVersions(idOf(request)));
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/sessions/:id/choose_version")
    .post(async (request: Request, response: Response) => {
      const chosen = parse(ChooseVersionRequest, request.body);
      response.json(await chat.chooseVersion(idOf(request), chosen));
    })
    .all(allowOnly("POST"));

  return router;
}
