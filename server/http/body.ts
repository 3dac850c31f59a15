import type { NextFunction, Request, Response } from "express";
import type * as z from "zod/mini";
import { ChatError } from "../errors.ts";

const MAX_DEPTH = 64;
/** For a body, and more for one that keeps coming: a trickle of bytes must not hold a connection. */
const READ_TIMEOUT_MS = 10_000;
const SLOWEST_BYTES_PER_MS = 64;

/**
 * Reads a JSON body into `request.body`: bounded in size, nesting and time. A body must be
 * `application/json`, which a form of a foreign page cannot send without asking first.
 */
export function readJson(limitBytes: number) {
  return (request: Request, _response: Response, next: NextFunction): void => {
    if (request.method === "GET" || request.method === "HEAD") return next();
    const { headers } = request;
    const hasBody =
      headers["transfer-encoding"] !== undefined || Number(headers["content-length"]) > 0;
    if (!hasBody) {
      request.body = {};
      return next();
    }
    if (!/^application\/json *(; *charset=utf-8 *)?$/i.test(headers["content-type"] ?? "")) {
      throw new ChatError("unsupported_media_type", "The body must be application/json.");
    }
    if (headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity") {
      throw new ChatError("unsupported_media_type", "The body must not be compressed.");
    }
    if (Number(headers["content-length"]) > limitBytes) throw tooLarge(limitBytes);
    readAll(request, limitBytes)
      .then((bytes) => {
        request.body = parseBody(bytes);
        next();
      })
      .catch(next);
  };
}

async function readAll(request: Request, limitBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  const begun = performance.now();
  const giveUp = (): void => {
    const rest = begun + READ_TIMEOUT_MS + size / SLOWEST_BYTES_PER_MS - performance.now();
    if (rest <= 0) request.destroy();
    else timer = setTimeout(giveUp, rest);
  };
  let timer = setTimeout(giveUp, READ_TIMEOUT_MS);
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > limitBytes) throw tooLarge(limitBytes);
      parts.push(part);
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(parts);
}

function parseBody(bytes: Buffer): unknown {
  const text = new TextDecoder("utf-8", { fatal: true });
  try {
    const decoded = text.decode(bytes);
    checkDepth(decoded);
    return JSON.parse(decoded, refuseProto);
  } catch (cause) {
    if (cause instanceof ChatError) throw cause;
    throw new ChatError("invalid_request", "The body is not valid JSON in UTF-8.", { cause });
  }
}

/** JSON.parse keeps `__proto__` as a key of its own; whatever copies it later would set a prototype. */
function refuseProto(key: string, value: unknown): unknown {
  if (key === "__proto__")
    throw new ChatError("invalid_request", "The key __proto__ is not allowed.");
  return value;
}

/** Fifty thousand nested arrays are valid JSON and end the stack of whoever walks them. */
function checkDepth(text: string): void {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (inString) {
      if (character === "\\") index++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "[" || character === "{") {
      if (++depth > MAX_DEPTH) {
        throw new ChatError(
          "invalid_request",
          `The body is nested deeper than ${MAX_DEPTH} levels.`,
        );
      }
    } else if (character === "]" || character === "}") depth--;
  }
}

function tooLarge(limitBytes: number): ChatError {
  return new ChatError("payload_too_large", `The body is larger than ${limitBytes} bytes.`, {
    hint: "Send less text, or start the companion with a larger --body-limit.",
  });
}

/** The parsed value, or `invalid_request` naming the first field that is wrong. */
export function parse<T extends z.ZodMiniType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const keys = issue?.code === "unrecognized_keys" ? issue.keys : [];
  const field = [...(issue?.path ?? []), ...keys.slice(0, 1)].map(String).join(".") || "body";
  const problem =
    issue?.code === "unrecognized_keys" ? "is not known" : (issue?.message ?? "is not valid");
  throw new ChatError("invalid_request", `${field}: ${problem}.`.replaceAll("..", "."));
}
