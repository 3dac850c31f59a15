import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuid } from "uuid";
import { removeSession } from "../../db/tables/deleted-sessions.ts";
import { insertSession } from "../../db/tables/sessions.ts";
import { ChatError, toChatError } from "../../errors.ts";
import type { ErrorCode } from "../../protocol/errors.ts";
import { every, unexpected } from "../../shared/every.ts";
import type { ChatDeps, StorageWatch } from "../deps.ts";

const PROBE_MS = 2_000;
/** How often a database elsewhere is asked whether it is there, while it is. */
const PING_MS = 6_000;
/** What was found out this long ago is believed. */
const FRESH_MS = 1_000;
/** Who asks whether storing works is not kept waiting longer. */
const MAX_LOOK_MS = 1_500;
/** Whoever asks hears of a write of this moment. */
const MOMENT_MS = 5_000;
/**
 * A write that nobody needs wears out a disk: for who looks all day it comes ever more
 * rarely while nobody writes.
 */
const RAREST_WRITE_MS = 60_000;
/** Below this a write is tried though the last one is not long ago. */
const HARDLY_ANY_SPACE = 1_000_000;

/**
 * Notices by itself when storing works again, and when a database elsewhere goes away, though
 * nobody writes; and that it does not work, when somebody asks. The state is
 * `database.health`; every commit keeps it.
 */
export function watchStorage(
  deps: Pick<ChatDeps, "database" | "newUnitOfWork" | "metrics" | "log" | "soleCompanion">,
): StorageWatch {
  const { metrics, log, soleCompanion } = deps;
  const storage = deps.database.health;
  let told = storage.problem;
  let sincePing = 0;
  let error: ChatError | undefined;
  const isWriteDue = writesEverMoreRarely(storage);

  const tell = (): void => {
    metrics.databaseUp.set(isUp(deps.database, storage.problem) ? 1 : 0);
    if (storage.problem === told) return;
    told = storage.problem;
    if (told === undefined) log.info("storing works again");
    else log.error({ code: told }, "nothing can be stored");
  };
  const hardlyAnySpace = async (): Promise<boolean> =>
    ((await metrics.freeBytes()) ?? Number.POSITIVE_INFINITY) < HARDLY_ANY_SPACE;
  const look = async (isDue: () => boolean): Promise<ChatError | undefined> => {
    tell();
    try {
      await deps.database.ping();
      const mustWrite = storage.problem !== undefined || isDue() || (await hardlyAnySpace());
      if (mustWrite) await probe(deps);
      error = undefined;
    } catch (thrown) {
      error = toChatError(thrown, "internal", "Storing does not work.");
      storage.failed(error.code);
    } finally {
      tell();
    }
    return error;
  };
  const asked = oneAtATime(() => look(() => performance.now() - storage.workedAt > MOMENT_MS));
  const seen = oneAtATime(() => look(isWriteDue));

  const tellMachines = async (): Promise<void> => {
    const level = await deps.database.level();
    metrics.storageMachines.set(level === null ? 0 : level === "two_machines" ? 2 : 1);
  };
  tellMachines().catch(unexpected);

  const lookIfDue = async (): Promise<void> => {
    tell();
    sincePing += PROBE_MS;
    const isAway = deps.database.away.awaySince !== undefined;
    const isPingDue = !soleCompanion && (sincePing >= PING_MS || isAway);
    if (isPingDue) {
      sincePing = 0;
      tellMachines().catch(unexpected);
    }
    if (storage.problem !== undefined || isPingDue) await seen.look();
  };
  const looks = every(PROBE_MS, lookIfDue, unexpected);
  return {
    async check() {
      const now = performance.now();
      if (storage.problem === undefined && now - storage.workedAt < FRESH_MS) return undefined;
      const isFresh = now - asked.lookedAt() < FRESH_MS / 2 && error?.code === storage.problem;
      if (isFresh) return error;
      const late = delay(MAX_LOOK_MS, undefined, { ref: false }).then(() => tooLate(soleCompanion));
      return await Promise.race([asked.look(), late]);
    },
    glance() {
      if (performance.now() - Math.max(storage.workedAt, seen.lookedAt()) > FRESH_MS)
        void seen.look();
    },
    stop: looks.stop,
  };
}

/** With only its second machine away the database answers, though nothing may be shown. */
export function isUp(
  { away, secondMachine }: Pick<ChatDeps["database"], "away" | "secondMachine">,
  problem: ErrorCode | undefined,
): boolean {
  if (problem !== "database_unavailable") return true;
  return away.awaySince === undefined && secondMachine?.isAway === true;
}

/** Who comes while one is on its way gets its outcome. */
function oneAtATime<T>(look: () => Promise<T>) {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<T> | undefined;
  return {
    look: () =>
      (looking ??= look().finally(() => {
        looking = undefined;
        lookedAt = performance.now();
      })),
    lookedAt: () => lookedAt,
  };
}

function tooLate(isFile: boolean): ChatError {
  return isFile
    ? new ChatError("storage_busy", "The database has not let itself be written for a while.")
    : new ChatError("database_unavailable", "The database has not answered for a while.");
}

/**
 * Whether it is time to write something. A commit that others have made starts the measure again.
 */
function writesEverMoreRarely(storage: { readonly workedAt: number }): () => boolean {
  let seen = Number.NEGATIVE_INFINITY;
  let wait = MOMENT_MS;
  let isMine = false;
  return () => {
    if (storage.workedAt !== seen && !isMine) wait = MOMENT_MS;
    seen = storage.workedAt;
    isMine = performance.now() - seen > wait;
    if (isMine) wait = Math.min(wait * 1.5, RAREST_WRITE_MS);
    return isMine;
  };
}

/**
 * Writes something for good and leaves nothing: a session that comes and goes in one transaction.
 */
async function probe({ newUnitOfWork }: Pick<ChatDeps, "newUnitOfWork">): Promise<void> {
  const id = uuid();
  await newUnitOfWork().commit("probe_storage", async (trx) => {
    await insertSession(trx, { id, title: "", agent_type: "", model: null });
    await removeSession(trx, id);
  });
}
