// What model servers do wrong, in the words and codes of this program.
import { ChatError } from "../errors.ts";
import { hideSecrets } from "../log.ts";
import { type Access, addressHint, keyHint } from "./access.ts";
import { retryAfterIn } from "./retry-after.ts";

const MAX_SENTENCE = 300;

const WRONG_KEY = /api.?key.{0,20}(?:not valid|invalid|expired)|invalid.api.?key/i;

/** For an HTTP status of 300 or more, or the same told inside a stream. `body` is the server's own words. */
export function statusError(
  access: Access,
  status: number,
  body: unknown,
  toldSeconds?: number,
): ChatError {
  const { vendor } = access;
  const said = sentenceOf(body, access.key);
  const retryAfterSeconds = toldSeconds ?? retryAfterIn(body, said);
  const told = (what: string): string =>
    `${vendor.label} ${what} (${status})${said === "" ? "." : `: ${said}`}`;

  // Google says 400 to a wrong key.
  if (status === 401 || status === 403 || (status === 400 && WRONG_KEY.test(said))) {
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
    hint: rejectionHint(access, status, body, said),
  });
}

const TOO_LONG_A_CHAT =
  /context[ _-]?(?:length|window|size|limit)|maximum context|too (?:long|large|many tokens)|exceed(?:s|ed)? .*tokens/i;
const FILTERED =
  /content[ _]?(?:filter|policy|management)|responsible ai|safety|moderation|blocked/i;

function rejectionHint(access: Access, status: number, body: unknown, said: string): string {
  const told = `${said} ${typeof body === "string" ? body : JSON.stringify(body ?? "")}`;
  if (status !== 429 && TOO_LONG_A_CHAT.test(told)) {
    return "The conversation is too large for this model. Start a new chat or send less context.";
  }
  if (status === 400 && FILTERED.test(told)) {
    return "The provider's filter refused it. Say it in other words, or choose another model.";
  }
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

/** In small letters; an error's `type`, `code` or `status`. */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  invalid_argument: 400,
  failed_precondition: 400,
  context_length_exceeded: 400,
  string_above_max_length: 400,
  content_filter: 400,
  content_policy_violation: 400,
  authentication_error: 401,
  invalid_api_key: 401,
  unauthenticated: 401,
  unauthorized: 401,
  billing_error: 402,
  permission_error: 403,
  permission_denied: 403,
  not_found_error: 404,
  not_found: 404,
  model_not_found: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  rate_limit_reached: 429,
  too_many_requests: 429,
  resource_exhausted: 429,
  insufficient_quota: 429,
  billing_hard_limit_reached: 429,
  api_error: 500,
  server_error: 500,
  internal: 500,
  internal_error: 500,
  internal_server_error: 500,
  engine_overloaded_error: 503,
  service_unavailable: 503,
  unavailable: 503,
  timeout_error: 504,
  deadline_exceeded: 504,
  overloaded_error: 529,
  overloaded: 529,
};

/** Where an error has neither a status nor a type that is known, its words are what there is. */
const STATUS_OF_WORDS: readonly (readonly [RegExp, number])[] = [
  [/rate.?limit|too many requests|quota/i, 429],
  [/overloaded|over capacity|no capacity/i, 529],
  [/api.?key|unauthori[sz]ed|authenticat/i, 401],
  [TOO_LONG_A_CHAT, 400],
  [FILTERED, 400],
];

/** For an error that a server sends inside of its answer, in whichever vendor's form. */
export function streamError(access: Access, said: unknown): ChatError {
  const payload = isRecord(said) ? said : { message: String(said) };
  return statusError(access, statusIn(payload) ?? statusOfWords(payload), payload);
}

function statusIn(fields: Record<string, unknown>, depth = 0): number | undefined {
  const { statusCode, status_code, status, code, type, error } = fields;
  const names = [statusCode, status_code, status, code, type];
  const number = names.map(Number).find((one) => one >= 400 && one < 600);
  const named = [code, status, type].map((one) => STATUS_OF_TYPE[String(one).toLowerCase()]);
  const inner = isRecord(error) && depth < 3 ? statusIn(error, depth + 1) : undefined;
  // A kind that is told says more than "something went wrong in here".
  const known = number === 500 ? named.find((one) => one !== undefined && one !== 500) : undefined;
  return known ?? number ?? named.find(Boolean) ?? inner;
}

function statusOfWords(payload: unknown): number {
  const words = sentenceOf(payload, undefined);
  return STATUS_OF_WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? 500;
}

/** For a body of a success that is nothing of an answer: a proxy's page, a plain sentence. */
export function strayError(access: Access, type: string, body: string): ChatError {
  const text = body.trim();
  if (text.startsWith("<") || /\bhtml\b/i.test(type)) {
    const title = titleOf(text);
    const status = Number(/\b([45]\d\d)\b/.exec(title)?.[1]);
    if (status) return statusError(access, status, title);
    return malformedError(access, `a web page instead of an answer${title && `, "${title}"`}`);
  }
  const said = sentenceOf(text.replaceAll(/^data: ?/gm, ""), access.key);
  const words = said === "" ? "" : `, which says: ${said}`;
  return malformedError(access, `nothing that is an answer in the vendor's format${words}`);
}

/** What a page says that it is: the one line of it that is for people. */
function titleOf(page: string): string {
  const found = /<(title|h1)[^>]*>([^<]{1,200})/i.exec(page)?.[2] ?? "";
  return found.replaceAll(/\s+/g, " ").trim();
}

export function emptyError({ vendor }: Access): ChatError {
  return new ChatError("upstream_failed", `${vendor.label} gave an empty answer.`, {
    hint: "The model ended without a word. Retry, or choose another model.",
  });
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
  if (trimmed.startsWith("<")) return titleOf(trimmed);
  try {
    return fromJson(JSON.parse(trimmed));
  } catch {
    return /^[[{]/.test(trimmed) ? "" : trimmed;
  }
}

const WORDS = [
  ...["error", "message", "detail", "msg", "error_msg", "errorMessage", "status_msg", "response"],
  ...["error_description", "errors", "description"],
];

function fromJson(body: unknown, depth = 0): string {
  if (typeof body === "string") return body;
  if (depth > 3) return "";
  if (Array.isArray(body)) return fromJson(body[0], depth + 1);
  if (!isRecord(body)) return "";
  const metadata = isRecord(body["metadata"]) ? body["metadata"]["raw"] : undefined;
  // OpenRouter says "Provider returned error", and what the provider said beside it.
  if (metadata !== undefined && depth < 3) {
    const inner = fromText(typeof metadata === "string" ? metadata : JSON.stringify(metadata));
    if (inner !== "")
      return [fromJson(body["message"], depth + 1), inner].filter(Boolean).join(": ");
  }
  for (const name of WORDS) {
    const found = fromJson(body[name], depth + 1);
    if (found !== "") return found;
  }
  return "";
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
