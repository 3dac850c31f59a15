/**
 * How many tokens a text is about: a quarter of its characters, half of those outside ASCII. Only its model knows better,
 * and says so after it has read it.
 */
export function estimateTokens(text: string): number {
  const rare = text.match(/[^\0-\x7f]/g)?.length ?? 0;
  return Math.ceil((text.length + rare) / 4);
}

/** For a model that nobody knows. */
export const DEFAULT_CONTEXT_WINDOW = 128_000;

/** Whether a model can be said to read so many tokens. */
export function isContextWindow(tokens: unknown): tokens is number {
  return Number.isInteger(tokens) && Number(tokens) >= 1_000 && Number(tokens) <= 100_000_000;
}
