import { v7 as uuid } from "uuid";
import type { Chat } from "./chat/chat.ts";
import { createChat } from "./chat/create-chat.ts";
import { followOthers } from "./chat/follow-others.ts";
import { createHub } from "./chat/hub.ts";
import { recoverTurns } from "./chat/recover-turns.ts";
import { SessionLock } from "./chat/session-lock.ts";
import type { TurnDeps } from "./chat/turn-deps.ts";
import { Turns } from "./chat/turns.ts";
import { watchStorage } from "./chat/watch-storage.ts";
import type { Config } from "./config.ts";
import { openDatabase } from "./db/open.ts";
import { SSEUnitOfWork } from "./db/unit-of-work.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { createCatalog } from "./providers/catalog.ts";
import { DEMO_TOOLS } from "./providers/demo.ts";

export interface Companion {
  chat: Chat;
  /** The machine slept, or this process did, for so long. */
  wake(missedMs: number): Promise<void>;
  /** Ends what still runs, then closes the database. */
  close(): Promise<void>;
}

/** Puts the companion together: opens and migrates the database, closes what a crash left open, and is ready. */
export async function createCompanion(
  config: Config,
  log: Log,
  metrics: Metrics,
): Promise<Companion> {
  const database = await openDatabase(config.database, log);
  metrics.databaseUp.set(1);
  const closing = new AbortController();
  const catalog = createCatalog({
    providers: config.providers,
    defaultModel: config.model,
    stallSeconds: config.stallSeconds,
  });
  const unitOfWork = {
    db: database.writer,
    group: database.commitGroup,
    metrics,
    log,
    slowSeconds: config.slowSeconds,
  };
  const deps: TurnDeps = {
    newUnitOfWork: (turnId) => new SSEUnitOfWork(unitOfWork, turnId),
    reader: database.reader,
    hub: createHub(metrics),
    metrics,
    log,
    resolveModel: (id) => catalog.resolve(id),
    allTools: DEMO_TOOLS,
    toolsFor: (providerName) => (providerName === "demo" ? DEMO_TOOLS : []),
    owner: uuid(),
    closing: closing.signal,
    soleCompanion: database.engine === "sqlite",
  };
  const turns = new Turns(deps);
  await recoverTurns(deps);
  const watching = watchStorage(deps, () => database.ping());
  const following = deps.soleCompanion ? undefined : followOthers(deps, turns);
  const chat = createChat({
    ...deps,
    turns,
    lock: new SessionLock(metrics),
    database,
    models: catalog,
  });
  return {
    chat,
    async wake(missedMs) {
      catalog.wake(missedMs);
      await turns.wake();
      await chat.ready();
    },
    async close() {
      closing.abort();
      watching.stop();
      following?.stop();
      await turns.drain();
      await database.close();
    },
  };
}
