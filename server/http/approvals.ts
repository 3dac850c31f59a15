// What a person lets run without asking.
import { type Request, type Response, Router } from "express";
import { LevelRequest, RulesQuery } from "../protocol/approvals.ts";
import { ForeignId, Id } from "../protocol/fields.ts";
import { parse } from "./body.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";

export function approvalsRouter({ chat }: HttpDeps): Router {
  const router = Router();

  router
    .route("/v1/approval_rules")
    .get(async (request: Request, response: Response) => {
      response.json(await chat.approvalRules(parse(RulesQuery, request.query).workspace));
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/approval_rules/:rule")
    .delete(async (request: Request, response: Response) => {
      await chat.removeApprovalRule(parse(Id, request.params["rule"]));
      response.status(204).end();
    })
    .all(allowOnly("DELETE"));

  router
    .route("/v1/sessions/:id/approval_level")
    .put(async (request: Request, response: Response) => {
      const wish = parse(LevelRequest, request.body);
      response.json(await chat.setApprovalLevel(parse(Id, request.params["id"]), wish));
    })
    .all(allowOnly("PUT"));

  router
    .route("/v1/sessions/:id/calls/:call/rules")
    .get(async (request: Request, response: Response) => {
      const callId = parse(ForeignId, request.params["call"]);
      response.json(await chat.ruleChoices(parse(Id, request.params["id"]), callId));
    })
    .all(allowOnly("GET"));

  return router;
}
