import { type Request, type Response, Router } from "express";
import { KeyRequest } from "../protocol/requests.ts";
import { parse } from "./body.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";

export function modelsRouter({ chat }: HttpDeps): Router {
  const router = Router();

  router
    .route("/v1/agents")
    .get((_request: Request, response: Response) => {
      response.json(chat.listAgents());
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/models")
    .get(async (_request: Request, response: Response) => {
      response.json(await chat.listModels());
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/keys/:provider")
    .put((request: Request, response: Response) => {
      const { key, base_url } = parse(KeyRequest, request.body);
      chat.setKey(String(request.params["provider"]), key, base_url);
      response.status(204).end();
    })
    .delete((request: Request, response: Response) => {
      chat.removeKey(String(request.params["provider"]));
      response.status(204).end();
    })
    .all(allowOnly("PUT", "DELETE"));

  return router;
}
