// What a running command says, as it travels. Beside the schemas, so that the web app
// can have it without them.

/**
 * In UTF-16 units: of one piece, and what is kept of one call while it runs. Its
 * result says how it ended.
 */
export const MAX_OUTPUT_PIECE = 16_000;
export const MAX_OUTPUT = 100_000;

/**
 * `\r` writes a line over: of each line what was written last. Pieces may be joined before or
 * after, with the same outcome, as long as none ends with a `\r`.
 */
export function lastWritten(text: string): string {
  if (!text.includes("\r")) return text;
  return text
    .split("\n")
    .map((line) => line.replace(/\r+$/, "").split("\r").at(-1) ?? "")
    .join("\n");
}
