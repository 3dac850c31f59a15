// Which of the servers of a cluster is the one that can be written. A name, a proxy or an old
// connection proves nothing: each server is asked, and only a clear "not in recovery" counts.
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Log } from "../../log.ts";
import { withoutTrace } from "../../observe/trace-context.ts";
import { placeOf } from "../../shared/postgres-hosts.ts";
import { isConnectionLost, NoConnection, NotPrimary, noPrimary } from "./storage-errors.ts";

/** Who needs a connection waits so long for a server before it hears that there is none. */
const MAX_WAIT_MS = 2_500;
const ASK_AGAIN_MS = 100;
/** A server that swallows everything; later ones get longer, for networks that are slow. */
const ANSWER_MS = [1_500, 1_500, 3_000, 5_000];
/** Two may say at once that they can be written, the old one and the new one. */
const RIVALS_MS = 150;
/** Who is asked over a connection that it had before has to answer at once. */
const STILL_THERE_MS = 1_500;

export interface Back {
  awayMs: number;
  /** Another server, or the same with another course of events. */
  moved: boolean;
  /** Another course of events: a standby was promoted, and what it had not got is gone. */
  promoted: boolean;
}

/** What becomes of a database that is elsewhere, as far as others need to know. */
export interface Away {
  /**
   * Since when no server is known that can be written, by the monotonic clock; undefined: there is
   * one.
   */
  readonly awaySince: number | undefined;
  /** When one was found again after more than a moment; undefined: it was never away. */
  readonly backAt: number | undefined;
  /** Told when a server was lost, and when one was found. */
  listen(listener: AwayListener): void;
}

export interface AwayListener {
  onAway?(): void;
  /**
   * Another was found, or one after more than a moment. Whatever waits for it is let at it once
   * this has resolved, or has taken too long.
   */
  onFound?(): Promise<void>;
  onBack?(back: Back): void;
}

export const NEVER_AWAY: Away = { awaySince: undefined, backAt: undefined, listen: () => {} };

export interface Servers extends Away {
  /** How many there are to choose from. */
  readonly hosts: number;
  /** Where the next connection goes. */
  readonly url: string;
  /** Grows whenever a connection was lost: who was asked before it is asked again. */
  readonly doubts: number;
  /** Resolves when there is one; rejects with `NoConnection` and what each of them said. */
  ready(waitMs?: number): Promise<void>;
  /** The same for who comes before all others, in `onFound`. */
  found(): Promise<void>;
  /** A connection made at `doubts` broke, or its server can only be read. */
  doubt(cause: unknown, doubts: number): void;
  /** Rejects unless this connection leads to a server that is no standby. */
  check(client: pg.ClientBase): Promise<void>;
  close(): void;
}

interface Found {
  url: string;
  timeline: string | undefined;
}

/** Below this nobody has noticed. */
const MOMENT_MS = 1_000;
/** How long all others wait for those that are told first. */
const FIRST_MS = 1_500;

export function createServers(urls: readonly string[], log: Log): Servers {
  const [first = ""] = urls;
  const listeners: AwayListener[] = [];
  /** Those that answer and only let themselves be read. */
  const standbys = new Set<string>();
  let url = first;
  let timeline: string | undefined;
  let doubts = 0;
  let awaySince: number | undefined;
  let backAt: number | undefined;
  let searching: Promise<void> | undefined;
  let finding = Promise.withResolvers<void>();
  let wasThere = false;
  let foundAt = Number.NEGATIVE_INFINITY;
  let closed = false;

  async function search(): Promise<void> {
    const since = performance.now();
    awaySince = since;
    const asked = doubts;
    for (const { onAway } of listeners) onAway?.();
    const found = await findPrimary(urls, standbys, () => closed);
    if (!found) return;
    const promoted = [timeline, found.timeline].every(Boolean) && found.timeline !== timeline;
    const awayMs = performance.now() - since;
    const moved = wasThere && (found.url !== url || promoted);
    if (moved || (wasThere && awayMs > MOMENT_MS)) {
      const seconds = Math.round(awayMs / 100) / 10;
      log.warn(
        { server: placeOf(found.url), seconds, promoted },
        "a database server was found again",
      );
    }
    url = found.url;
    timeline = found.timeline ?? timeline;
    foundAt = performance.now();
    finding.resolve();
    if (moved || (wasThere && awayMs > MOMENT_MS)) {
      const told = Promise.all(listeners.map(async ({ onFound }) => await onFound?.()));
      await Promise.race([told, delay(FIRST_MS, undefined, { ref: false })]);
    }
    if (wasThere && awayMs > MOMENT_MS) backAt = performance.now();
    wasThere = true;
    awaySince = undefined;
    searching = undefined;
    for (const { onBack } of listeners) onBack?.({ awayMs, moved, promoted });
    // It was lost again while it was looked for.
    if (doubts !== asked) startSearch();
  }

  function startSearch(): void {
    if (searching) return;
    finding = Promise.withResolvers();
    searching = withoutTrace(search);
  }

  /** A pool that was never used is not ended with the others, and would connect. */
  function refuseClosed(): void {
    if (closed) throw new NoConnection(new Error("asked for after calling end on the pool"));
  }

  startSearch();

  return {
    hosts: urls.length,
    get url() {
      return url;
    },
    get doubts() {
      return doubts;
    },
    get awaySince() {
      return awaySince;
    },
    get backAt() {
      return backAt;
    },
    async ready(waitMs = MAX_WAIT_MS) {
      refuseClosed();
      if (!searching) return;
      const late = delay(waitMs, "late", { ref: false });
      if ((await Promise.race([searching, late])) !== "late") return;
      throw new NoConnection(noPrimary(urls.length, standbys.size));
    },
    async found() {
      refuseClosed();
      if (searching) await finding.promise;
    },
    doubt(cause, since) {
      if (since !== doubts) return;
      // It was asked a moment ago and is no standby: it lets itself only be read for another
      // reason.
      if (performance.now() - foundAt < MOMENT_MS && !isGone(cause)) return;
      doubts++;
      log.debug({ err: cause }, "a connection to the database was lost; looks where it is");
      startSearch();
    },
    check: checkRole,
    listen: (listener) => void listeners.push(listener),
    close() {
      closed = true;
    },
  };
}

async function checkRole(client: pg.ClientBase): Promise<void> {
  const asked = client.query<{ standby: boolean }>("select pg_is_in_recovery() as standby");
  asked.catch(() => {});
  const late = delay(STILL_THERE_MS, "late", { ref: false });
  const answer = await Promise.race([asked, late]);
  if (typeof answer === "string") throw new NotPrimary(false);
  if (answer.rows[0]?.standby !== false) throw new NotPrimary(true);
}

/** Asks all of them again and again, each by itself: one that is silent keeps no other waiting. */
async function findPrimary(
  urls: readonly string[],
  standbys: Set<string>,
  isClosed: () => boolean,
): Promise<Found | undefined> {
  const found: Found[] = [];
  const first = Promise.withResolvers<void>();
  let over = false;
  const loops = urls.map(async (url) => {
    for (let tries = 0; !over && !isClosed(); tries++) {
      const patience = ANSWER_MS[Math.min(tries, ANSWER_MS.length - 1)] ?? MAX_WAIT_MS;
      const answer = await ask(url, patience, urls.length === 1);
      if (typeof answer === "object") {
        found.push(answer);
        return first.resolve();
      }
      if (answer === "standby") standbys.add(url);
      else standbys.delete(url);
      await delay(ASK_AGAIN_MS, undefined, { ref: false });
    }
  });
  await Promise.race([first.promise, Promise.all(loops)]);
  over = true;
  if (urls.length > 1) await Promise.race([Promise.all(loops), delay(RIVALS_MS)]);
  return found.toSorted((a, b) => (a.timeline ?? "").localeCompare(b.timeline ?? "")).at(-1);
}

/** What is the matter with it, or where it is. `isOnly`: there is no other that could be better. */
async function ask(url: string, ms: number, isOnly: boolean): Promise<Found | "standby" | "away"> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: ms,
    query_timeout: ms,
    application_name: "streamkeeper",
  });
  client.on("error", () => {});
  try {
    await client.connect();
    await checkRole(client);
    return { url, timeline: await timelineOf(client) };
  } catch (thrown) {
    if (thrown instanceof NotPrimary && thrown.isStandby) return "standby";
    // It answers, and what it says is told by whoever asks it next.
    if (isOnly && (!isConnectionLost(thrown) || isFull(thrown)))
      return { url, timeline: undefined };
    return "away";
  } finally {
    void client.end().catch(() => {});
  }
}

/** Anything but an answer that nothing can be written. */
function isGone(cause: unknown): boolean {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return code !== "25006" && code !== "storage_readonly";
}

/** No connection is free: that says nothing of its role. */
function isFull(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "53300";
}

/** Undefined where storage replicates below Postgres and there is no log of it to name. */
async function timelineOf(client: pg.Client): Promise<string | undefined> {
  try {
    const { rows } = await client.query<{ timeline: string }>(
      "select left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline",
    );
    return rows[0]?.timeline;
  } catch {
    return undefined;
  }
}
