import { currentEpoch, lastSeqs, logPlaces } from "../../db/tables/epochs.ts";
import { untilLeaseEnds } from "../../db/tables/turns.ts";
import { every, type Repeating } from "../../shared/every.ts";
import type { ChatDeps } from "../deps.ts";
import { recoverTurns } from "../turn/recover-turns.ts";

const POLL_MS = 250;
const RECOVER_MS = 1_000;
/** Where one is over that its holder may still renew. */
const AGAIN_MS = 50;

/**
 * Where several companions share one database: tells the readers here what others have committed,
 * and takes over turns whose companion is gone. The log's numbers are the truth, so polling them
 * misses nothing; hints come sooner.
 */
export function followPeers(deps: ChatDeps): Repeating {
  const { reader, log, hub, turns, owner } = deps;
  const warn = (err: unknown): void => log.warn({ err }, "following other companions failed");
  const poll = every(POLL_MS, lookAtAll, warn);
  let nextMs = RECOVER_MS;
  const recover = every(() => nextMs, recoverInTime, warn);

  deps.peers.listen({
    onNews(sessionId, lastSeq) {
      if (!turns.isRunning(sessionId)) hub.announce(sessionId, lastSeq);
    },
    onLook(sessionIds) {
      const read = new Set(hub.sessions());
      turns.stopIfAsked(sessionIds).catch(warn);
      lookAt(sessionIds.filter((sessionId) => read.has(sessionId))).catch(warn);
    },
    onListening: () => void lookAt(hub.sessions()).catch(warn),
  });

  /** A lease that ends is looked at when it ends: its readers have waited for it long enough. */
  async function recoverInTime(): Promise<void> {
    nextMs = RECOVER_MS;
    await recoverTurns(deps);
    const endsIn = (await untilLeaseEnds(reader, owner)) ?? RECOVER_MS;
    nextMs = Math.min(Math.max(endsIn, AGAIN_MS), RECOVER_MS);
  }

  async function lookAtAll(): Promise<void> {
    const read = new Set(hub.sessions());
    queues = new Map([...queues].filter(([sessionId]) => read.has(sessionId)));
    await lookAt(read);
  }

  let epoch: string | undefined;
  /** Another companion, or a promotion of a standby, may have begun one while this one runs. */
  async function lookAtEpoch(): Promise<void> {
    const now = await currentEpoch(reader);
    if (epoch !== now) hub.announceEpoch(await logPlaces(reader, [...hub.sessions()]));
    epoch = now;
  }

  /** Of each session that is read here, how often its queue had changed when it was looked at. */
  let queues = new Map<string, number>();

  async function lookAt(sessionIds: Iterable<string>): Promise<void> {
    const read = [...sessionIds];
    if (read.length === 0) return;
    await lookAtEpoch();
    const known = new Map((await lastSeqs(reader, read)).map((row) => [row.id, row]));
    for (const sessionId of read) {
      const row = known.get(sessionId);
      if (!row) {
        if (!turns.isRunning(sessionId)) hub.announceGone(sessionId);
        continue;
      }
      if (queues.get(sessionId) !== row.queue_changes) hub.announceQueue(sessionId);
      queues.set(sessionId, row.queue_changes);
      if (!turns.isRunning(sessionId)) hub.announce(sessionId, row.last_seq);
    }
  }

  return {
    async stop() {
      await Promise.all([poll.stop(), recover.stop()]);
    },
  };
}
