import type { Answer } from "./answer.ts";
import { type Fields, num, record, text } from "./values.ts";

/**
 * What a server says went wrong, in an event or a body of a 200; undefined if it says nothing of
 * the kind. Many put `"error": null` into every event.
 */
export function toldError(value: Fields, name: string | undefined): unknown {
  const { error, type, object } = value;
  if (isError(error)) return withStatus(unpacked(error), value);
  if (name === "error" || type === "error" || object === "error") return value;
  // MiniMax and others: a status of their own in every answer, 0 if all is well.
  const base = record(value["base_resp"]);
  const code = num(base?.["status_code"]);
  if (base && code !== undefined && code !== 0) {
    return { message: text(base["status_msg"]), code: text(base["status_code"]) };
  }
  return undefined;
}

const PING = /^(?:ping|keep-?alive|heartbeat)$/;

/**
 * Of an event that has nothing an answer has: an error in the words of a framework
 * or a gateway, or nothing.
 */
export function leaveOut(
  answer: Answer,
  value: Fields,
  name: string | undefined,
  { isTyped }: { isTyped: boolean },
): void {
  const type = text(value["type"]) || (name ?? "");
  const status = num(value["status"] ?? value["status_code"] ?? value["code"]) ?? 0;
  const isErrors = EXCEPTION.test(type) || (status >= 400 && status < 600);
  if (Object.keys(value).length === 0) answer.skip("empty");
  else if (isErrors) answer.fail({ ...value, type });
  // Where each event has a type, a new one may have words that are for nobody.
  else if (hasWords(value) && (!isTyped || type === "" || type === "message")) answer.fail(value);
  else answer.skip(PING.test(type) ? "ping" : "unknown_event");
}

/** In an event's name, its type, or around it, as Amazon has them. */
const EXCEPTION = /(?:exception|error)$/i;

function hasWords(value: Fields): boolean {
  if (Object.keys(value).some((field) => /exception$/i.test(field))) return true;
  return ["message", "detail", "msg", "error_msg", "errorMessage", "errors"].some(
    (field) => (typeof value[field] === "string" && value[field] !== "") || isList(value[field]),
  );
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function isError(error: unknown): boolean {
  if (typeof error === "string") return error.trim() !== "";
  if (error === true || (num(error) ?? 0) >= 400) return true;
  const fields = record(error);
  if (!fields) return isList(error);
  return Object.values(fields).some(
    (part) => part !== null && part !== "" && part !== 0 && part !== false,
  );
}

/** Some write the error as text into the error. */
function unpacked(error: unknown): unknown {
  if (typeof error !== "string" || !error.trimStart().startsWith("{")) return error;
  try {
    return record(JSON.parse(error)) ?? error;
  } catch {
    return error;
  }
}

/** Some tell the status beside the error. */
function withStatus(error: unknown, around: Fields): unknown {
  const status = around["status"] ?? around["status_code"] ?? around["code"];
  const fields = record(error);
  if (num(error) !== undefined) return around;
  if (!fields) return { message: error, ...around, error: undefined };
  const known = fields["code"] ?? fields["status"] ?? fields["type"];
  return known === undefined || known === null ? { ...fields, code: status } : error;
}
