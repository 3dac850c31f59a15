// How a companion ends: once, in order and within a bound.
import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

/** All of it; whoever sent SIGTERM may send SIGKILL next. */
const MAX_ENDING_MS = 4_800;
/** After a fault of ours nothing is certain, least of all that ending works. */
const MAX_MARKING_MS = 600;
/** npm, shells and service managers send one wish to end several times over. */
const SAME_WISH_MS = 1_000;
const EXIT_FAILED = 1;

export interface ShutdownDeps {
  log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    fatal(fields: object, message: string): void;
  };
  /** Everything there is to do before the process may go; each step has its own bound. */
  end(): Promise<void>;
  /** Only marks what runs as interrupted, if that still works. */
  mark(): Promise<void>;
}

export interface Shutdown {
  begin(reason: string): void;
}

/**
 * Ends the process at a signal or by `begin`, with exit code 0, within 5 s. A second signal ends it
 * at once. An error that nobody caught ends it within a second with code 1: a state that nobody
 * foresaw is not one to go on in.
 */
export function createShutdown({ log, end, mark }: ShutdownDeps): Shutdown {
  let begun: number | undefined;
  const begin = (reason: string): void => {
    if (begun !== undefined) return;
    begun = performance.now();
    setTimeout(() => {
      log.warn({ reason }, "did not end in time; the next start closes what was open");
      process.exit(EXIT_FAILED);
    }, MAX_ENDING_MS).unref();
    log.info({ reason }, "stopping");
    void end().then(() => {
      log.info({}, "stopped");
      process.exit(0);
    });
  };

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (begun !== undefined && performance.now() - begun > SAME_WISH_MS) {
        log.warn({ signal }, "ended by a second signal");
        process.exit(128 + constants.signals[signal]);
      }
      begin(signal);
    });
  }

  let broken = false;
  const breakOff = async (event: string, err: unknown): Promise<void> => {
    log.fatal({ err }, event);
    if (broken) return;
    broken = true;
    try {
      await within(MAX_MARKING_MS, mark());
    } finally {
      process.exit(EXIT_FAILED);
    }
  };
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (err: unknown) => void breakOff(event, err));
  }
  return { begin };
}

/** What `work` resolves with, or undefined once `ms` are over; the work goes on unheard. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const late = new AbortController();
  try {
    return await Promise.race([work, delay(ms, undefined, { signal: late.signal })]);
  } finally {
    late.abort();
  }
}
