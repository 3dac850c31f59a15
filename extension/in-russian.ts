// What the companion says, in Russian: a bundle of its own, loaded where it is read.
import { STARTS_IN_RUSSIAN } from "../server/shared/russian-starts.ts";
import { wordsInRussian } from "../server/shared/said-in-russian.ts";

export { inRussian } from "../server/shared/said-in-russian.ts";

/** Of a process that did not start, or of what was found wrong about it. */
export const detailInRussian = (detail: string): string =>
  wordsInRussian(detail, STARTS_IN_RUSSIAN);
