import type { NextFunction, Request, Response } from "express";
import { ChatError, toChatError } from "../errors.ts";
import type { Log } from "../log.ts";
import { ERROR_STATUS } from "../protocol/errors.ts";

/** The last of the chain: every error becomes the contract's JSON, without stack, path or SQL. */
export function handleErrors(log: Log) {
  return (thrown: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const error = toChatError(thrown, ...meaningOf(thrown));
    const status = ERROR_STATUS[error.code];
    const requestId = String(response.getHeader("x-request-id") ?? "");
    if (status >= 500) log.error({ err: error, request_id: requestId }, "a request failed");
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (error.retryAfterSeconds !== undefined) {
      response.set("retry-after", String(Math.ceil(error.retryAfterSeconds)));
    } else if (status === 429 || status === 503) {
      response.set("retry-after", "1");
    }
    // What is left of a refused body is not read.
    if (!request.complete) response.set("connection", "close");
    const { code, message, hint } = error;
    // JSON has no field that is undefined.
    response.status(status).json({ error: { code, message, hint, request_id: requestId } });
  };
}

/** What Express itself throws: a path that cannot be decoded. */
function meaningOf(thrown: unknown): ["invalid_request" | "internal", string] {
  return thrown instanceof URIError
    ? ["invalid_request", "The path is not valid."]
    : ["internal", "Something went wrong inside the companion."];
}

export function notFound(): never {
  throw new ChatError("not_found", "There is nothing at this address.");
}

/** Answers 405 for the methods that a path does not have. */
export function allowOnly(...methods: string[]) {
  return (_request: Request, response: Response): never => {
    response.set("allow", methods.join(", "));
    throw new ChatError("method_not_allowed", `Only ${methods.join(", ")} is possible here.`);
  };
}
