import { hostname } from "node:os";
import { v7 as uuid } from "uuid";
import { sendQueued, watchQueues } from "./chat/accept/send-queued.ts";
import { giveUpClaims } from "./chat/calls/claims.ts";
import { createCompanionCalls } from "./chat/calls/companion-calls.ts";
import type { Chat } from "./chat/chat.ts";
import { createChat } from "./chat/create-chat.ts";
import type { ChatDeps } from "./chat/deps.ts";
import { createHub } from "./chat/log/hub.ts";
import { leaseOwner } from "./chat/log/lease-owner.ts";
import { createPeers, NO_PEERS, tellPeers } from "./chat/log/peer-notify.ts";
import { SessionLock } from "./chat/log/session-lock.ts";
import { sessionWriter } from "./chat/log/write-session.ts";
import { recoverTurns } from "./chat/turn/recover-turns.ts";
import { Turns } from "./chat/turn/turns.ts";
import { compactInBackground } from "./chat/upkeep/compact-turns.ts";
import { purgeInBackground } from "./chat/upkeep/deleted-chats.ts";
import { followPeers } from "./chat/upkeep/follow-peers.ts";
import { checkEpoch, renewWitness } from "./chat/upkeep/keep-epoch.ts";
import { tellWaits } from "./chat/upkeep/tell-waits.ts";
import { titleChat } from "./chat/upkeep/title-chats.ts";
import { removeUnsentInBackground } from "./chat/upkeep/unsent-attachments.ts";
import { watchPromotions } from "./chat/upkeep/watch-promotions.ts";
import { watchStorage } from "./chat/upkeep/watch-storage.ts";
import { type Config, DEFAULT_KEEP_DELETED_DAYS } from "./config.ts";
import { RecentTransactions } from "./db/commit/recent-transactions.ts";
import { type UnitsOfWork, unitsOfWork } from "./db/commit/units-of-work.ts";
import { isDamage } from "./db/engine/storage-errors.ts";
import type { OpenedDatabase } from "./db/opened-database.ts";
import { keepBackups } from "./doctor/files/keep-backups.ts";
import { openOrReplace, setAsideOf } from "./doctor/open-or-replace.ts";
import { witnessFile } from "./lifecycle/witness-file.ts";
import type { Log } from "./log.ts";
import { type Metrics, startUpstreamAtZero } from "./observe/metrics.ts";
import type { Waiting } from "./protocol/sse.ts";
import { usualAnswerThreads } from "./providers/answer-threads.ts";
import { type Catalog, createCatalog } from "./providers/catalog.ts";
import { RESUME_CAUSES } from "./providers/hear-answer.ts";
import { VENDOR_NAMES } from "./providers/vendors.ts";
import { SKIPPED_KINDS } from "./providers/wire/answer-state.ts";

export interface Companion {
  chat: Chat;
  /** The machine slept, or this process did, for so long. */
  wake(missedMs: number): Promise<void>;
  /**
   * Tells for how many seconds the database has been away, once a second, and 0 when it is back.
   */
  onWait(tell: (waiting: Waiting) => void): void;
  /** Ends what still runs, then closes the database. */
  close(): Promise<void>;
}

/** What a companion is put together from. */
export interface CompanionParts {
  database: OpenedDatabase;
  models: Pick<Catalog, "resolve" | "list" | "setKey" | "removeKey" | "wake">;
  newUnitOfWork: UnitsOfWork;
  recent: RecentTransactions;
  /** Of the names on its leases. */
  installation: string;
  log: Log;
  metrics: Metrics;
  setAside?: ChatDeps["setAside"];
  continuesAnswers?: boolean;
  keepDeletedDays?: number;
  titles?: boolean;
  privateHosts?: readonly string[];
}

/**
 * Opens and migrates the database, then puts the companion together. A SQLite file that turns out
 * to be damaged on the way is checked and, if it cannot be read, set aside.
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
  installation: string,
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
    hold: config.resumeAnswers,
    answerThreads: config.answerThreads ?? usualAnswerThreads(),
    onSkipped: (provider, kind, count) => metrics.upstreamSkipped.inc({ provider, kind }, count),
    onResumed: (provider, cause) => metrics.upstreamResumes.inc({ provider, cause }),
  });
  const recent = new RecentTransactions(config.slowSeconds);
  const newUnitOfWork = unitsOfWork(database, { metrics, log, recent });
  const setAside = () => setAsideOf(dataDir, config.database);
  const { continueAnswers: continuesAnswers, keepDeletedDays, titles, privateHosts } = config;
  const parts = {
    ...{ database, models, newUnitOfWork, recent, installation, log, metrics, setAside },
    continuesAnswers,
    keepDeletedDays,
    titles,
    privateHosts,
  };
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
  const backups =
    config.backups === "daily" && config.database.engine === "sqlite"
      ? keepBackups({ dataDir, path: config.database.path }, log, keepWitness)
      : undefined;
  return {
    ...companion,
    async close() {
      await backups?.stop();
      // A copy that was made while it ran is an older state from now on.
      await keepWitness();
      await companion.close();
    },
  };
}

/** What the rooms of the chat need. Nothing runs yet but the watch over the storage. */
export function createChatDeps(parts: CompanionParts, closing: AbortSignal): ChatDeps {
  const { database, models, newUnitOfWork, installation, log, metrics } = parts;
  const soleCompanion = database.engine === "sqlite";
  const owner = leaseOwner({ installation, host: hostname(), pid: process.pid, start: uuid() });
  const peers = database.peerChannel ? createPeers(database.peerChannel, owner) : NO_PEERS;
  const hub = tellPeers(createHub(metrics), peers);
  const watched = { database, newUnitOfWork, metrics, log, soleCompanion };
  const deps: ChatDeps = {
    ...{
      database,
      models,
      newUnitOfWork,
      metrics,
      log,
      hub,
      peers,
      owner,
      soleCompanion,
      closing,
    },
    reader: database.reader,
    write: sessionWriter(hub, newUnitOfWork),
    recent: parts.recent,
    resolveModel: (id) => models.resolve(id),
    continuesAnswers: parts.continuesAnswers ?? true,
    lock: new SessionLock(metrics),
    turns: new Turns(
      () => deps,
      (sessionId, isDone) => {
        void sendQueued(deps, sessionId);
        if (isDone && deps.titles) void titleChat(deps, sessionId);
      },
    ),
    companionCalls: createCompanionCalls(() => deps),
    pages: { allowedHosts: parts.privateHosts ?? [] },
    storage: watchStorage(watched),
    setAside: parts.setAside ?? (() => null),
    keepDeletedDays: parts.keepDeletedDays ?? DEFAULT_KEEP_DELETED_DAYS,
    titles: parts.titles ?? false,
  };
  return deps;
}

/** Closes what a crash left open; then the companion is ready. */
export async function assembleCompanion(parts: CompanionParts): Promise<Companion> {
  const { database, models, metrics } = parts;
  metrics.databaseUp.set(1);
  database.health.listen(metrics.showStorage);
  startUpstreamAtZero(metrics, VENDOR_NAMES, SKIPPED_KINDS, RESUME_CAUSES);
  const closing = new AbortController();
  const deps = createChatDeps(parts, closing.signal);
  await recoverTurns(deps);
  const queues = watchQueues(deps);
  const compacting = compactInBackground(deps);
  const purging = purgeInBackground(deps);
  const unsent = removeUnsentInBackground(deps);
  const following = deps.soleCompanion ? undefined : followPeers(deps);
  const giving = giveUpClaims(deps);
  await watchPromotions(deps);
  // Leases may have ended while nobody could renew them.
  database.away.listen({ onBack: () => void deps.turns.wake() });
  const waits = new Set<(waiting: Waiting) => void>();
  const telling = tellWaits(database, (waiting) => {
    const { seconds, second_machine } = waiting;
    metrics.databaseWaiting.set(seconds);
    metrics.secondMachineWaiting.set(second_machine ? seconds : 0);
    for (const tell of waits) tell(waiting);
  });
  return {
    chat: createChat(deps),
    onWait: (tell) => void waits.add(tell),
    async wake(missedMs) {
      models.wake(missedMs);
      await deps.turns.wake();
      await deps.storage.check();
    },
    async close() {
      closing.abort();
      void deps.storage.stop();
      void following?.stop();
      void giving.stop();
      void queues.stop();
      void telling.stop();
      await deps.turns.drain();
      await compacting.stop();
      await purging.stop();
      await unsent.stop();
      await database.close();
    },
  };
}
