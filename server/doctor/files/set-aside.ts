import { closeSync, existsSync, openSync, readdirSync, readSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { APPLICATION_ID } from "../../db/open.ts";
import { databaseFiles } from "./database-files.ts";
import { fromStamp, toStamp } from "./stamp.ts";

/** `set-aside`: it could not be read. `replaced`: a backup took its place. */
type Reason = "set-aside" | "replaced";

/**
 * Gives a SQLite file and what belongs to it another name, `PATH.set-aside-STAMP`, and returns it.
 * Nothing is overwritten. Call it under the leader lock, with the file closed.
 */
export function setAside(path: string, reason: Reason, now = new Date()): string {
  return rename(path, `${path}.${reason}-${toStamp(now)}`);
}

/** The same for a file that was set aside, once all that can be read of it is back. */
export function markSalvaged(file: string): string {
  return rename(file, file.replace(".set-aside-", ".salvaged-"));
}

function rename(path: string, wanted: string): string {
  let name = wanted;
  for (let n = 2; databaseFiles(name).some((file) => existsSync(file)); n++)
    name = `${wanted}-${n}`;
  // What only a log is left of is known by its main file's name, too.
  if (!existsSync(path) && existsSync(`${path}-wal`)) closeSync(openSync(path, "a", 0o600));
  // The log first: left beside a new database, it would be taken for that one's.
  for (const part of ["-shm", "-wal", ""]) {
    if (existsSync(path + part)) renameSync(path + part, name + part);
  }
  return name;
}

export interface AsideFile {
  path: string;
  at: Date;
}

/** The files that could not be read and are not salvaged, newest first. */
export function asideFiles(path: string): AsideFile[] {
  const prefix = `${basename(path)}.set-aside-`;
  const folder = dirname(path);
  if (!existsSync(folder)) return [];
  return (
    readdirSync(folder)
      .filter((name) => name.startsWith(prefix) && !/(?:-wal|-shm|\.tmp)$/.test(name))
      .flatMap((name) => {
        const at = fromStamp(name.slice(prefix.length, prefix.length + 16));
        return at ? [{ path: join(folder, name), at }] : [];
      })
      // Of the same second the one with a number is newer.
      .toSorted((a, b) => b.at.getTime() - a.at.getTime() || b.path.localeCompare(a.path))
  );
}

/**
 * A damaged file elsewhere than in the data directory, without our mark, may be somebody
 * else's and no database at all.
 */
export function isOurs(path: string, dataDir: string): boolean {
  return dirname(path) === dataDir || hasOurMark(path);
}

export function hasOurMark(path: string): boolean {
  return markOf(path) === APPLICATION_ID;
}

/**
 * https://sqlite.org/fileformat.html#application_id. Read before SQLite opens the file: closing it
 * would free SQLite's locks.
 */
function markOf(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  const bytes = Buffer.alloc(4);
  const file = openSync(path, "r");
  try {
    return readSync(file, bytes, 0, 4, 68) === 4 ? bytes.readUInt32BE() : undefined;
  } finally {
    closeSync(file);
  }
}
