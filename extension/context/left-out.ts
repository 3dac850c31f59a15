// What of many files goes with a message, and why the others do not.
import { isSecretPath } from "../../server/shared/protected-paths.ts";

/** In characters, all together and of one file or diff. */
export const MAX_TOGETHER = 100_000;
export const MAX_ONE = 30_000;
/** Of names. */
export const MAX_LINES = 500;

/** Long, and nobody reads them: one would leave no room for what people wrote. */
const GENERATED =
  /(?:^|\/)(?:[\w.-]+[-.]lock\.\w+|[\w.-]+\.lockb?|npm-shrinkwrap\.json|go\.sum|[\w.-]+\.min\.(?:js|css)|[\w.-]+\.map)$/i;

export type LeftOut =
  | "may hold keys"
  | "made by a program"
  | "no text"
  | "too large"
  | "no room left"
  | "could not be read";

/** By its name alone. */
export function leftOutByName(name: string): LeftOut | undefined {
  if (isSecretPath(name)) return "may hold keys";
  return GENERATED.test(name) ? "made by a program" : undefined;
}
