import { setFlagsFromString } from "node:v8";

/**
 * Call it before the work begins. Else a place in the code whose first objects stay for a while,
 * as those of answers do that all begin at once, has V8 make all its objects old for as long as the
 * process lives: garbage that only the slow collector finds. No flag for Node as those of
 * shared/young-generation.ts are: one that a later V8 does not know would end the process.
 */
export function beginYoung(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}
