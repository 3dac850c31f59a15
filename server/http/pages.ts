// What goes with a message and is not of an editor: pages of the web, past chats.
import { type Request, type Response, Router } from "express";
import { Id } from "../protocol/fields.ts";
import { PageRequest } from "../protocol/requests.ts";
import { parse } from "./body.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";

export function pagesRouter({ chat }: HttpDeps): Router {
  const router = Router();

  router
    .route("/v1/pages")
    .post(async (request: Request, response: Response) => {
      const { url } = parse(PageRequest, request.body);
      const left = new AbortController();
      response.on("close", () => left.abort());
      response.json(await chat.readPage(url, left.signal));
    })
    .all(allowOnly("POST"));

  router
    .route("/v1/sessions/:id/quote")
    .get(async (request: Request, response: Response) => {
      response.json(await chat.quoteChat(parse(Id, request.params["id"])));
    })
    .all(allowOnly("GET"));

  return router;
}
