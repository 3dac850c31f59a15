// What is known of models before anybody is asked.
import type { AttachmentType } from "../protocol/attachments.ts";
import { DEFAULT_CONTEXT_WINDOW } from "../shared/tokens.ts";

/**
 * Beginnings of model ids, and how many tokens these models can read; the first that fits counts.
 */
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

/**
 * Models that read text alone, by the end of their id; the first list is of those that take no
 * picture and no PDF, the second of those that take pictures only. Any other is asked, and what
 * its server says is told.
 */
const TEXT_ONLY: readonly RegExp[] = [
  /^openai\/(?:gpt-3\.5|gpt-4(?:-\d{4}|-32k|-0314|-0613)?(?:-preview)?$|o1-(?:mini|preview)|o3-mini)/,
  /^anthropic\/claude-(?:instant|2|1)/,
  /(?:^|\/)(?:gpt-oss|deepseek-(?!vl|ocr)|codellama|starcoder|codestral|codegemma|qwq)/i,
  /(?:^|\/)qwen[\d.]*-?(?:coder|math)(?!.*vl)/i,
  /(?:^|\/)llama-?3(?:\.[13])?(?:[:-](?!.*vision)|$)/i,
  /(?:^|\/)phi-?[34](?:[:-](?!.*(?:vision|multimodal))|$)/i,
  /(?:embed|whisper|\btts\b)/i,
];
const NO_FILES: readonly RegExp[] = [
  /^anthropic\/claude-3-(?:haiku|opus|sonnet)/,
  /^(?:ollama|openai-compatible)\//,
  /^google\/gemma/,
];

/** What the model takes beside text, by its whole id, as far as is known. */
export function inputsOf(modelId: string): readonly AttachmentType[] {
  if (TEXT_ONLY.some((pattern) => pattern.test(modelId))) return [];
  return NO_FILES.some((pattern) => pattern.test(modelId)) ? ["image"] : ["image", "file"];
}
