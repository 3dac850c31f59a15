import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { ChatError } from "../../errors.ts";
import { freeBytesOf } from "../../lifecycle/file-system.ts";
import { copyDatabase } from "./copy-in-process.ts";
import { databaseFiles } from "./database-files.ts";
import { fromStamp, toStamp } from "./stamp.ts";

export interface Backup {
  path: string;
  at: Date;
}

/** Newest first. */
export function listBackups(dataDir: string): Backup[] {
  const folder = backupFolder(dataDir);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => {
      const at = fromStamp(/^streamkeeper-(.+)\.db$/.exec(name)?.[1] ?? "");
      return at ? [{ path: join(folder, name), at }] : [];
    })
    .toSorted((a, b) => b.at.getTime() - a.at.getTime());
}

export function newestBackup(dataDir: string): Backup | undefined {
  return listBackups(dataDir)[0];
}

export function backupFolder(dataDir: string): string {
  return join(dataDir, "backups");
}

/** What must stay free beside a backup, so that chats can still be saved. */
const SPARE_BYTES = 200e6;

/**
 * Copies a SQLite database while it is in use, into `backups/` of the data directory, and returns
 * the copy once it is checked and on the disk. Rejects with `ChatError`: `storage_full` if there is
 * no room for it, else `internal` with the words of that process.
 */
export async function makeBackup(
  { dataDir, path }: { dataDir: string; path: string },
  signal?: AbortSignal,
): Promise<Backup> {
  const folder = backupFolder(dataDir);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const needed = databaseFiles(path).reduce((sum, file) => sum + sizeOf(file), SPARE_BYTES);
  const free = await freeBytesOf(folder);
  if (free !== undefined && free < needed) {
    throw new ChatError("storage_full", "There is no room for a backup.", {
      hint: `${Math.ceil(needed / 1e6)} MB are needed, ${Math.floor(free / 1e6)} MB are free.`,
    });
  }
  const at = new Date(Math.floor(Date.now() / 1000) * 1000);
  const target = join(folder, `streamkeeper-${toStamp(at)}.db`);
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    await copyDatabase(path, temporary, signal);
    renameSync(temporary, target);
  } finally {
    rmSync(temporary, { force: true });
    rmSync(`${temporary}-journal`, { force: true });
  }
  return { path: target, at };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
