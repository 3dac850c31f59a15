/**
 * For Node, before the script: the young generation as large as it gets from the start on. Left to
 * itself it grows once, by some 50 MB, in the middle of the work.
 */
export const YOUNG_GENERATION = ["--min-semi-space-size=16", "--max-semi-space-size=16"];
