import { plainLines } from "./plain-text.ts";

const MAX_TITLE = 60;
export const UNTITLED = "New chat";

/** A session's name from its first message: the first line that says something, cut at a word. */
export function titleFrom(content: string): string {
  const line = plainLines(content)[0] ?? UNTITLED;
  if (line.length <= MAX_TITLE) return line;
  const cut = line.slice(0, MAX_TITLE).toWellFormed();
  const space = cut.lastIndexOf(" ");
  return `${(space > MAX_TITLE / 2 ? cut.slice(0, space) : cut).replace(/\uFFFD$/, "")}…`;
}
