import type { MentionStrings } from "./texts.ts";

/** Only those of the reader's language are loaded. */
export async function loadMentionStrings(): Promise<MentionStrings> {
  const isRussian = document.documentElement.lang.toLowerCase().startsWith("ru");
  return isRussian ? (await import("./ru.ts")).RU : (await import("./en.ts")).EN;
}
