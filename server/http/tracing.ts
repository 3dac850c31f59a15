import type { NextFunction, Request, Response } from "express";
import { toTraceparent, traceOf, withTrace } from "../observe/trace-context.ts";

/**
 * Everything that a request does, and the turn that it starts, belongs to its
 * trace; the answer names it.
 */
export function traceRequest(request: Request, response: Response, next: NextFunction): void {
  const trace = traceOf(request.get("traceparent"));
  response.set("traceparent", toTraceparent(trace));
  withTrace(trace, next);
}
