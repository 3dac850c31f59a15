// When a server wants to be asked again, in all the forms in which servers say so.
import { parseJson } from "../../shared/json.ts";
import { list, num, record, text } from "../wire/values.ts";

const MAX_SECONDS = 24 * 60 * 60;
type Headers = Readonly<Record<string, unknown>>;

/** In seconds; undefined if no header says it. */
export function retryAfter(headers: Headers, now: number): number | undefined {
  return within(askedFor(headers, now) ?? resetOf(headers, now));
}

/** The same for the head of a success: it tells of limits that are not reached. */
export function retryAfterError(headers: Headers, now: number): number | undefined {
  return within(askedFor(headers, now));
}

/**
 * What OpenAI's and Anthropic's servers, and gateways to them, decide themselves; undefined: it is
 * left to the status.
 */
export function shouldRetry(headers: Headers): boolean | undefined {
  const said = text(headers["x-should-retry"]).trim().toLowerCase();
  return said === "true" ? true : said === "false" ? false : undefined;
}

function askedFor(headers: Headers, now: number): number | undefined {
  const ms = num(headers["retry-after-ms"]);
  return ms === undefined ? secondsOf(headers["retry-after"], now) : ms / 1000;
}

/** A number of seconds, a date, or a time as "1m30s". */
function secondsOf(value: unknown, now: number): number | undefined {
  const said = text(value).trim();
  if (said === "") return undefined;
  const seconds = /^\d+(?:\.\d+)?$/.test(said) ? Number(said) : spanOf(said);
  if (seconds !== undefined) {
    // A point in time, in seconds or milliseconds, is larger than any wait.
    if (seconds > 1e11) return (seconds - now) / 1000;
    return seconds > 1e9 ? seconds - now / 1000 : seconds;
  }
  const at = Date.parse(said);
  return Number.isNaN(at) ? undefined : (at - now) / 1000;
}

const SPAN =
  /^\s*(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?\s*$/;

/** "6m0s", "1.5s", "20ms", "1h2m". */
function spanOf(said: string): number | undefined {
  const found = SPAN.exec(said);
  if (!found?.slice(1).some(Boolean)) return undefined;
  const [hours = 0, minutes = 0, seconds = 0, ms = 0] = found
    .slice(1)
    .map((one) => Number(one ?? 0));
  return hours * 3600 + minutes * 60 + seconds + ms / 1000;
}

/**
 * The limits of OpenAI, Anthropic and others: when that one is free again of which nothing is left.
 */
function resetOf(headers: Headers, now: number): number | undefined {
  const resets: number[] = [];
  const spent: number[] = [];
  for (const [name, value] of Object.entries(headers)) {
    const isReset = /ratelimit/.test(name) && /reset/.test(name);
    const seconds = isReset ? secondsOf(value, now) : undefined;
    if (seconds === undefined) continue;
    resets.push(seconds);
    const remaining = num(headers[name.replace("reset", "remaining")]);
    if (remaining !== undefined && remaining <= 0) spent.push(seconds);
  }
  if (spent.length > 0) return Math.max(...spent);
  return resets.length > 0 ? Math.min(...resets) : undefined;
}

/** In an error's own fields or words; undefined if it does not say. */
export function retryAfterIn(said: unknown, words: string): number | undefined {
  return within(fieldIn(typeof said === "string" ? parseJson(said) : said, 0) ?? wordsOf(words));
}

const FIELDS = ["retry_after", "retryAfter", "retry_after_seconds", "retryDelay", "retry-after"];

/**
 * Google: `details: [{ "@type": "…RetryInfo", "retryDelay": "34s" }]`;
 * OpenRouter: `metadata.headers`.
 */
function fieldIn(value: unknown, depth: number): number | undefined {
  if (depth > 4) return undefined;
  for (const one of Array.isArray(value) ? list(value) : [value]) {
    const fields = record(one);
    if (!fields) continue;
    const ms = num(fields["retry_after_ms"]) ?? num(fields["retry-after-ms"]);
    if (ms !== undefined) return ms / 1000;
    for (const field of FIELDS) {
      const told = text(fields[field]);
      const seconds = num(told) ?? spanOf(told);
      if (seconds !== undefined && seconds < 1e9) return seconds;
    }
    for (const inner of ["error", "details", "metadata", "headers", "parameters"]) {
      const found = fieldIn(fields[inner], depth + 1);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

const WORDS =
  /(?:try again|retry|wait)(?:[^.\d]|\.(?!\s|\d)){0,40}?(\d+(?:\.\d+)?\s*(?:ms|milliseconds?|seconds?|secs?|s|minutes?|mins?|m|hours?|h)(?:\d+(?:\.\d+)?s)?)\b/i;

/** "Please try again in 1.5s", "Retry after 20 seconds". */
function wordsOf(words: string): number | undefined {
  const found = WORDS.exec(words)?.[1];
  if (found === undefined) return undefined;
  const short = found
    .replace(/\s+/g, "")
    .replace(/milliseconds?/i, "ms")
    .replace(/(?:seconds?|secs?)/i, "s")
    .replace(/(?:minutes?|mins?)/i, "m")
    .replace(/hours?/i, "h")
    .toLowerCase();
  return spanOf(short);
}

function within(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.min(Math.max(seconds, 0), MAX_SECONDS);
}
