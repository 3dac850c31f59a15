import { chmodSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { v7 as uuid } from "uuid";
import { createHub } from "../../chat/log/hub.ts";
import { leaseOwner } from "../../chat/log/lease-owner.ts";
import { sessionWriter } from "../../chat/log/write-session.ts";
import { RecentTransactions } from "../../db/commit/recent-transactions.ts";
import { unitsOfWork } from "../../db/commit/units-of-work.ts";
import { openDatabase } from "../../db/open.ts";
import { type DatabaseSource, type Durability } from "../../db/opened-database.ts";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../observe/metrics.ts";
import { leftoverFiles, openFiles } from "../check/check-files.ts";
import { counted } from "../check/report.ts";
import { type RepairDeps, rebuildIndex, reindex, repairChats } from "./repair-chats.ts";

/** Rights and leftovers. Returns what it has done, in words. */
export function repairFiles(dataDir: string, database: DatabaseSource): string[] {
  const open = openFiles(dataDir, database);
  for (const { path, wanted } of open) chmodSync(path, wanted);
  const leftovers = leftoverFiles(dataDir);
  for (const path of leftovers) rmSync(path, { force: true });
  return [
    ...open.map(({ path }) => `Made ${path} private.`),
    ...(leftovers.length === 0 ? [] : [`Removed ${counted(leftovers.length, "leftover file")}.`]),
  ];
}

/** Nobody waits for a repair. */
const SLOW_SECONDS = 60;

/** Where what is mended is, and what tells of it. */
export interface RepairTarget {
  database: DatabaseSource;
  durability: Durability;
  log: Log;
  metrics: Metrics;
}

/**
 * Mends a database whose tables can be read: `badIndexes` builds all indexes anew before anything
 * relies on one. Rejects with `ChatError`. On SQLite the caller holds the leader lock.
 */
export async function repairDatabase(target: RepairTarget, badIndexes: boolean): Promise<string[]> {
  return await withRepairDeps(target, async (deps) => {
    if (!badIndexes) return await repairChats(deps);
    await reindex(deps);
    await rebuildIndex(deps);
    return ["Built all indexes anew.", ...(await repairChats(deps))];
  });
}

/** Opens the database, new if there is none, to write into it. */
export async function withRepairDeps<T>(
  { database: source, durability, log, metrics }: RepairTarget,
  body: (deps: RepairDeps) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(source, log, durability);
  try {
    const recent = new RecentTransactions(SLOW_SECONDS);
    const newUnitOfWork = unitsOfWork(database, { metrics, log, recent });
    return await body({
      engine: source.engine,
      reader: database.reader,
      newUnitOfWork,
      write: sessionWriter(createHub(metrics), newUnitOfWork),
      log,
      owner: leaseOwner({ installation: "", host: hostname(), pid: process.pid, start: uuid() }),
      soleCompanion: database.engine === "sqlite",
    });
  } finally {
    await database.close();
  }
}
