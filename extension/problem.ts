/**
 * What can go wrong between the extension and the companion; the texts for
 * people are in `explain.ts`.
 */
export const PROBLEM_CODES = [
  /** Nobody answers, or the connection broke. */
  "companion_lost",
  /** Somebody answers who does not know the token. */
  "companion_unproven",
  "companion_malformed",
  /** Its protocol is newer than ours; the message holds its version. */
  "companion_newer",
  /** It ended while it started; the message holds its last words. */
  "companion_exited",
  "companion_slow",
  "companion_gave_up",
  "data_directory_unsafe",
  "database_url_missing",
  /** It could not look or mend; the message holds its words. */
  "doctor_failed",
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

export interface ProblemOptions {
  cause?: unknown;
  hint?: string | undefined;
}

/**
 * The one error of the extension. `code` is one of ours or, for an answer of the companion, one of
 * `ErrorCode` as it came.
 */
export class Problem extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  private constructor(code: string, message: string, options: ProblemOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Problem";
    this.code = code;
    this.hint = options.hint;
  }

  /** What is loaded later has a class of its own of this name: what counts is what it says. */
  static override [Symbol.hasInstance](it: unknown): it is Problem {
    return it instanceof Error && it.name === "Problem" && "code" in it;
  }

  static ours(code: ProblemCode, message: string, options: ProblemOptions = {}): Problem {
    return new Problem(code, message, options);
  }

  static answered(code: string, message: string, hint: string | undefined): Problem {
    return new Problem(code, message, { hint });
  }
}

export function isProblem(thrown: unknown, ...codes: ProblemCode[]): thrown is Problem {
  return thrown instanceof Problem && (codes as string[]).includes(thrown.code);
}
