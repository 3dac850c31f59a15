// JSON as some servers write it: two values in one line, a comma too many, a line broken in the
// middle of a text, Python's words and quotes, NaN, a tab that should be escaped.
import { createJsonValues } from "./json-values.ts";

/** The values in it, the members of a list each by itself; none if nothing of it can be read. */
export function looseJson(source: string): unknown[] {
  try {
    const value: unknown = JSON.parse(source);
    // Some write the event as a text once more.
    if (typeof value === "string" && /^\s*\{/.test(value)) return looseJson(value);
    return Array.isArray(value) ? value : [value];
  } catch {
    const found: unknown[] = [];
    const values = createJsonValues({
      value: (json) => {
        const value = parseOne(json);
        if (value !== undefined) found.push(value);
      },
      between: () => {},
    });
    values.write(source.replaceAll("\n", ""));
    values.end();
    return found;
  }
}

function parseOne(source: string): unknown {
  for (const attempt of [() => source, () => mended(source)]) {
    try {
      return JSON.parse(attempt()) as unknown;
    } catch {
      // The next attempt, or none.
    }
  }
  return undefined;
}

const ODD =
  /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|,(?=\s*[}\]])|-?\b(?:NaN|Infinity|None|True|False|undefined)\b/g;
const WORDS: Readonly<Record<string, string>> = { ",": "", True: "true", False: "false" };

/** Texts, and what stands between them that is no JSON. */
function mended(source: string): string {
  return source.replaceAll(ODD, (found) => {
    if (found.startsWith('"')) return escaped(found);
    if (found.startsWith("'")) {
      const inner = found
        .slice(1, -1)
        .replaceAll("\\'", "'")
        .replaceAll(/(?<!\\)"/g, '\\"');
      return escaped(`"${inner}"`);
    }
    return WORDS[found] ?? "null";
  });
}

/** What JSON wants escaped inside of a text, and what it does not know to be escaped. */
function escaped(text: string): string {
  return text
    .replaceAll(/\\(["\\/bfnrtu]?)/g, (pair, known) => (known === "" ? "\\\\" : pair))
    .replaceAll(/\p{Cc}/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
