import { rmSync } from "node:fs";
import { ChatError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { every, type Repeating, unexpected } from "../../shared/every.ts";
import { type Backup, listBackups, makeBackup, newestBackup } from "./backups.ts";
import { asideFiles } from "./set-aside.ts";

/** Not at once: a start has other work, and many companions live for minutes only. */
const FIRST_LOOK_MS = 60_000;
const LOOK_MS = 15 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

interface Place {
  dataDir: string;
  /** Of the SQLite file. */
  path: string;
}

/**
 * A backup a day, and only so many of them, for as long as the companion lives; each is told of.
 */
export function keepBackups(place: Place, log: Log, onBackup: () => Promise<void>): Repeating {
  const closing = new AbortController();
  const look = () => backUpIfDue(place, log, closing.signal, onBackup);
  const looking = every(LOOK_MS, look, unexpected, FIRST_LOOK_MS);
  return {
    async stop() {
      closing.abort();
      await looking.stop();
    },
  };
}

/** Never rejects. */
export async function backUpIfDue(
  place: Place,
  log: Log,
  signal: AbortSignal,
  onBackup: () => Promise<void> = async () => {},
): Promise<void> {
  const age = Date.now() - (newestBackup(place.dataDir)?.at.getTime() ?? 0);
  // A clock that was set back must not hold backups up.
  if (signal.aborted || (age >= 0 && age < DAY_MS)) return;
  try {
    const started = performance.now();
    const { path } = await makeBackup(place, signal);
    log.info({ path, seconds: (performance.now() - started) / 1000 }, "made a backup");
    removeOld(place);
    await onBackup();
  } catch (err) {
    if (signal.aborted) return;
    if (err instanceof ChatError && err.code === "storage_full") {
      log.warn({ err }, "no backup was made, since the disk has no room for it");
    } else log.warn({ err }, "a backup could not be made");
  }
}

export function removeOld({ dataDir, path }: Place): void {
  const aside = asideFiles(path).map(({ at }) => at);
  for (const backup of outdated(listBackups(dataDir), aside)) rmSync(backup.path, { force: true });
}

const DAYS = 3;
const WEEKS = 3;

/**
 * Those to remove: all but the newest of the last 3 days and the first of the last 3 weeks that
 * have one, and but the last one before each file that was set aside, since that is the way back.
 */
export function outdated(backups: readonly Backup[], setAside: readonly Date[]): Backup[] {
  const newestFirst = backups.toSorted((a, b) => b.at.getTime() - a.at.getTime());
  const days = Map.groupBy(newestFirst, ({ at }) => Math.floor(at.getTime() / DAY_MS));
  const weeks = Map.groupBy(newestFirst, ({ at }) => Math.floor(at.getTime() / (7 * DAY_MS)));
  const kept = new Set([
    ...[...days.values()].slice(0, DAYS).map((ofDay) => ofDay[0]),
    ...[...weeks.values()].slice(0, WEEKS).map((ofWeek) => ofWeek.at(-1)),
    ...setAside.map((time) => newestFirst.find(({ at }) => at <= time)),
  ]);
  return newestFirst.filter((backup) => !kept.has(backup));
}
