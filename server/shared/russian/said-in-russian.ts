// What the companion says, in Russian: found by its code and the very words, in the
// tables beside this file.
import type { ErrorCode } from "../../protocol/errors.ts";
import type { Phrase, Words } from "./phrases.ts";
import { IN_RUSSIAN } from "./russian-errors.ts";
import { HINTS_IN_RUSSIAN } from "./russian-hints.ts";

export interface Said {
  code: string | null;
  message: string;
  hint?: string | null | undefined;
}

/**
 * In Russian, as far as it is the companion's own words. Other codes are of
 * others, who translate them.
 */
export function inRussian<T extends Said>(said: T): T {
  if (!isOurs(said.code)) return said;
  const message = messageOf(IN_RUSSIAN[said.code], said.message);
  return said.hint ? { ...said, message, hint: advice(said.hint) } : { ...said, message };
}

const isOurs = (code: string | null): code is ErrorCode =>
  code !== null && Object.hasOwn(IN_RUSSIAN, code);

/** What a process said without a code, as it ended: as far as that is known. */
export function wordsInRussian(words: string, phrases: readonly Phrase[]): string {
  const known = Object.values(IN_RUSSIAN).flatMap((one) => one.phrases ?? []);
  return toldIn([...phrases, ...known, ...HINTS_IN_RUSSIAN], words.replace(/^streamkeeper: /, ""));
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

function ofAnyCode(told: string): string {
  const all = Object.values(IN_RUSSIAN).flatMap(({ phrases = [] }) => phrases);
  // What is around another text has that one's words in it, too.
  for (const phrase of all.toSorted((a, b) => Number(b[2] ?? 0) - Number(a[2] ?? 0))) {
    const begun = beginning(phrase, told, "$");
    if (begun) return begun.russian;
  }
  return told;
}

const advice = (hint: string): string => toldIn(HINTS_IN_RUSSIAN, hint);

/** Sentence by sentence. */
function toldIn(phrases: readonly Phrase[], text: string): string {
  const told: string[] = [];
  let rest = text;
  while (rest !== "") {
    const next = beginningOfAny(phrases, rest);
    // The rest is somebody else's, or new.
    if (!next) break;
    told.push(next.russian);
    rest = next.rest.trimStart();
  }
  return [...told, ...(rest === "" ? [] : [rest])].join(" ");
}

function beginningOfAny(phrases: readonly Phrase[], text: string): ReturnType<typeof beginning> {
  for (const phrase of phrases) {
    const begun = beginning(phrase, text, "(?=\\s|$)");
    if (begun) return begun;
  }
  return undefined;
}

function beginning([english, russian, tells]: Phrase, text: string, end: string) {
  const pattern = english.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll(/\{\d\}/g, "(.+?)");
  const found = new RegExp(`^${pattern}${end}`, "s").exec(text);
  if (!found) return undefined;
  const parts = found.slice(1);
  if (tells) parts.push(ofAnyCode(parts.pop() ?? ""));
  const filled = russian.replaceAll(/\{(\d)\}/g, (_, at: string) => parts[Number(at)] ?? "");
  return { russian: filled, rest: text.slice(found[0].length) };
}
