import { DEFAULT_CONTEXT_WINDOW } from "../shared/tokens.ts";

/** Beginnings of model ids, and how many tokens these models can read; the first that fits counts. */
const WINDOWS: readonly (readonly [RegExp, number])[] = [
  [/^openai\/gpt-5/, 400_000],
  [/^openai\/gpt-4\.1/, 1_047_576],
  [/^openai\/o\d/, 200_000],
  [/^anthropic\//, 200_000],
  [/^google\/gemini/, 1_048_576],
];

/** In tokens, by the whole id of a model. */
export function contextWindowOf(modelId: string): number {
  return WINDOWS.find(([pattern]) => pattern.test(modelId))?.[1] ?? DEFAULT_CONTEXT_WINDOW;
}
