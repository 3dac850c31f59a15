import { type NextFunction, type Request, type Response, Router } from "express";
import type { Chat, StreamOptions } from "../chat/chat.ts";
import { ChatError } from "../errors.ts";
import type { ResumeOutcome } from "../observe/metrics.ts";
import { Id } from "../protocol/fields.ts";
import { MessageRequest } from "../protocol/requests.ts";
import {
  type LogReset,
  type Queue,
  toQueueFrame,
  toResetFrame,
} from "../protocol/stream-events.ts";
import { parse } from "./body.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";
import type { StreamReaders } from "./sse.ts";

/** A message that finds its session busy and then free again, each time too late. */
const MAX_TRIES = 20;

/** `POST /v1/messages/stream` and `GET /v1/sessions/{id}/stream`. */
export function messagesRouter({ chat, metrics }: HttpDeps, readers: StreamReaders): Router {
  const router = Router();

  router
    .route("/v1/messages/stream")
    .post(async (request: Request, response: Response) => {
      const message = parse(MessageRequest, request.body);
      const start = async () => {
        const turn = await chat.startTurn(message);
        // Whose answer breaks off before its first chunk knows where it went.
        response.set("x-session-id", turn.session_id);
        return turn;
      };
      for (let tries = 1; ; tries++) {
        const queued = message.when_busy && (await chat.queueMessage(message));
        if (queued) {
          response.set("x-session-id", queued.session_id);
          response.status(202).json(queued);
          return;
        }
        try {
          await readers.serveAuthor(
            request,
            response,
            start,
            ({ session_id, turn_id, after, begun }, signal, direct) => {
              const until = { pause_of: turn_id };
              const options = { after, stored: after + 1, begun, until, direct };
              return readLog(chat, session_id, options, signal);
            },
          );
          return;
        } catch (thrown) {
          // Somebody else was first; then it can wait.
          const isBusy = thrown instanceof ChatError && thrown.code === "session_busy";
          if (!isBusy || message.when_busy === undefined || tries === MAX_TRIES) throw thrown;
        }
      }
    })
    .all(allowOnly("POST"));

  router
    .route("/v1/sessions/:id/stream")
    .get(async (request: Request, response: Response, _next: NextFunction) => {
      const sessionId = parse(Id, request.params["id"]);
      const count = (outcome: ResumeOutcome) => metrics.streamResumes.inc({ outcome });
      const place = await chat.logPlace(sessionId);
      let cursor: Cursor | undefined;
      try {
        cursor = cursorOf(request);
      } catch (thrown) {
        count("refused");
        throw thrown;
      }
      if (cursor !== undefined) count(cursor.after >= place.last_seq ? "live" : "replayed");
      const until: StreamOptions["until"] =
        request.query["until"] === "turn_end" ? "turn_end" : "left";
      const withQueue = request.query["queue"] === "true";
      const idEpoch = request.query["ids"] === "epoch" ? place.epoch : undefined;
      response.set("x-log-epoch", place.epoch);
      await readers.serve(request, response, sessionId, (signal, direct) => {
        const options = { ...(cursor ?? { after: 0 }), until, withQueue, direct };
        return readLog(chat, sessionId, options, signal, idEpoch);
      });
    })
    .all(allowOnly("GET"));

  return router;
}

/** What a stream writes: the frames of the log, and what is to be said of the log itself. */
function readLog(
  chat: Chat,
  sessionId: string,
  { withQueue, ...options }: StreamOptions & { withQueue?: boolean },
  signal: AbortSignal,
  idEpoch?: string,
): AsyncIterable<{ text: string }[]> {
  let epoch = idEpoch;
  const told: { text: string }[] = [];
  const onReset = (reset: LogReset) => {
    if (epoch !== undefined) ({ epoch } = reset);
    told.push({ text: withEpoch(toResetFrame(reset), epoch) });
  };
  const onQueue = (queue: Queue) => void told.push({ text: toQueueFrame(queue) });
  // Ids of its own make frames of its own.
  const direct = idEpoch === undefined ? options.direct : undefined;
  const how = { ...options, onReset, direct, ...(withQueue && { onQueue }) };
  return eachOf(chat.stream(sessionId, how, signal), (batch) => [
    ...told.splice(0),
    ...batch.map(({ text }) => ({ text: withEpoch(text, epoch) })),
  ]);
}

/** A generator would keep its last batch for as long as it waits for the next one. */
function eachOf<A, B>(source: AsyncIterable<A>, toOther: (one: A) => B): AsyncIterable<B> {
  const map = ({ done, value }: IteratorResult<A>): IteratorResult<B> =>
    done ? { done, value: undefined } : { done: false, value: toOther(value) };
  return {
    [Symbol.asyncIterator]() {
      const iterator = source[Symbol.asyncIterator]();
      return {
        next: () => iterator.next().then(map),
        return: async () => {
          await iterator.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** `id: 5` as `id: EPOCH:5`, for a client that asked for it. */
function withEpoch(text: string, epoch: string | undefined): string {
  return epoch === undefined ? text : text.replace(/^id: /, `id: ${epoch}:`);
}

interface Cursor {
  after: number;
  epoch?: string | undefined;
}

/**
 * `Last-Event-ID` wins over `?after=`: a reconnecting EventSource repeats the
 * first address it was given.
 */
function cursorOf(request: Request): Cursor | undefined {
  const given = request.get("last-event-id") ?? request.query["after"];
  if (given === undefined || given === "") return undefined;
  const [, own, number] =
    (typeof given === "string" && /^(?:([\w-]{1,64}):)?(\d{1,15})$/.exec(given)) || [];
  if (number === undefined) {
    throw new ChatError(
      "invalid_request",
      "Last-Event-ID, after: expected a number of this session's log.",
    );
  }
  const named = request.query["epoch"];
  const epoch = own ?? (typeof named === "string" && named !== "" ? named : undefined);
  return { after: Number(number), epoch };
}
