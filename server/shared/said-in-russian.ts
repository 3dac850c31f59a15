// What the companion says, in Russian: found by its code and the very words, in the two tables beside this file.
import { ERROR_CODES } from "../protocol/errors.ts";
import { IN_RUSSIAN, type Phrase, type Words } from "./russian-errors.ts";
import { HINTS_IN_RUSSIAN } from "./russian-hints.ts";

export interface Said {
  code: string | null;
  message: string;
  hint?: string | null | undefined;
}

/** In Russian, as far as it is the companion's own words. Other codes are of others, who translate them. */
export function inRussian<T extends Said>(said: T): T {
  const code = ERROR_CODES.find((known) => known === said.code);
  if (code === undefined) return said;
  const message = messageOf(IN_RUSSIAN[code], said.message);
  return said.hint ? { ...said, message, hint: advice(said.hint) } : { ...said, message };
}

function messageOf({ general, phrases = [] }: Words, told: string): string {
  for (const phrase of phrases) {
    const begun = beginning(phrase, told, "$");
    if (begun) return begun.russian;
  }
  if (told === "") return general;
  // Whoever found the fault beside the companion has said it in Russian.
  return /\p{Script=Cyrillic}/u.test(told) ? told : `${general} (${told})`;
}

function advice(hint: string): string {
  const told: string[] = [];
  let rest = hint;
  while (rest !== "") {
    const next = beginningOfAny(rest);
    // The rest is somebody else's, or new.
    if (!next) break;
    told.push(next.russian);
    rest = next.rest.trimStart();
  }
  return [...told, ...(rest === "" ? [] : [rest])].join(" ");
}

function beginningOfAny(text: string): ReturnType<typeof beginning> {
  for (const phrase of HINTS_IN_RUSSIAN) {
    const begun = beginning(phrase, text, "(?=\\s|$)");
    if (begun) return begun;
  }
  return undefined;
}

function beginning([english, russian]: Phrase, text: string, end: string) {
  const pattern = english.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll(/\{\d\}/g, "(.+?)");
  const found = new RegExp(`^${pattern}${end}`, "s").exec(text);
  if (!found) return undefined;
  const filled = russian.replaceAll(/\{(\d)\}/g, (_, at: string) => found[Number(at) + 1] ?? "");
  return { russian: filled, rest: text.slice(found[0].length) };
}
