import { type Fields, num, record, text } from "./values.ts";

/**
 * What a server says went wrong, in an event or a body of a 200; undefined if it says nothing of the kind. Many put
 * `"error": null` into every event.
 */
export function toldError(value: Fields, name: string | undefined): unknown {
  const { error, type, object } = value;
  if (isError(error)) return withStatus(error, value);
  if (name === "error" || type === "error" || object === "error") return value;
  // MiniMax and others: a status of their own in every answer, 0 if all is well.
  const base = record(value["base_resp"]);
  const code = num(base?.["status_code"]);
  if (base && code !== undefined && code !== 0) {
    return { message: text(base["status_msg"]), code: text(base["status_code"]) };
  }
  return undefined;
}

/** An object without what any answer has, but with words: how frameworks and gateways refuse. */
export function bareError(value: Fields): unknown {
  const words = ["message", "detail", "msg", "error_msg", "errorMessage"].some(
    (field) => (typeof value[field] === "string" && value[field] !== "") || isList(value[field]),
  );
  return words ? value : undefined;
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function isError(error: unknown): boolean {
  if (typeof error === "string") return error.trim() !== "";
  if (error === true) return true;
  const fields = record(error);
  if (!fields) return isList(error);
  return Object.values(fields).some(
    (part) => part !== null && part !== "" && part !== 0 && part !== false,
  );
}

/** Some tell the status beside the error. */
function withStatus(error: unknown, around: Fields): unknown {
  const status = around["status"] ?? around["status_code"] ?? around["code"];
  const fields = record(error);
  if (!fields) return { message: error, ...around, error: undefined };
  const known = fields["code"] ?? fields["status"] ?? fields["type"];
  return known === undefined || known === null ? { ...fields, code: status } : error;
}
