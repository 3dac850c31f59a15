// Files of instructions as text, with nothing in it that a person who looks at it would not see.

const MAX_BYTES = 1_000_000;

export { MAX_BYTES as MAX_INSTRUCTION_BYTES };

/** Undefined: it is no text. With line feeds alone, and without a byte order mark. */
export function toText(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe
      ? "utf-16le"
      : first === 0xfe && second === 0xff
        ? "utf-16be"
        : "utf-8";
  if (encoding === "utf-8" && bytes.includes(0)) return undefined;
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes("\0") ? undefined : text.replaceAll(/\r\n?/g, "\n");
  } catch {
    return undefined;
  }
}

/** A flag of a part of a country is written with tags, and is nothing hidden. */
const FLAG = String.raw`\u{1F3F4}[\u{E0061}-\u{E007A}]{2,6}\u{E007F}`;
/**
 * Zero widths, controls of direction, tags, selectors without a character of
 * theirs, and other controls.
 */
const HIDDEN = String.raw`[\u0001-\u0008\u000B-\u001F\u007F\u00AD\u180E\u200B\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E01EF}]`;
/**
 * Joiners say how letters and pictures hang together, and nothing beside Latin ones or each other.
 */
const JOINERS = String.raw`(?<=[\u0000-\u007F\u200C\u200D])[\u200C\u200D]|[\u200C\u200D](?=[\u0000-\u007F\u200C\u200D])`;
const SELECTORS = String.raw`(?<=[\u0000-\u0022\u0024-\u0029\u002B-\u002F\u003A-\u007F\uFE00-\uFE0F])[\uFE00-\uFE0F]`;
const MARKS_OF_DIRECTION = String.raw`[\u061C\u200E\u200F]`;
const ANY = `${FLAG}|${HIDDEN}|${JOINERS}|${SELECTORS}`;
const LEFT_TO_RIGHT = new RegExp(`${ANY}|${MARKS_OF_DIRECTION}`, "gu");
const BOTH_WAYS = new RegExp(ANY, "gu");

/**
 * With each hidden character as `[U+200B]`, so that the model is told what a
 * person can read, and no more.
 */
export function showHidden(text: string): { text: string; hidden: number } {
  const isBothWays = /[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(text);
  let hidden = 0;
  const shown = text.replaceAll(isBothWays ? BOTH_WAYS : LEFT_TO_RIGHT, (found) => {
    if (found.startsWith("\u{1F3F4}")) return found;
    hidden += 1;
    const code = found.codePointAt(0) ?? 0;
    return `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
  return { text: shown, hidden };
}
