import { type NextFunction, type Request, type Response, Router } from "express";
import { ChatError } from "../errors.ts";
import type { ResumeOutcome } from "../observe/metrics.ts";
import { Id } from "../protocol/fields.ts";
import { MessageRequest } from "../protocol/requests.ts";
import { parse } from "./body.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";
import type { Readers } from "./sse.ts";

/** `POST /v1/messages/stream` and `GET /v1/sessions/{id}/stream`. */
export function messagesRouter({ chat, metrics }: HttpDeps, readers: Readers): Router {
  const router = Router();

  router
    .route("/v1/messages/stream")
    .post(async (request: Request, response: Response) => {
      const message = parse(MessageRequest, request.body);
      await readers.serveAuthor(
        request,
        response,
        async () => {
          const turn = await chat.startTurn(message);
          // Whose answer breaks off before its first chunk knows where it went.
          response.set("x-session-id", turn.session_id);
          return turn;
        },
        ({ session_id, turn_id, after }, signal) =>
          chat.stream(session_id, { after, until: { pause_of: turn_id } }, signal),
      );
    })
    .all(allowOnly("POST"));

  router
    .route("/v1/sessions/:id/stream")
    .get(async (request: Request, response: Response, _next: NextFunction) => {
      const sessionId = parse(Id, request.params["id"]);
      const count = (outcome: ResumeOutcome) => metrics.streamResumes.inc({ outcome });
      const { last_seq } = await chat.getSession(sessionId);
      let cursor: number | undefined;
      try {
        cursor = cursorOf(request);
      } catch (thrown) {
        count("refused");
        throw thrown;
      }
      if (cursor !== undefined) count(cursor >= last_seq ? "live" : "replayed");
      const until = request.query["until"] === "turn_end" ? "turn_end" : "left";
      const options = { after: cursor ?? 0, until } as const;
      await readers.serve(request, response, sessionId, (signal) =>
        chat.stream(sessionId, options, signal),
      );
    })
    .all(allowOnly("GET"));

  return router;
}

/** `Last-Event-ID` wins over `?after=`: a reconnecting EventSource repeats the first address it was given. */
function cursorOf(request: Request): number | undefined {
  const given = request.get("last-event-id") ?? request.query["after"];
  if (given === undefined || given === "") return undefined;
  if (typeof given !== "string" || !/^\d{1,15}$/.test(given)) {
    throw new ChatError(
      "invalid_request",
      "Last-Event-ID, after: expected a number of this session's log.",
    );
  }
  return Number(given);
}
