/**
 * How many tokens a text is about: a quarter of its characters, half of those outside ASCII. Only
 * its model knows better, and says so after it has read it.
 */
export function estimateTokens(text: string): number {
  const rare = text.match(/[^\0-\x7f]/g)?.length ?? 0;
  return Math.ceil((text.length + rare) / 4);
}

/** What vendors count for a picture of usual size, and about for a page of a PDF. */
const IMAGE_TOKENS = 1_600;
const PAGE_TOKENS = 2_000;
const PAGE_BYTES = 100_000;

export function attachmentTokens(attached: readonly { type: string; bytes: number }[]): number {
  return attached.reduce((sum, { type, bytes }) => {
    return sum + (type === "image" ? IMAGE_TOKENS : PAGE_TOKENS * Math.ceil(bytes / PAGE_BYTES));
  }, 0);
}

/** For a model that nobody knows. */
export const DEFAULT_CONTEXT_WINDOW = 128_000;

/** Whether a model can be said to read so many tokens. */
export function isContextWindow(tokens: unknown): tokens is number {
  return Number.isInteger(tokens) && Number(tokens) >= 1_000 && Number(tokens) <= 100_000_000;
}
