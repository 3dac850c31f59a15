import { type Request, type Response, Router } from "express";
import {
  type AttachmentContent,
  AttachmentHash,
  AttachmentQuery,
} from "../protocol/attachments.ts";
import { ForeignId, Id } from "../protocol/fields.ts";
import { InstructionHash } from "../protocol/instructions.ts";
import {
  DeleteSessionQuery,
  ListMessagesQuery,
  ListSessionsQuery,
} from "../protocol/list-queries.ts";
import { ToolName } from "../protocol/offers.ts";
import { CreateSessionRequest, UpdateSessionRequest } from "../protocol/requests.ts";
import { ClaimRequest, OutputRequest } from "../protocol/served-requests.ts";
import { omitUndefined } from "../shared/json.ts";
import { parse } from "./body.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";

export function sessionsRouter({ chat }: HttpDeps): Router {
  const router = Router();
  const idOf = (request: Request): string => parse(Id, request.params["id"]);

  router
    .route("/v1/sessions")
    .get(async (request: Request, response: Response) => {
      const { archived, pinned, ...query } = parse(ListSessionsQuery, request.query);
      const list = { ...query, archived: isYes(archived), pinned: isYes(pinned) };
      response.json(await chat.listSessions(omitUndefined(list)));
    })
    .post(async (request: Request, response: Response) => {
      const session = await chat.createSession(parse(CreateSessionRequest, request.body));
      response.status(201).json(session);
    })
    .all(allowOnly("GET", "POST"));

  router
    .route("/v1/sessions/:id")
    .get(async (request: Request, response: Response) => {
      response.json(await chat.getSession(idOf(request)));
    })
    .patch(async (request: Request, response: Response) => {
      const id = idOf(request);
      response.json(await chat.updateSession(id, parse(UpdateSessionRequest, request.body)));
    })
    .delete(async (request: Request, response: Response) => {
      const { for_good } = parse(DeleteSessionQuery, request.query);
      await chat.deleteSession(idOf(request), for_good === "true");
      response.status(204).end();
    })
    .all(allowOnly("GET", "PATCH", "DELETE"));

  router
    .route("/v1/sessions/:id/messages")
    .get(async (request: Request, response: Response) => {
      const { turn_id } = parse(ListMessagesQuery, request.query);
      response.json(await chat.listMessages(idOf(request), turn_id));
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/sessions/:id/instructions/:hash")
    .get(async (request: Request, response: Response) => {
      const hash = parse(InstructionHash, request.params["hash"]);
      response.json(await chat.getInstruction(idOf(request), hash));
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/sessions/:id/attachments/:hash")
    .get(async (request: Request, response: Response) => {
      const hash = parse(AttachmentHash, request.params["hash"]);
      const { media_type, content } = await chat.readAttachment(idOf(request), hash);
      const { as } = parse(AttachmentQuery, request.query);
      if (as) {
        const data = content.toString("base64");
        response.json({ media_type, data } satisfies AttachmentContent);
        return;
      }
      response.set("etag", `"${hash}"`);
      response.type(media_type).send(content);
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/sessions/:id/pending")
    .get(async (request: Request, response: Response) => {
      response.json(await chat.listPending(idOf(request)));
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/sessions/:id/calls/:call/claim")
    .post(async (request: Request, response: Response) => {
      const { client_id } = parse(ClaimRequest, request.body);
      const callId = parse(ForeignId, request.params["call"]);
      response.json(await chat.claimCall(idOf(request), callId, client_id));
    })
    .all(allowOnly("POST"));

  router
    .route("/v1/sessions/:id/calls/:call/output")
    .post(async (request: Request, response: Response) => {
      const piece = parse(OutputRequest, request.body);
      const callId = parse(ForeignId, request.params["call"]);
      response.json(await chat.takeOutput(idOf(request), callId, piece));
    })
    .all(allowOnly("POST"));

  router
    .route("/v1/sessions/:id/summarise")
    .post(async (request: Request, response: Response) => {
      await chat.summarise(idOf(request));
      response.status(204).end();
    })
    .all(allowOnly("POST"));

  router
    .route("/v1/sessions/:id/summaries/:summary/undo")
    .post(async (request: Request, response: Response) => {
      await chat.undoSummary(idOf(request), parse(Id, request.params["summary"]));
      response.status(204).end();
    })
    .all(allowOnly("POST"));

  router
    .route("/v1/sessions/:id/tool_rules/:tool")
    .delete(async (request: Request, response: Response) => {
      await chat.revokeToolRule(idOf(request), parse(ToolName, request.params["tool"]));
      response.status(204).end();
    })
    .all(allowOnly("DELETE"));

  router
    .route("/v1/sessions/:id/cancel")
    .post(async (request: Request, response: Response) => {
      response.json(await chat.cancelTurn(idOf(request)));
    })
    .all(allowOnly("POST"));

  return router;
}

function isYes(said: "true" | "false" | undefined): boolean | undefined {
  return said === undefined ? undefined : said === "true";
}
