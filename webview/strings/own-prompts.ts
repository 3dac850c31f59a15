// Messages that a button sends, in each language they may have been sent in: shown in
// the reader's, known in any.
import type { Strings } from "./texts.ts";

type OwnPrompt = "continuePrompt" | "resumePlan";

export const OWN_PROMPTS: Record<OwnPrompt, readonly string[]> = {
  continuePrompt: [
    "Continue your last answer exactly where it stopped.",
    "Продолжи свой последний ответ ровно с того места, где он прервался.",
  ],
  resumePlan: ["Resume the plan", "Продолжить план"],
};

export function ownPrompt(question: string): OwnPrompt | undefined {
  const names: readonly OwnPrompt[] = ["continuePrompt", "resumePlan"];
  return names.find((name) => OWN_PROMPTS[name].includes(question));
}

/** A question as it is shown. */
export function shownQuestion(question: string, text: Strings): string {
  const own = ownPrompt(question);
  return own === undefined ? question : text[own];
}
