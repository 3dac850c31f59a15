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
