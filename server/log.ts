import { type DestinationStream, type Logger, pino } from "pino";
import { currentTrace } from "./observe/trace-context.ts";

export type Log = Logger;

/** Keys whose values never reach a log line, wherever a library puts them. */
const SECRETS = [
  "authorization",
  "Authorization",
  "apiKey",
  "api_key",
  "key",
  "token",
  "password",
  "connectionString",
  "database_url",
  "cookie",
];

/** JSON lines, each with the trace that it belongs to. `destination` defaults to stdout. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: () => {
      const trace = currentTrace();
      return trace ? { trace_id: trace.traceId } : {};
    },
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: "[redacted]",
    },
    serializers: { err: toLoggedError },
  };
  return destination ? pino(options, destination) : pino(options);
}

interface LoggedError {
  type: string;
  message: string;
  code?: unknown;
  stack?: string | undefined;
  cause?: LoggedError;
}

/**
 * Only what we know to be safe: HTTP and database libraries hang requests, headers
 * and config on their errors.
 */
function toLoggedError(thrown: unknown, depth = 0): LoggedError {
  if (!(thrown instanceof Error))
    return { type: typeof thrown, message: hideSecrets(String(thrown)) };
  const logged: LoggedError = {
    type: thrown.name,
    message: hideSecrets(thrown.message),
    stack: thrown.stack === undefined ? undefined : hideSecrets(thrown.stack),
  };
  if ("code" in thrown) logged.code = thrown.code;
  if (thrown.cause !== undefined && depth < 4)
    logged.cause = toLoggedError(thrown.cause, depth + 1);
  return logged;
}

/** Masks passwords in URLs, bearer tokens and provider keys inside free text. */
export function hideSecrets(text: string): string {
  return text
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@]+@/gi, "$1:[redacted]@")
    .replace(/\b(bearer)\s+[^\s"',]+/gi, "$1 [redacted]")
    .replace(/\b(sk|pk|rk|AIza|xai|gsk)[-_]?[A-Za-z0-9_-]{12,}/g, "[redacted]");
}
