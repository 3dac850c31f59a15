// What model servers do wrong, in the words and codes of this program.
import { ChatError } from "../errors.ts";
import { hideSecrets } from "../log.ts";
import { type Access, addressHint, keyHint } from "./access.ts";

const MAX_SENTENCE = 300;
const MAX_RETRY_AFTER_SECONDS = 24 * 60 * 60;

/** For an HTTP status of 300 or more, or the same told inside a stream. `body` is the server's own words. */
export function statusError(
  access: Access,
  status: number,
  body: unknown,
  retryAfterSeconds?: number,
): ChatError {
  const { vendor } = access;
  const said = sentenceOf(body, access.key);
  const told = (what: string): string =>
    `${vendor.label} ${what} (${status})${said === "" ? "." : `: ${said}`}`;

  if (status === 401 || status === 403) {
    const hint =
      access.key === undefined ? "It wants a key. " : "The key is wrong or may not do this. ";
    return new ChatError("upstream_unauthorized", told("refused the key"), {
      hint: hint + keyHint(vendor),
    });
  }
  if (status === 429 && !isUsedUp(body)) {
    const wait = retryAfterSeconds === undefined ? "a moment" : `${Math.ceil(retryAfterSeconds)} s`;
    return new ChatError("upstream_rate_limited", told("gets too many requests"), {
      hint: `Wait ${wait} and retry, or choose another model.`,
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    });
  }
  if (status >= 500 || status === 408 || status === 409 || status === 425) {
    return new ChatError("upstream_failed", told(status === 529 ? "is overloaded" : "failed"), {
      hint: "The fault is at the model's server. Retry in a moment, or choose another model.",
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    });
  }
  if (status < 400) {
    return new ChatError("upstream_rejected", told("sent the request elsewhere"), {
      hint: "Requests do not follow redirects, since they carry your key. Set the base URL to the final address.",
    });
  }
  return new ChatError("upstream_rejected", told("refused the request"), {
    hint: rejectionHint(access, status),
  });
}

function rejectionHint(access: Access, status: number): string {
  switch (status) {
    case 402:
    case 429:
      return "The account has nothing left. Look at its plan and billing, or choose another model.";
    case 404:
    case 405:
      return `Is the model's name right? ${addressHint(access)}`;
    case 413:
      return "The conversation is too large for this model. Start a new chat or send less context.";
    default:
      return "Another model may accept it, or a new chat with less context.";
  }
}

/** 429 is also what OpenAI says when there is no money; waiting does not help then. */
function isUsedUp(body: unknown): boolean {
  const text = typeof body === "string" ? body : JSON.stringify(body ?? "");
  return text.includes("insufficient_quota") || text.includes("billing_hard_limit");
}

const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  insufficient_quota: 429,
  api_error: 500,
  overloaded_error: 529,
};

/** For an error that a server sends as an event of its stream, in whichever vendor's form. */
export function streamError(access: Access, payload: unknown): ChatError {
  const fields = isRecord(payload) ? payload : { message: String(payload) };
  const { statusCode, code, type, data } = fields;
  const named = [type, code].map((name) => STATUS_OF_TYPE[String(name)]).find(Boolean);
  const status = [statusCode, code].map(Number).find((number) => number >= 400 && number < 600);
  return statusError(access, status ?? named ?? 500, data ?? fields);
}

const CERTIFICATE = /CERT|TLS|SSL|SELF_SIGNED|LEAF_SIGNATURE|EPROTO/;

/** For a connection that gave no answer. */
export function networkError(access: Access, thrown: unknown): ChatError {
  const { vendor } = access;
  const code = isRecord(thrown) && typeof thrown["code"] === "string" ? thrown["code"] : "";
  const where = hideSecrets(URL.parse(access.baseUrl)?.origin ?? "its address");
  const told = (what: string, hint: string): ChatError =>
    new ChatError("upstream_unreachable", `${vendor.label} is not reachable: ${what}.`, {
      cause: thrown,
      hint,
    });
  const checkAddress = addressHint(access);

  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return told(`no address is known for ${where}`, `Is there a network? ${checkAddress}`);
  }
  if (code === "ECONNREFUSED") {
    const start = vendor.needsKey ? "" : "Start that server. ";
    return told(`nothing listens at ${where}`, start + checkAddress);
  }
  if (CERTIFICATE.test(code)) {
    return told(
      `the secure connection to ${where} failed (${code})`,
      "Its certificate is not trusted here. NODE_EXTRA_CA_CERTS names a file with your own authority.",
    );
  }
  return told(`${where} closed the connection or did not take it`, `Retry. ${checkAddress}`);
}

export function timeoutError({ vendor }: Access, seconds: number, begun: boolean): ChatError {
  const what = begun ? "stopped in the middle of the answer" : "did not begin to answer";
  return new ChatError(
    "upstream_timeout",
    `${vendor.label} ${what}: nothing came for ${Number(seconds.toFixed(1))} s.`,
    {
      hint: "Retry. If this model is slow on this machine, raise the stall timeout in the settings.",
    },
  );
}

export function cutError({ vendor }: Access, cause?: unknown): ChatError {
  return new ChatError("upstream_cut", `${vendor.label} broke off in the middle of the answer.`, {
    hint: "What had arrived is kept. Continue or retry.",
    ...(cause !== undefined && { cause }),
  });
}

export function malformedError(
  { vendor, baseUrl }: Access,
  what: string,
  cause?: unknown,
): ChatError {
  return new ChatError(
    "upstream_malformed",
    `${vendor.label} sent something unreadable: ${what}.`,
    {
      hint: `Retry. If it stays so, ${hideSecrets(baseUrl)} may not be the address of this vendor's API.`,
      ...(cause !== undefined && { cause }),
    },
  );
}

export function tooLongError({ vendor }: Access, maxChars: number): ChatError {
  return new ChatError(
    "upstream_too_long",
    `${vendor.label} did not stop: the answer was ended at ${maxChars.toLocaleString("en")} characters.`,
    { hint: "What had arrived is kept. Ask for a shorter answer, or choose another model." },
  );
}

/** `Retry-After` in seconds, as a number or a date; `retry-after-ms` is OpenAI's finer form. */
export function retryAfter(
  headers: { "retry-after"?: string | undefined; "retry-after-ms"?: unknown },
  now: number,
): number | undefined {
  const ms = Number(headers["retry-after-ms"] ?? Number.NaN);
  const text = headers["retry-after"]?.trim() ?? "";
  const seconds = Number.isFinite(ms)
    ? ms / 1000
    : /^\d+(\.\d+)?$/.test(text)
      ? Number(text)
      : (Date.parse(text) - now) / 1000;
  if (!Number.isFinite(seconds)) return undefined;
  return Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_SECONDS);
}

/** The sentence for people inside an error body, whichever vendor's form it has; "" if there is none. */
export function sentenceOf(body: unknown, key: string | undefined): string {
  const found = typeof body === "string" ? fromText(body) : fromJson(body);
  // Some servers repeat the key they were given. The cut comes before the patterns: they are slow on long texts.
  const keyless = key ? found.replaceAll(key, "[redacted]") : found;
  const safe = hideSecrets(keyless.slice(0, 4 * MAX_SENTENCE));
  const line = safe
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .toWellFormed()
    .trim();
  const cut = line.length > MAX_SENTENCE ? `${line.slice(0, MAX_SENTENCE).toWellFormed()}…` : line;
  return cut.replace(/\.$/, "");
}

function fromText(text: string): string {
  const trimmed = text.trim();
  if (trimmed.startsWith("<")) return "";
  try {
    return fromJson(JSON.parse(trimmed));
  } catch {
    return /^[[{]/.test(trimmed) ? "" : trimmed;
  }
}

function fromJson(body: unknown, depth = 0): string {
  if (typeof body === "string") return body;
  if (depth > 3) return "";
  if (Array.isArray(body)) return fromJson(body[0], depth + 1);
  if (!isRecord(body)) return "";
  for (const name of ["error", "message", "detail", "msg", "response"]) {
    const found = fromJson(body[name], depth + 1);
    if (found !== "") return found;
  }
  return "";
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
