// The small words that requests are made of.
import * as z from "zod/mini";

/** Ids reach headers, SSE fields and the database, so they are plain from the start. */
export const Id = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/));

/** Ids that others make (clients, providers): a little wider, still without control characters. */
export const ForeignId = z.string().check(z.regex(/^[A-Za-z0-9_.:-]{1,128}$/));

/**
 * Text that both engines store as it is: Postgres refuses NUL, and UTF-8 has no lone surrogates.
 */
export const STORABLE = z.refine<string>((text) => !text.includes("\0") && text.isWellFormed(), {
  error: "must be well-formed Unicode without NUL",
});
export const Text = z.string().check(STORABLE);

export const ModelId = z.string().check(z.regex(/^[a-z][a-z-]{0,31}\/[A-Za-z0-9_.:@/-]{1,128}$/));
export const AgentType = z.string().check(z.regex(/^[a-z][a-z0-9_-]{0,31}$/));

/**
 * What is wrong with what came from outside, the first of it: `message.content: expected a string`;
 * `whole`: what all of it is. `zod/mini` brings no words of its own.
 */
export function faultOf(error: z.core.$ZodError, whole: string): string {
  const [issue] = error.issues;
  if (!issue) return `${whole}: not valid`;
  const keys = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  return `${[...issue.path, ...keys].map(String).join(".") || whole}: ${problemOf(issue)}`;
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.message !== "Invalid input") return issue.message;
  switch (issue.code) {
    case "unrecognized_keys":
      return "is not known";
    case "invalid_type":
      return `expected ${nameOf(issue.expected)}`;
    case "invalid_value":
      return expectedOneOf(issue.values);
    case "too_small":
      return `expected ${subjectOf(issue.origin)}${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "too_big":
      return `expected ${subjectOf(issue.origin)}${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`;
    case "invalid_format":
      return `expected ${issue.pattern ?? issue.format}`;
    case "invalid_union":
      if ("options" in issue) return expectedOneOf(issue.options);
      return issue.errors.flatMap(([first]) => (first ? problemOf(first) : [])).join(", or ");
    default:
      return "not valid";
  }
}

const expectedOneOf = (values: unknown): string =>
  `expected ${JSON.stringify(values).slice(1, -1).replaceAll(",", " or ")}`;

const nameOf = (type: string): string =>
  type === "int" ? "a whole number" : `${/^[ao]/.test(type) ? "an" : "a"} ${type}`;

/** What has a limit: a number itself, or how much there is of it. */
const subjectOf = (origin: string): string =>
  origin === "string" || origin === "array" ? "a length of " : "";
