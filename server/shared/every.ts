/** What is done at intervals until it is stopped. */
export interface Repeating {
  /** Not again; resolves when a run that goes on has ended. */
  stop(): Promise<void>;
}

/**
 * Does `work` every `ms`, or after what that says each time; at first after `firstMs`. The next run
 * is planned when the last has ended, so a slow one gathers no pile. What it throws goes to
 * `onError`, and it is done again. Keeps no process alive.
 */
export function every(
  ms: number | (() => number),
  work: () => unknown,
  onError: (err: unknown) => void,
  firstMs = typeof ms === "number" ? ms : ms(),
): Repeating {
  let stopped = false;
  let running = Promise.resolve();
  let timer = plan(firstMs);

  function plan(wait: number) {
    const planned = setTimeout(() => {
      running = run();
    }, wait);
    // A timer of Node's keeps no process alive for this; one of a browser's is a number.
    if (typeof planned === "object") planned.unref();
    return planned;
  }

  async function run(): Promise<void> {
    try {
      await work();
    } catch (err) {
      onError(err);
    }
    if (!stopped) timer = plan(typeof ms === "number" ? ms : ms());
  }

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** For work that cannot fail: what it throws after all is an error that nobody caught. */
export function unexpected(err: unknown): never {
  throw err;
}
