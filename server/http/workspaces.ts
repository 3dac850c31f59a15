import { type Request, type Response, Router } from "express";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";

/** Where there are chats of. */
export function workspacesRouter({ chat }: HttpDeps): Router {
  const router = Router();

  router
    .route("/v1/workspaces")
    .get(async (_request: Request, response: Response) => {
      response.json(await chat.listWorkspaces());
    })
    .all(allowOnly("GET"));

  return router;
}
