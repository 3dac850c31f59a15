import { lastSeqs } from "../db/sessions.ts";
import { recoverTurns } from "./recover-turns.ts";
import type { TurnDeps } from "./turn-deps.ts";
import type { Turns } from "./turns.ts";

const POLL_MS = 250;
const RECOVER_MS = 5_000;

/**
 * Where several companions share one database: tells local readers of what others have committed, and closes
 * turns whose companion is gone. The log's numbers are the truth, so polling them misses nothing.
 */
export function followOthers(deps: TurnDeps, turns: Turns): { stop(): void } {
  const { hub, reader, log } = deps;
  const poll = repeat(POLL_MS, async () => {
    const read = [...hub.sessions()].filter((sessionId) => !turns.isRunning(sessionId));
    if (read.length === 0) return;
    for (const { id, last_seq } of await lastSeqs(reader, read)) hub.announce(id, last_seq);
  });
  const recover = repeat(RECOVER_MS, async () => {
    await recoverTurns(deps);
  });

  /** The next run is planned when the last has ended, so a slow database gathers no pile. */
  function repeat(ms: number, run: () => Promise<void>) {
    let timer = setTimeout(tick, ms);
    timer.unref();
    let stopped = false;
    function tick(): void {
      run()
        .catch((err: unknown) => log.warn({ err }, "following other companions failed"))
        .finally(() => {
          if (stopped) return;
          timer = setTimeout(tick, ms);
          timer.unref();
        });
    }
    return {
      stop() {
        stopped = true;
        clearTimeout(timer);
      },
    };
  }

  return {
    stop() {
      poll.stop();
      recover.stop();
    },
  };
}
