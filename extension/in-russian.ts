// What the companion says, in Russian: a bundle of its own, loaded where it is read.
import type { Phrase } from "../server/shared/russian/phrases.ts";
import { wordsInRussian } from "../server/shared/russian/said-in-russian.ts";

export { inRussian } from "../server/shared/russian/said-in-russian.ts";

/** What a window finds by itself. */
export const FOUND_IN_RUSSIAN: readonly Phrase[] = [
  ["Another companion holds the data directory", "папку данных держит другой сервер"],
  ["It could not be started", "его не удалось запустить"],
  ["it went away while it got the keys", "он пропал, получая ключи"],
  ["It was not ready after {0} s", "за {0} с он не был готов"],
  ["The companion with pid {0} does not end", "сервер с pid {0} не завершается"],
  ["The companion answered in an unknown form", "ответ неизвестного вида"],
  ["The companion's answer is not understood: {0}", "ответ не разобрать: {0}"],
  ["The answer is too long", "ответ слишком длинный"],
  ["{0} cannot be read", "{0} не читается"],
  ["{0} is not a private file of this user", "{0} — не личный файл этого пользователя"],
  ["exit code {0}", "код завершения {0}"],
];

/** Of a process that did not start, or of what was found wrong about it. */
export const detailInRussian = (detail: string, starts: readonly Phrase[]): string =>
  wordsInRussian(detail, [...starts, ...FOUND_IN_RUSSIAN]);
