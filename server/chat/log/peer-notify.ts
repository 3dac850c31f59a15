// Tells the other companions on the same Postgres at once what they would find at their
// next look at the database.
import type { NotifyChannel } from "../../db/engine/notify-channel.ts";
import { withoutTrace } from "../../observe/trace-context.ts";
import { type PeerNotice, parsePeerNotice } from "../../protocol/peer-notice.ts";
import type { Hub } from "./hub.ts";

/** What is to be told to the others. Costs next to nothing while there are none. */
export interface Peers {
  /** The session's log has grown up to `lastSeq`. */
  news(sessionId: string, lastSeq: number): void;
  /** The session was deleted, or somebody asked its turn to stop. */
  look(sessionId: string): void;
  /** What the others tell, from now on. */
  listen(heard: PeerListener): void;
}

export interface PeerListener {
  onNews(sessionId: string, lastSeq: number): void;
  onLook(sessionIds: readonly string[]): void;
  /** Some may have been missed before. */
  onListening(): void;
}

/** Of a database that nobody else uses. */
export const NO_PEERS: Peers = {
  news: () => {},
  look: () => {},
  listen: () => {},
};

/** The hub, that also tells the others what was committed here. */
export function tellPeers(hub: Hub, peers: Peers): Hub {
  return {
    ...hub,
    publish(sessionId, chunks, payloads) {
      hub.publish(sessionId, chunks, payloads);
      const last = chunks.at(-1);
      if (last) peers.news(sessionId, last.seq);
    },
  };
}

/** One statement in so long a time, for all sessions together. */
const GAP_MS = 25;
/** Postgres refuses 8,000. */
const MAX_BYTES = 7_500;
const MAX_PAYLOADS = 32;
/**
 * The others are asked for a heartbeat when none was heard for so long, and
 * thought gone when none answers.
 */
const QUIET_MS = 30_000;
const GONE_MS = 10_000;

/** In place of a number of the log: whoever looks finds that, too. */
const LOOK = 0;

/** `own`: this companion's name. */
export function createPeers(channel: NotifyChannel, own: string): Peers {
  let thereAreOthers = false;
  let heardAt = 0;
  let askedAt: number | undefined;
  const pending = new Map<string, number>();
  let isAsked = false;
  let sending = false;
  let sentAt = 0;
  let timer: NodeJS.Timeout | undefined;

  function plan(): void {
    if (timer || sending) return;
    const wait = Math.max(0, sentAt + GAP_MS - performance.now());
    timer = withoutTrace(() => setTimeout(() => void flush(), wait));
    timer.unref();
  }

  async function flush(): Promise<void> {
    timer = undefined;
    sending = true;
    sentAt = performance.now();
    await channel.send(nextPayloads());
    sending = false;
    if (pending.size > 0 || isAsked) plan();
  }

  function nextPayloads(): string[] {
    const now = performance.now();
    if (askedAt !== undefined && now - askedAt > GONE_MS) thereAreOthers = false;
    if (!thereAreOthers) pending.clear();
    const asks = now - heardAt > QUIET_MS && askedAt === undefined;
    if (asks) askedAt = now;
    const notices = toNotices(own, pending);
    if (isAsked && notices.length === 0) notices.push({ from: own });
    isAsked = false;
    return notices.map((notice) => JSON.stringify(asks ? { ...notice, asks } : notice));
  }

  function note(sessionId: string, lastSeq: number): void {
    if (!thereAreOthers) return;
    if (pending.get(sessionId) !== LOOK) pending.set(sessionId, lastSeq);
    plan();
  }

  return {
    news: note,
    look: (sessionId) => note(sessionId, LOOK),
    listen(heard) {
      channel.listen({
        onHint(payload) {
          const notice = parsePeerNotice(payload);
          if (!notice || notice.from === own) return;
          thereAreOthers = true;
          heardAt = performance.now();
          askedAt = undefined;
          if (notice.asks) {
            isAsked = true;
            plan();
          }
          for (const [sessionId, lastSeq] of notice.news ?? []) heard.onNews(sessionId, lastSeq);
          if (notice.look) heard.onLook(notice.look);
        },
        onListening() {
          void channel.send([JSON.stringify({ from: own, asks: true } satisfies PeerNotice)]);
          heard.onListening();
        },
      });
    },
  };
}

/** Takes from `pending` what fits into one statement; the rest comes next. */
function toNotices(from: string, pending: Map<string, number>): PeerNotice[] {
  const notices: PeerNotice[] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const [sessionId, lastSeq] of pending) {
    const size = sessionId.length + String(lastSeq).length + 6;
    if (bytes + size > MAX_BYTES) {
      if (notices.length === MAX_PAYLOADS) break;
      notices.push({ from, news: [], look: [] });
      bytes = Buffer.byteLength(from) + 100;
    }
    bytes += size;
    const notice = notices.at(-1);
    if (lastSeq === LOOK) notice?.look?.push(sessionId);
    else notice?.news?.push([sessionId, lastSeq]);
    pending.delete(sessionId);
  }
  return notices;
}
