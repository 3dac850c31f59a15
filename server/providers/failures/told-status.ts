// The status that an error would have had, had the server told of it before it began to answer.
import { isRecord } from "../../shared/json.ts";
import { sentenceOf } from "./told-words.ts";

export const TOO_LONG_A_CHAT =
  /context[ _-]?(?:length|window|size|limit)|maximum context|too (?:long|large|many tokens)|exceed(?:s|ed)? .*tokens/i;
export const FILTERED =
  /content[ _]?(?:filter|policy|management)|responsible ai|safety|moderation|blocked|inappropriate|data.?inspection|敏感|违规/i;
const USED_UP =
  /insufficient[ _](?:quota|balance|credits?|funds)|billing_hard_limit|exceeded_current_quota|arrearage|余额|欠费|充值/i;
const TOO_MANY =
  /rate.?limit|(?:request|daily|usage|qps) limit|slow ?down|request rate|too many requests|too many tokens.{0,20}wait|throttl|quota|resource.?exhausted|速率|频率|并发/i;

/**
 * By the words in an error's `type`, `code`, `status` or its class's name;
 * the first that fits counts.
 */
const KINDS: readonly (readonly [RegExp, number])[] = [
  [/insufficient_?(?:quota|balance)|billing_hard|exceeded_current_quota|arrearage/, 429],
  [/billing|payment/, 402],
  [/rate_?limit|throttl|too_?many_?requests|resource_?exhausted|quota|^limit_/, 429],
  [/overload/, 529],
  [/context_?(?:length|window)|exceed_context|string_above_max/, 400],
  [/content_?(?:filter|policy)|inspection|moderation|safety/, 400],
  [/authenticat|unauthori[sz]ed|invalid_?api_?key|unrecognizedclient/, 401],
  [/permission|access_?denied|forbidden/, 403],
  [/too_large|payload/, 413],
  [/not_?found/, 404],
  [/engine_|unavailable|not_?ready|insufficient_system/, 503],
  [/timeout|timed_?out|deadline/, 504],
  [/invalid_|bad_?request|validation|unsupported|failed_precondition|unprocessable/, 400],
  [/server_?error|internal|api_error|service_?error|model_?stream/, 500],
];

/** Where an error has neither a status nor a type that is known, its words are what there is. */
const WORDS: readonly (readonly [RegExp, number])[] = [
  [USED_UP, 429],
  [TOO_MANY, 429],
  [/overloaded|over capacity|no capacity/i, 529],
  [/api.?key|unauthori[sz]ed|authenticat/i, 401],
  [/^(?:access )?(?:forbidden|denied)/i, 403],
  [TOO_LONG_A_CHAT, 400],
  [FILTERED, 400],
  [/\bmodel\b.*(?:not found|does not exist|not exist)/i, 404],
  [
    /bad gateway|no healthy upstream|upstream (?:connect|request|service)|service unavailable/i,
    503,
  ],
  [/gateway time-?out|internal server error/i, 502],
];

/** 429 is also what is said when there is no money; waiting does not help then. */
export function isUsedUp(body: unknown): boolean {
  return USED_UP.test(typeof body === "string" ? body : JSON.stringify(body ?? ""));
}

/** In whichever vendor's form; 500 if it does not say. */
export function statusTold(error: Record<string, unknown>): number {
  return statusIn(error) ?? statusOfWords(sentenceOf(error, undefined)) ?? 500;
}

export function statusOfWords(words: string): number | undefined {
  const number = /^(?:HTTP\S*|error|status)?[ :]*([45]\d\d)(?!\d| tokens)\b/i.exec(words)?.[1];
  if (number !== undefined) return Number(number);
  return WORDS.find(([pattern]) => pattern.test(words))?.[1];
}

function statusIn(fields: Record<string, unknown>, depth = 0): number | undefined {
  const { statusCode, status_code, status, code, type, error, __type, error_type } = fields;
  const { http_code, http_status, error_code } = fields;
  const numbers = [http_code, http_status, error_code, error];
  const names = [statusCode, status_code, status, code, type, ...numbers];
  const number = names.map(Number).find((one) => one >= 400 && one < 600);
  const exception = Object.keys(fields).find((name) => /exception$/i.test(name));
  const named = [code, status, type, __type, error_type, exception].map(statusOfKind);
  const inner = isRecord(error) && depth < 3 ? statusIn(error, depth + 1) : undefined;
  const telling = named.find((one) => one !== undefined && one !== 500);
  // A kind that is told says more than "something went wrong in here", and what an account
  // lacks more than "invalid".
  if (number === 500) return telling ?? number;
  const words = telling === 400 ? statusOfWords(sentenceOf(fields, undefined)) : undefined;
  return number ?? words ?? named.find((one) => one !== undefined) ?? inner;
}

/**
 * "rate_limit_error", "RateLimitError", "Throttling.RateQuota", "com.amazon#ThrottlingException".
 */
function statusOfKind(kind: unknown): number | undefined {
  if (typeof kind !== "string") return undefined;
  const plain = kind.replaceAll(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
  return KINDS.find(([pattern]) => pattern.test(plain))?.[1];
}
