import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";

/** With fewer, V8's helpers take the core that the thread which writes is waiting for. */
const CORES_FOR_HELPERS = 4;

/**
 * Call it when all is loaded, before the work begins: with other flags V8 does not take the code
 * that comes compiled with Node, and a start takes 45 ms more. No flags for Node as those of
 * shared/young-generation.ts are: one that a later V8 does not know would end the process, and is
 * only complained of here.
 */
export function setUpCollector(cores = availableParallelism()): void {
  // Else a place in the code whose first objects stay for a while, as those of answers do that all
  // begin at once, has all its objects made old for as long as the process lives: garbage that only
  // the slow collector finds.
  setFlagsFromString("--no-allocation-site-pretenuring");
  // Left to itself V8 collects all of the heap again when it has grown by a seventh, every few
  // seconds where many speak, and each time nothing else runs for 60 to 90 ms on a slow machine.
  setFlagsFromString("--heap-growing-percent=200");
  if (cores >= CORES_FOR_HELPERS) return;
  setFlagsFromString("--no-parallel-scavenge");
  setFlagsFromString("--no-concurrent-marking");
  setFlagsFromString("--no-concurrent-sweeping");
}
