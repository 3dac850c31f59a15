import type { NextFunction, Request, Response } from "express";
import type * as z from "zod/mini";
import { ChatError } from "../errors.ts";
import { faultOf } from "../protocol/fields.ts";

const MAX_DEPTH = 64;
/**
 * For a body, and more for one that keeps coming: a trickle of bytes must not hold a connection.
 */
const READ_TIMEOUT_MS = 10_000;
const SLOWEST_BYTES_PER_MS = 64;

/**
 * Reads a JSON body into `request.body`: bounded in size, nesting and time. A body must be
 * `application/json`, which a form of a foreign page cannot send without asking first.
 */
export function readJson(limitBytes: number, attachmentBytes = 0) {
  const mostBytes = limitBytes + attachmentBytes;
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
    if (request.body !== undefined) return next();
    if (Number(headers["content-length"]) > mostBytes) throw tooLarge(limitBytes);
    readAll(request, mostBytes, limitBytes)
      .then((bytes) => {
        request.body = parseBody(bytes);
        if (bytes.length - attachedIn(request.body) > limitBytes) throw tooLarge(limitBytes);
        next();
      })
      .catch(next);
  };
}

/** The room of attachments is theirs alone. */
function attachedIn(body: unknown): number {
  const { message, messages } = (body ?? {}) as {
    message?: { attachments?: unknown } | null;
    messages?: unknown;
  };
  const attached = listOf(message?.attachments) as { data?: unknown }[];
  // As OpenAI's clients send them.
  const parts = listOf(messages).flatMap((one) => listOf((one as { content?: unknown }).content));
  const pictures = (parts as { image_url?: { url?: unknown } | null }[]).map(
    ({ image_url }) => image_url?.url,
  );
  return [...attached.map(({ data }) => data), ...pictures].reduce(
    (sum: number, data) => sum + (typeof data === "string" ? data.length : 0),
    0,
  );
}

/** Of what is no list nothing, and of a list what is something. */
function listOf(value: unknown): object[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one) => typeof one === "object" && one !== null) as object[];
}

async function readAll(request: Request, mostBytes: number, limitBytes: number): Promise<Buffer> {
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
      if (size > mostBytes) throw tooLarge(limitBytes);
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

/**
 * JSON.parse keeps `__proto__` as a key of its own; whatever copies it later would set a prototype.
 */
function refuseProto(key: string, value: unknown): unknown {
  if (key === "__proto__")
    throw new ChatError("invalid_request", "The key __proto__ is not allowed.");
  return value;
}

/** Fifty thousand nested arrays are valid JSON and end the stack of whoever walks them. */
function checkDepth(text: string): void {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '"') index = endOfString(text, index);
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

/** A picture is one long string: it is not gone through letter by letter. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text[before] === "\\") before--;
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
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
  const fault = faultOf(result.error, "body");
  throw new ChatError("invalid_request", fault.endsWith(".") ? fault : `${fault}.`);
}
