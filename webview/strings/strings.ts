import type { Strings } from "./texts.ts";

/**
 * The texts for a language tag like `ru-RU`; English for what there is no translation
 * into. Only these are loaded.
 */
export async function loadStrings(language: string): Promise<Strings> {
  const [primary] = language.toLowerCase().split("-", 1);
  return primary === "ru" ? (await import("./ru.ts")).RU : (await import("./en.ts")).EN;
}
