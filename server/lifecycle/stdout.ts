import { writeSync } from "node:fs";

const STDOUT = 1;
/** How long a pipe that is full may keep the process waiting. */
const MAX_WAIT_MS = 100;
const STEP_MS = 5;

/**
 * Where the log goes. A log that cannot be written must not stop what it tells of: lines are
 * dropped while the disk is full or nobody is at the other end.
 */
export function createStdout(): { write(line: string): void } {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  let torn = false;
  return {
    write(line) {
      let rest = Buffer.from(torn ? `\n${line}` : line);
      const whole = rest.length;
      for (let waited = 0; rest.length > 0 && waited < MAX_WAIT_MS; ) {
        try {
          rest = rest.subarray(writeSync(STDOUT, rest));
        } catch (thrown) {
          if (!isPipeFull(thrown)) break;
          Atomics.wait(sleeper, 0, 0, STEP_MS);
          waited += STEP_MS;
        }
      }
      // The next line that can be written begins on a line of its own.
      torn = rest.length > 0 && (torn || rest.length < whole);
    },
  };
}

function isPipeFull(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "EAGAIN";
}
