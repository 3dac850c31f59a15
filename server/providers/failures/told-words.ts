// The sentence for people inside of what a server says, whichever vendor's form it has.
import { hideSecrets } from "../../log.ts";
import { isRecord } from "../../shared/json.ts";

const MAX_SENTENCE = 300;

/** "" if there is none. */
export function sentenceOf(body: unknown, key: string | undefined): string {
  const found = typeof body === "string" ? fromText(body) : fromJson(body);
  // Some servers repeat the key they were given. The cut comes before the patterns:
  // they are slow on long texts.
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
  ...["error_description", "errors", "description", "Message", "details", "reason", "title"],
];

function fromJson(body: unknown, depth = 0): string {
  if (typeof body === "string")
    return depth > 0 && /^\s*[[{]/.test(body) ? inText(body, depth) : body;
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
  // Amazon's: `{"throttlingException": {"message": …}}`.
  const named = Object.keys(body).find((name) => /(?:exception|error)$/i.test(name));
  return named === undefined ? "" : fromJson(body[named], depth + 1);
}

/** An error that was written as text into another one's message. */
function inText(text: string, depth: number): string {
  try {
    return fromJson(JSON.parse(text), depth + 1) || text;
  } catch {
    return text;
  }
}

/** What a page says that it is: the one line of it that is for people. */
export function titleOf(page: string): string {
  const found = /<(title|h1|message)\b[^>]*>([^<]{1,200})/i.exec(page)?.[2] ?? "";
  return found.replaceAll(/\s+/g, " ").trim();
}
