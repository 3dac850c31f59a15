/** What a model gets of a result, in characters; more would fill its context for nothing. */
export const MAX_RESULT = 30_000;

/**
 * The beginning and the end, with a word on what is missing between them; `before`
 * was left out of it already.
 */
export function cut(text: string, max = MAX_RESULT, before = 0): string {
  if (text.length <= max) return text;
  const head = text.slice(0, Math.floor(max / 2)).toWellFormed();
  const tail = text.slice(text.length - Math.floor(max / 2)).toWellFormed();
  const missing = before + text.length - head.length - tail.length;
  return `${head}\n[… ${missing} characters are left out here …]\n${tail}`;
}

/** What both database engines store as it is. */
export function toStorable(text: string): string {
  return text.replaceAll("\0", "\u2400").toWellFormed();
}
