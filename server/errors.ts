import type { ErrorCode } from "./protocol/errors.ts";

export interface ChatErrorOptions {
  cause?: unknown;
  /** What the reader can do about it. */
  hint?: string | undefined;
  /** When trying again makes sense, in seconds. */
  retryAfterSeconds?: number | undefined;
}

/** The one error of the program: a closed code, a sentence for people, the cause for the log. */
export class ChatError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** Whether trying again helps, where somebody who knows has said so. */
  mayPass: boolean | undefined;

  constructor(code: ErrorCode, message: string, options: ChatErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ChatError";
    this.code = code;
    this.hint = options.hint;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/**
 * `thrown` itself if it is a ChatError, else one with `code` that keeps it as its cause and
 * says nothing of its insides.
 */
export function toChatError(thrown: unknown, code: ErrorCode, message: string): ChatError {
  return thrown instanceof ChatError ? thrown : new ChatError(code, message, { cause: thrown });
}

/** What a `ChatError` is made again from, in another thread. */
export interface ToldError {
  /** Undefined: of another kind. */
  code: ErrorCode | undefined;
  message: string;
  hint?: string | undefined;
  retryAfterSeconds?: number | undefined;
  mayPass?: boolean | undefined;
  /** For the log. */
  cause?: string | undefined;
}

export function toTold(thrown: unknown): ToldError {
  if (!(thrown instanceof ChatError)) return { code: undefined, message: wordsOf(thrown) };
  const { code, message, hint, retryAfterSeconds, mayPass, cause } = thrown;
  const told = { code, message, hint, retryAfterSeconds, mayPass };
  return cause === undefined ? told : { ...told, cause: wordsOf(cause) };
}

export function fromTold({
  code,
  message,
  hint,
  retryAfterSeconds,
  mayPass,
  cause,
}: ToldError): Error {
  if (code === undefined) return new Error(message);
  const error = new ChatError(code, message, {
    hint,
    retryAfterSeconds,
    ...(cause !== undefined && { cause: new Error(cause) }),
  });
  error.mayPass = mayPass;
  return error;
}

function wordsOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
