import { plainLines } from "./plain-text.ts";

const MAX_TITLE = 60;
/** More than what nobody sees. */
const SEEN = /[^\p{Z}\p{C}\u2800\u3164\u115F]/u;
export const UNTITLED = "New chat";

/** A session's name from its first message: the first line that says something, cut at a word. */
export function titleFrom(content: string): string {
  const shown = plainLines(content).map((said) => said.replaceAll(/\p{Cc}/gu, " ").trim());
  const line = shown.find((said) => SEEN.test(said)) ?? UNTITLED;
  if (line.length <= MAX_TITLE) return line;
  const cut = line.slice(0, MAX_TITLE).toWellFormed();
  const space = cut.lastIndexOf(" ");
  return `${(space > MAX_TITLE / 2 ? cut.slice(0, space) : cut).replace(/\uFFFD$/, "")}…`;
}
