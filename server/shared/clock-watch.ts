// A machine that slept, a process that was stopped and a clock that was set all look alike: less
// was lived through than has passed. Every room asks the same way.

/** How often is looked. */
const TICK_MS = 1_000;
/** Longer than a busy event loop takes from one look to the next. */
const MAX_GAP_MS = 5_000;
/** More than a time server corrects at once. */
const MAX_JUMP_MS = 30_000;

export interface Wake {
  /**
   * What passed unnoticed, by whichever clock saw more of it; 0 when the clock was only set back.
   */
  missedMs: number;
}

/** Two clocks: `monotonic` may stand still while the machine sleeps, `wall` may be set. In ms. */
export interface Clocks {
  monotonic(): number;
  wall(): number;
}

const OURS: Clocks = { monotonic: () => performance.now(), wall: () => Date.now() };

/** Calls `onWake` at the first look after a gap or a jump. Returns what ends the looking. */
export function watchWake(onWake: (wake: Wake) => void, clocks = OURS): () => void {
  let monotonic = clocks.monotonic();
  let wall = clocks.wall();
  const timer = setInterval(() => {
    const gap = clocks.monotonic() - monotonic - TICK_MS;
    const jump = clocks.wall() - wall - TICK_MS;
    monotonic += gap + TICK_MS;
    wall += jump + TICK_MS;
    if (gap > MAX_GAP_MS || Math.abs(jump - gap) > MAX_JUMP_MS) {
      onWake({ missedMs: Math.max(gap, jump, 0) });
    }
  }, TICK_MS);
  // A timer of Node's keeps no process alive for this; one of a browser's is a number.
  if (typeof timer === "object") timer.unref();
  return () => clearInterval(timer);
}
