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
    const known = new Map((await lastSeqs(reader, read)).map(({ id, last_seq }) => [id, last_seq]));
    for (const sessionId of read) {
      const lastSeq = known.get(sessionId);
      if (lastSeq === undefined) hub.announceGone(sessionId);
      else hub.announce(sessionId, lastSeq);
    }
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
