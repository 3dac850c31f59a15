import { currentEpoch } from "../../db/tables/epochs.ts";
import { lastSeqs } from "../../db/tables/sessions.ts";
import type { ChatDeps } from "../deps.ts";
import { recoverTurns } from "../turn/recover-turns.ts";

const POLL_MS = 250;
const RECOVER_MS = 5_000;

/**
 * Where several companions share one database: tells the readers here what others have committed, and closes
 * turns whose companion is gone. The log's numbers are the truth, so polling them misses nothing; hints come sooner.
 */
export function followOthers(deps: ChatDeps): { stop(): void } {
  const { reader, log, hub, turns } = deps;
  const poll = repeat(POLL_MS, () => lookAt(hub.sessions()));
  const recover = repeat(RECOVER_MS, async () => {
    await recoverTurns(deps);
  });

  deps.others.listen({
    onNews(sessionId, lastSeq) {
      if (!turns.isRunning(sessionId)) hub.announce(sessionId, lastSeq);
    },
    onLook(sessionIds) {
      const read = new Set(hub.sessions());
      void orWarn(turns.stopIfAsked(sessionIds));
      void orWarn(lookAt(sessionIds.filter((sessionId) => read.has(sessionId))));
    },
    onListening: () => void orWarn(lookAt(hub.sessions())),
  });

  let epoch: string | undefined;
  /** Another companion, or a promotion of a standby, may have begun one while this one runs. */
  async function lookAtEpoch(): Promise<void> {
    const now = await currentEpoch(reader);
    if (epoch !== now) hub.announceEpoch();
    epoch = now;
  }

  async function lookAt(sessionIds: Iterable<string>): Promise<void> {
    const read = [...sessionIds].filter((sessionId) => !turns.isRunning(sessionId));
    if (read.length === 0) return;
    await lookAtEpoch();
    const known = new Map((await lastSeqs(reader, read)).map(({ id, last_seq }) => [id, last_seq]));
    for (const sessionId of read) {
      const lastSeq = known.get(sessionId);
      if (lastSeq === undefined) hub.announceGone(sessionId);
      else hub.announce(sessionId, lastSeq);
    }
  }

  function orWarn(work: Promise<void>): Promise<void> {
    return work.catch((err: unknown) => log.warn({ err }, "following other companions failed"));
  }

  /** The next run is planned when the last has ended, so a slow database gathers no pile. */
  function repeat(ms: number, run: () => Promise<void>) {
    let timer = setTimeout(tick, ms);
    timer.unref();
    let stopped = false;
    function tick(): void {
      void orWarn(run()).then(() => {
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
