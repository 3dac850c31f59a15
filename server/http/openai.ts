// The part of OpenAI's API that its clients need to chat.
// https://platform.openai.com/docs/api-reference/chat
import { type NextFunction, type Request, type Response, Router } from "express";
import type { AcceptedTurn, Chat, Frame, ImportedMessage } from "../chat/chat.ts";
import { ChatError, toChatError } from "../errors.ts";
import type { ChunkOf, StreamChunk } from "../protocol/chunks.ts";
import { ERROR_STATUS, type ErrorCode } from "../protocol/errors.ts";
import { ModelId } from "../protocol/fields.ts";
import { parse } from "./body.ts";
import {
  type CompletionMessage,
  CompletionRequest,
  refuseUnsupported,
  toSampling,
} from "./completion-request.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";
import type { StreamReaders } from "./sse.ts";

export function openAiRouter(deps: HttpDeps, readers: StreamReaders): Router {
  const router = Router();
  router
    .route("/v1/chat/completions")
    .post(async (request: Request, response: Response) => {
      const body = parse(CompletionRequest, request.body);
      refuseUnsupported(body);
      const model = await modelOf(deps.chat, body.model);
      const accept = async (): Promise<Accepted> => {
        const turn = await deps.chat.startConversation(
          model,
          body.messages.map(toImported),
          toSampling(body),
        );
        response.set("x-session-id", turn.session_id);
        const created = Math.floor(Date.now() / 1000);
        return { turn, shape: { id: `chatcmpl-${turn.turn_id}`, created, model } };
      };
      if (body.stream) await answerStreaming(deps, readers, request, response, body, accept);
      else await answerWhole(deps.chat, response, await accept());
    })
    .all(allowOnly("POST"));
  router.use("/v1/chat/completions", handleOpenAiErrors);
  return router;
}

interface Shape {
  id: string;
  created: number;
  model: string;
}

interface Accepted {
  turn: AcceptedTurn;
  shape: Shape;
}

async function answerStreaming(
  deps: HttpDeps,
  readers: StreamReaders,
  request: Request,
  response: Response,
  body: CompletionRequest,
  accept: () => Promise<Accepted>,
): Promise<void> {
  const withUsage = body.stream_options?.include_usage === true;
  let begun = false;
  let shape: Shape | undefined;
  const render = (batch: readonly Frame[]): string => {
    let text = "";
    if (!shape) return text;
    for (const { chunk } of batch) {
      if (!begun && chunk.type !== "user_message") {
        begun = true;
        text += event(shape, { delta: { role: "assistant", content: "" }, finish_reason: null });
      }
      text += toEvents(chunk, shape, withUsage);
    }
    return text;
  };
  await readers.serveAuthor(
    request,
    response,
    async () => {
      const accepted = await accept();
      ({ shape } = accepted);
      return accepted;
    },
    ({ turn }, signal) => framesOf(deps.chat, turn, signal),
    render,
  );
}

function framesOf(chat: Chat, turn: AcceptedTurn, signal: AbortSignal) {
  const { session_id, turn_id, after } = turn;
  const options = { after, stored: after + 1, until: { pause_of: turn_id } };
  return chat.stream(session_id, options, signal);
}

function toEvents(chunk: StreamChunk, shape: Shape, withUsage: boolean): string {
  switch (chunk.type) {
    case "assistant_message":
      return event(shape, { delta: { content: chunk.token ?? "" }, finish_reason: null });
    case "done": {
      const end = event(shape, { delta: {}, finish_reason: finishReason(chunk) });
      const usage = withUsage
        ? `data: ${JSON.stringify({ ...chunkObject(shape), choices: [], usage: usageOf(chunk) })}\n\n`
        : "";
      return `${end}${usage}data: [DONE]\n\n`;
    }
    case "error":
    case "interrupted":
      return `data: ${JSON.stringify({ error: openAiError(codeOf(chunk), chunk.error ?? chunk.content ?? "") })}\n\n`;
    default:
      return "";
  }
}

async function answerWhole(
  chat: Chat,
  response: Response,
  { turn, shape }: Accepted,
): Promise<void> {
  let content = "";
  let last: StreamChunk | undefined;
  const left = new AbortController();
  response.on("close", () => left.abort());
  for await (const batch of framesOf(chat, turn, left.signal)) {
    for (const { chunk } of batch) {
      if (chunk.type === "assistant_message") content += chunk.token ?? "";
      last = chunk;
    }
  }
  if (!last || left.signal.aborted) return;
  if (last.type !== "done") {
    throw new ChatError(codeOf(last), last.error ?? last.content ?? "The answer was not finished.");
  }
  response.json({
    id: shape.id,
    object: "chat.completion",
    created: shape.created,
    model: shape.model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content, refusal: null },
        logprobs: null,
        finish_reason: finishReason(last),
      },
    ],
    usage: usageOf(last),
  });
}

function event(shape: Shape, choice: { delta: object; finish_reason: string | null }): string {
  const chunk = { ...chunkObject(shape), choices: [{ index: 0, logprobs: null, ...choice }] };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function chunkObject({ id, created, model }: Shape) {
  return { id, object: "chat.completion.chunk", created, model };
}

function finishReason({ metadata }: ChunkOf<"done">): string {
  const reason = metadata?.finish_reason;
  return reason === "length" || reason === "content_filter" ? reason : "stop";
}

function usageOf({ metadata }: ChunkOf<"done">) {
  const prompt_tokens = metadata?.usage?.input_tokens ?? 0;
  const completion_tokens = metadata?.usage?.output_tokens ?? 0;
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

function codeOf(chunk: StreamChunk): ErrorCode {
  const ended = chunk.type === "error" || chunk.type === "interrupted";
  return (ended && chunk.metadata?.code) || "internal";
}

async function modelOf(chat: Chat, given: string | undefined): Promise<string> {
  if (given === undefined) return (await chat.listModels()).default;
  if (ModelId.safeParse(given).success) return given;
  throw new ChatError(
    "model_unknown",
    `model: ${JSON.stringify(given.slice(0, 100))} is not known.`,
    {
      hint: "GET /v1/models lists them, as PROVIDER/MODEL.",
    },
  );
}

function toImported({ role, content }: CompletionMessage, index: number): ImportedMessage {
  const parts = typeof content === "string" ? [{ type: "text" as const, text: content }] : content;
  const text = parts.flatMap((part) => (part.type === "text" ? part.text : [])).join("\n");
  const urls = parts.flatMap((part) => (part.type === "image_url" ? part.image_url.url : []));
  if (urls.length > 0 && role !== "user") {
    throw new ChatError("invalid_request", `messages.${index}: only a user can show a picture.`);
  }
  return {
    role: role === "developer" ? "system" : role,
    content: text,
    attachments: urls.map((url) => ({ type: "image", data: dataOf(url, index) })),
  };
}

/** What is sent with the request and no more: an address may say another thing later. */
function dataOf(url: string, index: number): string {
  if (/^data:[^,]{0,200};base64,/i.test(url)) return url;
  throw new ChatError("invalid_request", `messages.${index}: image_url is no data URL in base64.`, {
    hint: "Pictures are not fetched from the web here. Send the picture itself: data:image/png;base64,…",
  });
}

/** The same error in the shape that OpenAI's clients read. */
function handleOpenAiErrors(
  thrown: unknown,
  _request: Request,
  response: Response,
  next: NextFunction,
): void {
  const error = toChatError(thrown, "internal", "Something went wrong inside the companion.");
  if (response.headersSent || error.code === "internal") return next(thrown);
  if (error.retryAfterSeconds !== undefined) {
    response.set("retry-after", String(Math.ceil(error.retryAfterSeconds)));
  }
  const message = [error.message, error.hint].filter(Boolean).join(" ");
  response.status(ERROR_STATUS[error.code]).json({ error: openAiError(error.code, message) });
}

function openAiError(code: ErrorCode, message: string) {
  const type = ERROR_STATUS[code] < 500 ? "invalid_request_error" : "server_error";
  return { message, type, param: null, code };
}
