// Shown = on two machines, whatever the server is set to at this moment: its settings change under
// commits that are on their way (a cluster that loses its standby lets them all go), so each commit
// begins only while there is a second machine, and is shown once that has it.
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { ChatError } from "../../errors.ts";
import type { Operation } from "../../observe/operations.ts";
import type { Reader } from "../tables/schema.ts";
import { NoConnection } from "./storage-errors.ts";

export type Level = "one_machine" | "two_machines" | null;

export interface SecondMachine {
  /** The database itself answers. */
  readonly isAway: boolean;
  /**
   * Rejects with `NoConnection` while there is none; else resolves with the course of events of
   * the server.
   */
  ready(): Promise<string>;
  /**
   * Resolves once the second machine has all that is committed now. Rejects as if the
   * connection had broken if the server is in another course of events than `since`.
   */
  confirm(since: string): Promise<void>;
  /**
   * The same for what was read of a session. While there is no second machine, it is shown if it
   * is older than that.
   */
  settle(updatedAt: () => Promise<number>, signal: AbortSignal): Promise<void>;
}

/** Settings under which a commit waits until another machine has it, too. */
const WAITS_FOR_STANDBY = ["on", "remote_apply", "remote_write"];

export interface Standing {
  waits: string;
  standbys: string;
  timeline: string;
  /** Standbys that stream, and those of them that a commit may wait for. */
  streaming: number;
  synchronous: number;
  /** Of which this user may not know more. */
  hidden: number;
  /** What is written here, and what a second machine has of it; in bytes of the log. */
  written: number;
  copied: number | null;
}

export async function standingOf(reader: Reader): Promise<Standing> {
  const { rows } = await sql<Standing>`
    with own as materialized (select pg_current_wal_flush_lsn() as lsn)
    select current_setting('synchronous_commit') as waits,
      current_setting('synchronous_standby_names') as standbys,
      left(pg_walfile_name(own.lsn), 8) as timeline,
      pg_wal_lsn_diff(own.lsn, '0/0')::float8 as written,
      other.* from own, (
        select count(*) filter (where state = 'streaming')::int as streaming,
          count(*) filter (where state = 'streaming' and sync_state in ('sync', 'quorum'))::int
            as synchronous,
          count(*) filter (where state is null)::int as hidden,
          max(pg_wal_lsn_diff(flush_lsn, '0/0')) filter (where state = 'streaming')::float8 as copied
        from pg_stat_replication
      ) as other`.execute(reader);
  const [standing] = rows;
  if (!standing) throw new Error("a server says nothing of itself");
  return standing;
}

/** As the server says it: a storage that replicates below Postgres is not seen here. */
export function levelOf(standing: Standing | undefined): Level {
  if (!standing) return null;
  const { waits, standbys, synchronous, hidden } = standing;
  const isAsked = WAITS_FOR_STANDBY.includes(waits) && standbys.trim() !== "";
  // Who may not look has the settings alone to go by.
  return isAsked && (synchronous > 0 || hidden > 0) ? "two_machines" : "one_machine";
}

function whyNot(standing: Standing): ChatError | undefined {
  const { waits, standbys, synchronous, hidden } = standing;
  if (!WAITS_FOR_STANDBY.includes(waits) || standbys.trim() === "") {
    return away(
      "The database keeps what is saved on one machine only.",
      "Nothing new is shown until it waits for a second one: synchronous_standby_names and synchronous_commit say so. See docs/team.md.",
    );
  }
  if (synchronous > 0) return undefined;
  return hidden > 0
    ? away(
        "The database does not let the companion see whether a second machine has what is saved.",
        "Grant pg_monitor to its user. See docs/team.md.",
      )
    : away(
        "The second machine of the database is away.",
        "What was shown is on two machines. The chat goes on by itself when it is back.",
      );
}

function away(message: string, hint: string): ChatError {
  return new ChatError("database_unavailable", message, { hint, retryAfterSeconds: 2 });
}

/** What was found out so long ago is believed: a commit that is on its way is looked at after. */
const FRESH_MS = 250;
const LOOK_AGAIN_MS = [1, 2, 5, 10, 20, 50];
const NOTICED_MS = 1_000;
/** How far apart the clocks of companions may be. */
const CLOCKS_MS = 60_000;

interface Waiter {
  since: string;
  /** Of the log; undefined: it has not been looked at since. */
  upTo: number | undefined;
  done: PromiseWithResolvers<void>;
}

export function createSecondMachine(
  reader: Reader,
  health: { failed(code: "database_unavailable"): void },
): SecondMachine {
  let fresh: { at: number; timeline: string } | undefined;
  let looking: Promise<string> | undefined;
  /** Of the wall clock: since when there has been none. */
  let awayFrom: number | undefined;
  let isAway = false;
  const waiting = new Set<Waiter>();
  let confirming = false;

  async function look(): Promise<string> {
    try {
      const standing = await standingOf(reader);
      const reason = whyNot(standing);
      isAway = reason !== undefined;
      if (reason) throw new NoConnection(reason);
      awayFrom = undefined;
      fresh = { at: performance.now(), timeline: standing.timeline };
      return standing.timeline;
    } catch (thrown) {
      awayFrom ??= Date.now();
      if (!(thrown instanceof NoConnection)) isAway = false;
      throw thrown instanceof NoConnection ? thrown : new NoConnection(thrown);
    } finally {
      looking = undefined;
    }
  }

  async function ready(): Promise<string> {
    if (fresh && performance.now() - fresh.at < FRESH_MS) return fresh.timeline;
    fresh = undefined;
    return await (looking ??= look());
  }

  /** All that wait share a look; who comes while one is on its way waits for the next. */
  async function confirmAll(): Promise<void> {
    const since = performance.now();
    for (let looks = 0; waiting.size > 0; looks++) {
      const asked = [...waiting];
      try {
        settleOf(asked, await standingOf(reader));
      } catch (thrown) {
        isAway = false;
        for (const { done } of asked) done.reject(unconfirmed(thrown));
        for (const one of asked) waiting.delete(one);
      }
      if (waiting.size === 0) break;
      if (performance.now() - since > NOTICED_MS) {
        isAway = true;
        health.failed("database_unavailable");
      }
      await delay(LOOK_AGAIN_MS[looks] ?? LOOK_AGAIN_MS.at(-1));
    }
    confirming = false;
  }

  function settleOf(asked: readonly Waiter[], standing: Standing): void {
    for (const one of asked) {
      const isMoved = standing.timeline !== one.since;
      one.upTo ??= standing.written;
      const isThere = (standing.copied ?? -1) >= one.upTo;
      if (!isMoved && !isThere) continue;
      waiting.delete(one);
      if (isMoved) one.done.reject(unconfirmed(undefined));
      else one.done.resolve();
    }
  }

  function confirm(since: string): Promise<void> {
    const done = Promise.withResolvers<void>();
    waiting.add({ since, upTo: undefined, done });
    if (!confirming) {
      confirming = true;
      void confirmAll();
    }
    return done.promise;
  }

  return {
    get isAway() {
      return isAway;
    },
    ready,
    confirm,
    async settle(updatedAt, signal) {
      while (!signal.aborted) {
        try {
          await confirm(await ready());
          return;
        } catch {
          if ((await updatedAt()) < (awayFrom ?? 0) - CLOCKS_MS) return;
          await delay(FRESH_MS);
        }
      }
    },
  };
}

/** Nobody sees them, and nothing of them is missed. */
const UNSHOWN: ReadonlySet<Operation> = new Set(["renew_lease", "compact_turn", "renew_witness"]);

export function secondFor(
  operation: Operation,
  second: SecondMachine | undefined,
): SecondMachine | undefined {
  return UNSHOWN.has(operation) ? undefined : second;
}

/** Does `work`, which commits, as one of whose commits nobody hears before two machines have it. */
export async function onTwo<T>(
  second: SecondMachine | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (!second) return await work();
  const since = await second.ready();
  const value = await work();
  await second.confirm(since);
  return value;
}

/** Whether it is stored has to be read back. */
function unconfirmed(cause: unknown): Error {
  return new Error("connection ended before a second machine had the commit", { cause });
}
