import type { Said } from "../../server/shared/russian/said-in-russian.ts";

let translate: (<T extends Said>(said: T) => T) | undefined;

/** The companion speaks English; its words in other languages are loaded where they are read. */
export async function loadSaid(language: string): Promise<void> {
  if (!language.toLowerCase().startsWith("ru")) return;
  translate = (await import("../../server/shared/russian/said-in-russian.ts")).inRussian;
}

/** What the companion said, in the reader's language. */
export function said<T extends Said>(words: T): T {
  return translate ? translate(words) : words;
}
