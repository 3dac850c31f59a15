import { hostname } from "node:os";
import { v7 as uuid } from "uuid";
import { giveUpClaims } from "./chat/calls/claims.ts";
import type { Chat } from "./chat/chat.ts";
import { createChat } from "./chat/create-chat.ts";
import type { TurnDeps } from "./chat/deps.ts";
import { createHub } from "./chat/log/hub.ts";
import { leaseOwner } from "./chat/log/lease-owner.ts";
import { exchangeHints, NO_OTHERS, tellOthers } from "./chat/log/peer-notify.ts";
import { SessionLock } from "./chat/log/session-lock.ts";
import { sessionWriter } from "./chat/log/write-session.ts";
import { recoverTurns } from "./chat/turn/recover-turns.ts";
import { Turns } from "./chat/turn/turns.ts";
import { compactInBackground } from "./chat/upkeep/compact-turns.ts";
import { followOthers } from "./chat/upkeep/follow-peers.ts";
import { checkEpoch, renewWitness } from "./chat/upkeep/keep-epoch.ts";
import { watchStorage } from "./chat/upkeep/watch-storage.ts";
import type { Config } from "./config.ts";
import { RecentTransactions } from "./db/commit/recent-transactions.ts";
import { unitsOfWork } from "./db/commit/units-of-work.ts";
import { isDamage } from "./db/engine/storage-errors.ts";
import type { OpenedDatabase } from "./db/open.ts";
import { keepBackups } from "./doctor/keep-backups.ts";
import { openOrReplace, setAsideOf } from "./doctor/open-or-replace.ts";
import { witnessFile } from "./lifecycle/witness-file.ts";
import type { Log } from "./log.ts";
import { type Metrics, startUpstreamAtZero } from "./observe/metrics.ts";
import { type Catalog, createCatalog } from "./providers/catalog.ts";
import { DEMO_TOOLS } from "./providers/demo.ts";
import { VENDOR_NAMES } from "./providers/vendors.ts";
import { SKIPPED_KINDS } from "./providers/wire/answer.ts";

export interface Companion {
  chat: Chat;
  /** The machine slept, or this process did, for so long. */
  wake(missedMs: number): Promise<void>;
  /** Ends what still runs, then closes the database. */
  close(): Promise<void>;
}

/** What a companion is put together from. */
export interface CompanionParts {
  database: OpenedDatabase;
  models: Pick<Catalog, "resolve" | "list" | "setKey" | "removeKey" | "wake">;
  newUnitOfWork: TurnDeps["newUnitOfWork"];
  recent: RecentTransactions;
  /** Of the names on its leases. */
  house: string;
  log: Log;
  metrics: Metrics;
}

/**
 * Opens and migrates the database, then puts the companion together. A SQLite file that turns out to be damaged on the way is
 * checked and, if it cannot be read, set aside.
 */
export async function createCompanion(
  ...start: Parameters<typeof openCompanion>
): Promise<Companion> {
  try {
    return await openCompanion(...start);
  } catch (thrown) {
    if (!isDamage(thrown)) throw thrown;
    return await openCompanion(...start);
  }
}

async function openCompanion(
  config: Config,
  house: string,
  log: Log,
  metrics: Metrics,
): Promise<Companion> {
  const { dataDir } = config;
  const database = await openOrReplace(config, { log, metrics });
  const models = createCatalog({
    providers: config.providers,
    defaultModel: config.model,
    contextWindows: config.contextWindows,
    stallSeconds: config.stallSeconds,
    onSkipped: (provider, kind, count) => metrics.upstreamSkipped.inc({ provider, kind }, count),
  });
  const recent = new RecentTransactions(config.slowSeconds);
  const newUnitOfWork = unitsOfWork(database, { metrics, log, recent });
  const parts = { database, models, newUnitOfWork, recent, house, log, metrics };
  const watched = { reader: database.reader, newUnitOfWork, log };
  const { database: source } = config;
  const witness = witnessFile(dataDir, source.engine === "sqlite" ? source.path : source.url);
  const keepWitness = () => renewWitness(watched, witness);
  const assemble = async () => {
    await checkEpoch(watched, witness);
    return await assembleCompanion(parts);
  };
  const companion = await assemble().catch(async (thrown: unknown) => {
    await database.close();
    throw thrown;
  });
  const { chat } = companion;
  const backups =
    config.backups === "daily" && config.database.engine === "sqlite"
      ? keepBackups({ dataDir, path: config.database.path }, log, keepWitness)
      : undefined;
  return {
    ...companion,
    chat: {
      ...chat,
      async ready() {
        return { ...(await chat.ready()), set_aside: setAsideOf(dataDir, config.database) };
      },
    },
    async close() {
      await backups?.stop();
      // A copy that was made while it ran is an older state from now on.
      await keepWitness();
      await companion.close();
    },
  };
}

/** Closes what a crash left open; then the companion is ready. */
export async function assembleCompanion(parts: CompanionParts): Promise<Companion> {
  const { database, models, newUnitOfWork, house, log, metrics } = parts;
  metrics.databaseUp.set(1);
  startUpstreamAtZero(metrics, VENDOR_NAMES, SKIPPED_KINDS);
  const closing = new AbortController();
  const owner = leaseOwner({ house, host: hostname(), pid: process.pid, start: uuid() });
  const hints = database.hints && exchangeHints(database.hints, owner);
  const others = hints ?? NO_OTHERS;
  const ownHub = createHub(metrics);
  const hub = hints ? tellOthers(ownHub, hints) : ownHub;
  const deps: TurnDeps = {
    newUnitOfWork,
    write: sessionWriter({ hub, newUnitOfWork }),
    reader: database.reader,
    hub,
    metrics,
    log,
    resolveModel: (id) => models.resolve(id),
    toolsFor: (providerName) => (providerName === "demo" ? DEMO_TOOLS : []),
    owner,
    closing: closing.signal,
    others,
    soleCompanion: database.engine === "sqlite",
  };
  const turns = new Turns(deps);
  await recoverTurns(deps);
  const compacting = compactInBackground(deps);
  const watching = watchStorage(deps, () => database.ping());
  const following = deps.soleCompanion
    ? undefined
    : followOthers(deps, turns, { hub: ownHub, hints });
  const starting = { ...deps, turns, lock: new SessionLock(metrics) };
  const giving = giveUpClaims(starting);
  const chat = createChat({
    ...starting,
    database,
    models,
    recent: parts.recent,
    checkStorage: watching.check,
  });
  return {
    chat,
    async wake(missedMs) {
      models.wake(missedMs);
      await turns.wake();
      await chat.ready();
    },
    async close() {
      closing.abort();
      watching.stop();
      following?.stop();
      giving.stop();
      await turns.drain();
      await compacting.stop();
      await database.close();
    },
  };
}
