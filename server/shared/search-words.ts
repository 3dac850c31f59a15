// What a person who searches means: words in any order, quotes around a phrase, and the same
// word however it is written.

/** More would only make the statement long; the longest say most. */
const MAX_TERMS = 16;

/** A sign and those that people, keyboards and models write for it. */
const WRITTEN_AS = new Map([
  ["'", "'’‘‚‛ʼ′"],
  ['"', '"“”„‟″«»'],
]);
const SPACES = "[ \\t\\n\\r\\f\\v\u00a0\u2002-\u200a\u202f\u3000]+";
/** What `foldCase` makes of the first half of a decomposed ё. */
const DECOMPOSED_YO = "е\u0308";

/** Case and ё folded, so that a search finds what a reader would call the same word. */
export function foldCase(text: string): string {
  return text.toLowerCase().replaceAll("ё", "е");
}

export interface Term {
  /** Folded, its signs plain, its accents composed. */
  text: string;
  /**
   * For `foldCase(text)`, in JavaScript (with the flag u) as in Postgres; undefined where
   * `text` is the only form.
   */
  pattern: string | undefined;
}

/**
 * The words and phrases (the last may be half typed), the longest first; no term
 * is a part of another one.
 */
export function termsOf(query: string): Term[] {
  const texts = new Set<string>();
  const folded = foldCase(plainSigns(query.normalize("NFC"))).normalize("NFC");
  for (const [word, phrase] of folded.matchAll(/"([^"]*[^"\s][^"]*)(?:"|$)|\S+/gu)) {
    texts.add((phrase ?? word).trim().replaceAll(/\s+/gu, " "));
  }
  return [...texts]
    .filter((text) => ![...texts].some((other) => other !== text && other.includes(text)))
    .toSorted((a, b) => b.length - a.length)
    .slice(0, MAX_TERMS)
    .map((text) => ({ text, pattern: patternOf(text) }));
}

function plainSigns(text: string): string {
  let plain = text;
  for (const [sign, forms] of WRITTEN_AS)
    plain = plain.replaceAll(new RegExp(`[${forms}]`, "gu"), sign);
  return plain;
}

/** All forms of a character that count as it; accents composed or not, since both look alike. */
export function formsOf(character: string): string[] {
  const signs = WRITTEN_AS.get(character);
  if (signs) return Array.from(signs);
  if (character === "е") return ["е", DECOMPOSED_YO];
  const parts = Array.from(character.normalize("NFD"));
  const last = parts.at(-1) ?? "";
  const halfway = parts.slice(0, -1).join("").normalize("NFC") + last;
  return [...new Set([character, halfway, parts.join("")])];
}

function patternOf(text: string): string | undefined {
  const characters = Array.from(text);
  const isPlain = characters.every((one) => one !== " " && formsOf(one).length === 1);
  return isPlain ? undefined : characters.map(characterPattern).join("");
}

function characterPattern(character: string): string {
  if (character === " ") return SPACES;
  // The longest first: the whole letter is marked, with its accents.
  const forms = formsOf(character)
    .map(escaped)
    .toSorted((a, b) => b.length - a.length);
  return forms.length === 1 ? forms.join("") : `(?:${forms.join("|")})`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** Finds the term in a text that `foldCase` has folded. */
export function regExpOf({ text, pattern }: Term): RegExp {
  return new RegExp(pattern ?? escaped(text), "gu");
}
