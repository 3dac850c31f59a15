// What model servers do wrong, in the words and codes of this program.
import { ChatError } from "../../errors.ts";
import { hideSecrets } from "../../log.ts";
import { isRecord } from "../../shared/json.ts";
import { type Access, addressHint, keyHint } from "../access.ts";
import { retryAfterIn } from "./retry-after.ts";
import { FILTERED, isUsedUp, statusOfWords, statusTold, TOO_LONG_A_CHAT } from "./told-status.ts";
import { sentenceOf, titleOf } from "./told-words.ts";

const WRONG_KEY = /api.?key.{0,20}(?:not valid|invalid|expired)|invalid.api.?key/i;

/**
 * For an HTTP status of 300 or more, or the same told inside a stream. `body`
 * is the server's own words.
 */
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
      retryAfterSeconds,
    });
  }
  if (status >= 500 || status === 408 || status === 409 || status === 425) {
    return new ChatError("upstream_failed", told(status === 529 ? "is overloaded" : "failed"), {
      hint: "The fault is at the model's server. Retry in a moment, or choose another model.",
      retryAfterSeconds,
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

/** For an error that a server sends inside of its answer, in whichever vendor's form. */
export function streamError(access: Access, said: unknown, toldSeconds?: number): ChatError {
  // Google's compatible API wraps an error into a list.
  const told: unknown = Array.isArray(said) ? said[0] : said;
  const payload = isRecord(told) ? told : { message: String(told) };
  return statusError(access, statusTold(payload), payload, toldSeconds);
}

/** For a body of a success that is nothing of an answer: a proxy's page, a plain sentence. */
export function strayError(access: Access, type: string, body: string): ChatError {
  const text = body.trim();
  if (text.startsWith("<") || /\bhtml\b/i.test(type)) {
    const title = titleOf(text);
    const status = Number(/\b([45]\d\d)\b/.exec(title)?.[1]) || statusOfWords(title);
    if (status !== undefined) return statusError(access, status, title);
    return malformedError(access, `a web page instead of an answer${title && `, "${title}"`}`);
  }
  const said = sentenceOf(text.replaceAll(/^data: ?/gm, ""), access.key);
  const status = statusOfWords(said);
  if (status !== undefined) return statusError(access, status, text);
  const words = said === "" ? "" : `, which says: ${said}`;
  return malformedError(access, `nothing that is an answer in the vendor's format${words}`);
}

export function emptyError({ vendor }: Access): ChatError {
  return new ChatError("upstream_failed", `${vendor.label} gave an empty answer.`, {
    hint: "The model ended without a word. Retry, or choose another model.",
  });
}

/** Seen of models that take their thinking for the answer, and of servers that take it for them. */
export function onlyThoughtError({ vendor }: Access): ChatError {
  return new ChatError("upstream_failed", `${vendor.label} thought, but gave no answer.`, {
    hint: "The model ended after its thinking, which is kept. Retry, or choose another model.",
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

/** `said` is the server's last word. */
export function cutError({ vendor }: Access, cause?: unknown, said = ""): ChatError {
  const what =
    said === ""
      ? "broke off in the middle of the answer."
      : `broke off in the middle of the answer and said: ${said}.`;
  return new ChatError("upstream_cut", `${vendor.label} ${what}`, {
    hint: "What had arrived is kept. Continue or retry.",
    cause,
  });
}

/** For an answer that broke off with words that are none of it. */
export function lastWordsError(access: Access, said: string): ChatError {
  const told = strayError(access, "", said);
  if (told.code !== "upstream_malformed") return told;
  return cutError(access, undefined, sentenceOf(said, access.key));
}

/** For an answer that the vendor held, and does not give any more. */
export function goneError({ vendor }: Access, cause: ChatError): ChatError {
  return new ChatError(
    "upstream_cut",
    `${vendor.label} does not give the rest of the answer any more. ${cause.message}`,
    { hint: "What had arrived is kept. Continue or retry.", cause },
  );
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
      cause,
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
